"""What is written is read again as it was, whatever is in it; what is not ours is not touched."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.model import ConfigError
from receiver.rulebook import book
from receiver.rulebook.book import (
    HEADER,
    Alerting,
    Book,
    Group,
    drop_rule,
    excess,
    put_rule,
    read,
    tag,
    written,
)

TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=40
)


def rule(alert: str = "On", **keys: Any) -> Alerting:
    return Alerting.model_validate({"alert": alert, "expr": "up == 0"} | keys)


ALERTING = st.builds(
    rule,
    alert=st.sampled_from(["On", "an", "1e3", "yes", "磁盘"]),
    expr=TEXT.filter(str.strip),
    labels=st.dictionaries(st.sampled_from(["a", "b", "y"]), TEXT, max_size=2),
    annotations=st.dictionaries(st.sampled_from(["summary", "on"]), TEXT, max_size=2),
    keep_firing_for=st.sampled_from(["", "5m", "1h30m"]),
)


@given(st.lists(ALERTING, min_size=1, max_size=3, unique_by=lambda each: each.alert))
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, rules: list[Alerting]
) -> None:
    path = tmp_path_factory.getbasetemp() / "managed.yml"
    wanted = Book(groups=(Group(name="ours", interval="30s", rules=tuple(rules)),))
    path.write_bytes(written(wanted))
    assert read(path) == wanted


def test_the_file_says_whose_it_is_and_reads_like_prometheus_own(tmp_path: Path) -> None:
    path = tmp_path / "managed.yml"
    assert read(path) == Book()
    text = written(put_rule(Book(), "ours", rule("Down", **{"for": "5m"})))
    expected = "groups:\n- name: ours\n  rules:\n  - alert: Down\n    expr: up == 0\n    for: 5m\n"
    assert text == HEADER + expected.encode()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"groups: []\n", "not made by Tocsin"),
        (HEADER + b"groups: [{name: a, rules: [{record: b, expr: c}]}]", "unknown key"),
        (HEADER + b"groups: {", "not YAML"),
    ],
)
def test_what_is_not_ours_is_not_read(tmp_path: Path, text: bytes, said: str) -> None:
    path = tmp_path / "managed.yml"
    path.write_bytes(text)
    with pytest.raises(ConfigError, match=said):
        read(path)


def test_with_its_last_rule_a_group_goes() -> None:
    two = put_rule(put_rule(Book(), "ours", rule("On")), "ours", rule("Off"))
    one = drop_rule(two, "ours", "On")
    assert [each.alert for each in one.groups[0].rules] == ["Off"]
    assert drop_rule(one, "ours", "On") == one
    assert drop_rule(one, "ours", "Off") == Book()
    again = put_rule(two, "ours", rule("On", expr="up == 1"))
    assert [each.expr for each in again.groups[0].rules] == ["up == 1", "up == 0"]
    assert tag(again.groups[0]) != tag(two.groups[0])


def test_there_is_a_bound_on_each_count(monkeypatch: pytest.MonkeyPatch) -> None:
    two = put_rule(put_rule(Book(), "ours", rule("On")), "ours", rule("Off"))
    assert excess(two) == ""
    for name, least, said in (
        ("MOST_GROUPS", 0, "0 groups"),
        ("MOST_IN_GROUP", 1, "1 rules in a group"),
        ("MOST_RULES", 1, "1 rules"),
        ("LARGEST", 100, "0 MiB"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(book, name, least)
            assert said in excess(two)
