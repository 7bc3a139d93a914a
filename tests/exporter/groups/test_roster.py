import pytest

from exporter.collectors.patterns import patterns
from exporter.groups import roster
from exporter.groups.roster import Group, GroupRule, Roster
from exporter.model import SeriesKey

DAY = 86_400.0


def rule(
    name: str = "", by: tuple[str, ...] = (), pattern: str = ".+", limit: int = 32
) -> GroupRule:
    return GroupRule(name=name, by=by, signals=patterns(pattern), limit=limit)


def key(signal: str, **labels: str) -> SeriesKey:
    return SeriesKey(signal, tuple(labels.items()))


def members(one: Roster, *keys: SeriesKey, now: float = 0.0) -> dict[str, list[str]]:
    groups = one.update(keys, now)
    return {group.name: [member.signal for member in group.members] for group in groups}


def test_each_value_of_a_label_has_a_group_and_patterns_match_whole_names() -> None:
    keys = (
        key("errors", service="checkout"),
        key("latency", service="checkout"),
        key("latency_seconds_old", service="checkout"),
        key("latency", service="search", zone="b"),
        key("latency"),
    )
    one = Roster([rule(by=("service",), pattern="errors|latency"), rule("all", pattern="latency")])
    assert members(one, *keys) == {
        "service=checkout": ["errors", "latency"],
        "service=search": ["latency"],
        "all": ["latency"] * 3,
    }


def test_a_named_rule_names_its_groups_and_several_labels_stand_together() -> None:
    one = Roster([rule("slow", by=("service", "zone"))])
    assert members(one, key("a", zone="b", service="c")) == {"slow:service=c,zone=b": ["a"]}


def test_who_is_beyond_the_limit_is_counted_at_every_tick_and_those_before_stay() -> None:
    one = Roster([rule("g", limit=2)])
    assert members(one, key("a"), key("b")) == {"g": ["a", "b"]}
    crowd = (key("z"), key("a"), key("b"))
    for _ in range(3):
        assert {group.name: len(group.members) for group in one.update(crowd, 1)} == {"g": 2}
    assert one.groups[0].members == (key("a"), key("b"))
    assert one.skipped == {"group_limit": 0, "group_member_limit": 3}
    assert one.left_out == {key("z").signal: {"group_member_limit": 1}}


def test_who_is_away_is_a_member_for_a_day_unless_the_place_is_wanted() -> None:
    one = Roster([rule("g", limit=2)])
    both, first = (key("a"), key("b")), (key("a"),)
    one.update(both, 0)
    assert members(one, *first, now=DAY - 1) == {"g": ["a", "b"]}
    assert members(one, *first, now=DAY + 1) == {"g": ["a"]}
    one.update(both, DAY + 2)
    assert members(one, key("a"), key("c"), now=DAY + 3) == {"g": ["a", "c"]}


def test_a_member_that_is_away_is_forgotten_while_nothing_else_changes() -> None:
    one = Roster([rule("g")])
    one.update((key("a"), key("b")), 0)
    keys = (key("a"),)
    for hour in range(1, 27):
        one.update(keys, hour * 3600.0)
    assert one.groups == (Group("g", keys),)


def test_groups_beyond_the_limit_are_counted_and_those_before_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(roster, "MOST_GROUPS", 1)
    one = Roster([rule(by=("n",))])
    members(one, key("a", n="2"))
    crowd = (key("a", n="1"), key("b", n="1"), key("a", n="2"))
    assert members(one, *crowd, now=1) == {"n=2": ["a"]}
    assert one.skipped == {"group_limit": 2, "group_member_limit": 0}
    assert one.left_out == {name: {"group_limit": 1} for name in "ab"}


def test_while_nothing_changes_the_groups_are_the_very_same() -> None:
    one = Roster([rule("g")])
    keys = (key("a"), key("b"))
    before = one.update(keys, 0)
    assert one.update((key("b"),), 1) is one.update((key("a"),), 2) is before


def test_new_rules_keep_the_members_that_they_still_take() -> None:
    one = Roster([rule("g"), rule("h")])
    keys = (key("a"), key("b"))
    one.update(keys, 0)
    one.rules = (rule("g", pattern="b"),)
    assert members(one, *keys, now=1) == {"g": ["b"]}
