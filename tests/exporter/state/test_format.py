import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import SeriesKey
from exporter.state.format import Head, Part, Rows, UnusableError, Writer, read

ARRAYS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([True, False, True])}
NAMES = ("x", "", "名\n\udcff")


def written() -> bytes:
    keys = tuple(SeriesKey("s", (("l", name),)) for name in NAMES)
    file = io.BytesIO()
    writer = Writer(file, Head.of("layout", ARRAYS))
    writer.rows(Rows(keys, (1.0, 2.0, 3.0), ARRAYS))
    writer.rows(Rows((), (), {name: array[..., :0] for name, array in ARRAYS.items()}))
    writer.part(Part("other", {"c": np.eye(2), "d": np.arange(3)}, {"words": ["名"]}))
    writer.finish()
    assert writer.size == len(file.getvalue())
    return file.getvalue()


def check(head: Head) -> None:
    assert head == Head.of("layout", ARRAYS)


def test_what_is_written_is_read() -> None:
    first, second, part = read(io.BytesIO(written()), check)
    assert isinstance(first, Rows)
    assert isinstance(second, Rows)
    assert isinstance(part, Part)
    assert [dict(key.labels)["l"] for key in first.keys] == list(NAMES)
    assert first.seen == (1, 2, 3)
    for name, array in ARRAYS.items():
        assert np.array_equal(first.arrays[name], array)
        assert first.arrays[name].dtype == array.dtype
    assert second.keys == ()
    assert (part.name, part.meta) == ("other", {"words": ["名"]})
    assert [array.tolist() for array in part.arrays.values()] == [[[1, 0], [0, 1]], [0, 1, 2]]


@given(st.data())
def test_no_change_of_a_byte_goes_unnoticed(data: st.DataObject) -> None:
    good = written()
    place = data.draw(st.integers(0, len(good) - 1))
    bad = bytearray(good)
    bad[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(UnusableError):
        list(read(io.BytesIO(bytes(bad)), check))


@given(st.integers(0, len(written()) - 1))
def test_no_cut_goes_unnoticed(length: int) -> None:
    with pytest.raises(UnusableError):
        list(read(io.BytesIO(written()[:length]), check))
