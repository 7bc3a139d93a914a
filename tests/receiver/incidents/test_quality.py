"""How good a rule is, and what would have spared people how much; no useful alert is lost to it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from receiver.incidents.quality import assess, propose
from receiver.incidents.spells import Proposal, Spell

START = datetime(2026, 11, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def spell(
    at: int, lasts: int | None, *, taken: bool = False, verdict: str = "", group: str = "a"
) -> Spell:
    """An incident that begins so many minutes after START and lasts so many."""
    opened = START + at * MINUTE
    over = None if lasts is None else opened + lasts * MINUTE
    return Spell("Slow", group, opened, over, taken, verdict)


def test_what_is_over_soon_and_wanted_by_nobody_asks_for_a_longer_wait() -> None:
    spells = [spell(n * 1000, 4) for n in range(6)] + [spell(n * 1000 + 500, 40) for n in range(4)]
    assert propose(spells)[0] == Proposal("for", 5 * MINUTE, 6, 10)


def test_a_wait_that_would_have_hidden_what_somebody_wanted_is_not_proposed() -> None:
    spells = [spell(n * 1000, 4) for n in range(6)]
    for wanted in (spell(9000, 3, taken=True), spell(9000, 3, verdict="useful")):
        assert propose([*spells, wanted]) == ()
    assert propose([*spells, spell(9000, 3, taken=True, verdict="noise")])


def test_what_comes_back_at_once_asks_to_fire_on_for_a_while() -> None:
    """Ten times over for eight minutes: one incident would have been enough."""
    spells = [spell(n * 68, 60) for n in range(10)]
    assert propose(spells)[0] == Proposal("keep_firing_for", 10 * MINUTE, 9, 10)
    apart = [spell(n * 68, 60, group=str(n)) for n in range(10)]
    assert propose(apart) == ()


def test_what_is_opened_again_and_again_asks_to_fire_on_and_lasts_as_long_as_it_fired() -> None:
    """Nine times over for eight minutes, and then opened again."""
    rests = tuple((START + (n * 68 + 60) * MINUTE, START + (n + 1) * 68 * MINUTE) for n in range(9))
    one = replace(spell(0, 9 * 68 + 60), rests=rests)
    assert propose([one])[0] == Proposal("keep_firing_for", 10 * MINUTE, 9, 10)
    (rule,) = assess([one], [])
    assert (rule.incidents, rule.lasted) == (1, 600 * MINUTE)


def test_little_is_no_reason_for_a_change() -> None:
    assert propose([spell(0, 1), spell(1000, 1)]) == ()
    assert propose([]) == ()
    assert propose([spell(n * 1000, None) for n in range(9)]) == ()


def test_a_rule_is_told_in_numbers_and_the_noisiest_comes_first() -> None:
    slow = [
        spell(0, 2, verdict="noise"),
        spell(1000, 20, taken=True, verdict="useful"),
        spell(2000, 30, verdict="late"),
        spell(3000, 2),
    ]
    calm = [Spell("Calm", "c", START, START + MINUTE * 60)]
    first, second, third = assess([*calm, *slow], ["Silent", "Slow"])
    assert (first.rule, first.incidents, first.useful, first.noise, first.late) == (
        "Slow",
        4,
        1,
        1,
        1,
    )
    assert (first.missed, first.taken, first.brief, first.lasted) == (1, 1, 2, 11 * MINUTE)
    assert first.precision == 2 / 3
    assert first.noise_ratio is not None
    assert round(first.noise_ratio, 6) == round(1 / 3, 6)
    assert (second.rule, second.precision, second.noise_ratio) == ("Calm", None, None)
    assert (third.rule, third.incidents, third.missed, third.precision) == ("Silent", 0, 1, None)


SPELLS = st.lists(
    st.builds(
        spell,
        st.integers(0, 50_000),
        st.one_of(st.none(), st.integers(0, 90)),
        taken=st.booleans(),
        verdict=st.sampled_from(["", "useful", "noise", "late"]),
        group=st.sampled_from("ab"),
    ),
    max_size=30,
)


@given(SPELLS)
def test_no_proposal_hides_what_somebody_wanted_and_each_spares_a_fair_share(
    spells: list[Spell],
) -> None:
    for proposal in propose(spells):
        assert proposal.spared >= max(3, 0.3 * len(spells))
        assert proposal.spared <= len(spells)
        if proposal.setting == "for":
            assert isinstance(proposal.value, timedelta)
            hidden = [s for s in spells if s.lasted is not None and s.lasted <= proposal.value]
            assert len(hidden) == proposal.spared
            assert not any(s.wanted for s in hidden)
