"""Rules that mostly fire together in one place are proposed to be one incident, each pair once."""

from datetime import UTC, datetime, timedelta

from receiver.incidents.grading import labels_in
from receiver.incidents.quality import assess
from receiver.incidents.spells import Proposal, Spell

START = datetime(2026, 11, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def spell(rule: str, at: float, **labels: str) -> Spell:
    opened, labels = START + at * MINUTE, labels or {"instance": "web1"}
    return Spell(rule, f"{rule} {labels}", opened, opened + 60 * MINUTE, labels=labels)


def merges(spells: list[Spell]) -> dict[str, Proposal]:
    return {
        each.rule: proposal
        for each in assess(spells, [])
        for proposal in each.proposals
        if proposal.setting == "merge"
    }


def test_what_mostly_fires_with_another_is_merged_into_it() -> None:
    often = [spell("Cpu", n * 1000) for n in range(10)]
    along = [spell("Latency", n * 1000 + 4) for n in range(4)]
    alone = spell("Latency", 9500)
    assert merges([*often, *along, alone]) == {"Latency": Proposal("merge", "Cpu", 4, 5)}
    assert merges([*often, *along, alone, spell("Latency", 8500)]) == {}


def test_of_two_that_always_fire_together_one_is_merged() -> None:
    spells = [spell(rule, n * 1000) for n in range(3) for rule in ("Cpu", "Latency", "Queue")]
    assert merges(spells) == {
        "Latency": Proposal("merge", "Cpu", 3, 3),
        "Queue": Proposal("merge", "Cpu", 3, 3),
    }


def test_what_fires_elsewhere_or_later_or_nowhere_in_particular_is_not() -> None:
    often = [spell("Cpu", n * 1000) for n in range(10)]
    for other in (
        [spell("Latency", n * 1000, instance="web2") for n in range(10)],
        [spell("Latency", n * 1000 + 6) for n in range(10)],
        [spell("Latency", n * 1000, team="db") for n in range(10)],
        [spell("Latency", n * 1000) for n in range(2)],
    ):
        assert merges([*often, *other]) == {}


def test_a_storm_is_counted_once_for_each_incident() -> None:
    spells = [spell("Cpu", n / 100) for n in range(100)] + [spell("Latency", 0.5)] * 3
    assert merges(spells) == {}


def test_labels_are_read_from_what_an_incident_is_about() -> None:
    about = "alertname=Disk full instance=web1:9100 a="
    assert labels_in(about) == {"alertname": "Disk full", "instance": "web1:9100", "a": ""}
    assert labels_in("") == {}
