import numpy as np

from exporter.model import Block, SeriesKey
from exporter.signals.joint import Joint


def block(name: str, *values: float) -> Block:
    keys = tuple(SeriesKey(name, (("n", str(i)),)) for i in range(len(values)))
    return Block(keys, np.array(values), np.full(len(values), 5.0))


def test_blocks_stand_one_behind_the_other() -> None:
    one, other = block("a", 1, 2), block("b", 3)
    joint = Joint(9).join([one, other])
    assert joint.keys == one.keys + other.keys
    assert joint.values.tolist() == [1, 2, 3]
    assert joint.times.tolist() == [5, 5, 5]


def test_the_keys_are_the_very_same_tuple_while_the_parts_are() -> None:
    joint, one, other = Joint(9), block("a", 1), block("b", 2)
    keys = joint.join([one, other]).keys
    assert joint.join([one, other]).keys is keys
    assert joint.join([one]).keys == one.keys
    assert joint.join([one, block("c", 2)]).keys[1].signal == "c"


def test_what_is_beyond_the_capacity_is_left_out_and_counted_every_time() -> None:
    joint, blocks = Joint(2), [block("a", 1), block("b", 2, 3)]
    for turn in (1, 2):
        kept = joint.join(blocks)
        assert len(kept.keys) == len(kept.values) == len(kept.times) == 2
        assert joint.skipped == {"duplicate": 0, "total_limit": turn}
    assert joint.left_out == {"b": {"total_limit": 1}}


def test_of_two_series_with_one_key_the_first_stands() -> None:
    joint = Joint(9)
    kept = joint.join([block("a", 1, 2), block("a", 8), block("b", 3)])
    assert [key.signal for key in kept.keys] == ["a", "a", "b"]
    assert kept.values.tolist() == [1, 2, 3]
    assert joint.skipped == {"duplicate": 1, "total_limit": 0}
    assert joint.left_out == {"a": {"duplicate": 1}}
