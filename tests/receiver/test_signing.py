"""Links that are sealed: what was changed in them, and what came too late, is told apart."""

from datetime import UTC, datetime, timedelta

import pytest

from receiver.signing import Signer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
UNTIL = int(NOW.timestamp()) + 60
SIGNER = Signer(b"k" * 32)
SEAL = SIGNER.seal("act", "7\0first", UNTIL)


def test_a_link_is_good_until_its_end_and_expired_after() -> None:
    assert SIGNER.objection("act", "7\0first", str(UNTIL), SEAL, NOW) == ""
    late = NOW + timedelta(seconds=61)
    assert SIGNER.objection("act", "7\0first", str(UNTIL), SEAL, late) == "expired"


@pytest.mark.parametrize(
    ("purpose", "subject", "until", "shown"),
    [
        ("picture", "7\0first", str(UNTIL), SEAL),
        ("act", "8\0first", str(UNTIL), SEAL),
        ("act", "7\0second", str(UNTIL), SEAL),
        ("act", "7\0first", str(UNTIL + 1), SEAL),
        ("act", "7\0first", f"0{UNTIL}", SEAL[:-1]),
        ("act", "7\0first", "-1", SEAL),
        ("act", "7\0first", "9" * 400, SEAL),
        ("act", "7\0first", "", SEAL),
        ("act", "7\0first", str(UNTIL), ""),
        ("act", "7\0first", str(UNTIL), "\udcff\u20ac"),
    ],
)
def test_what_was_changed_is_forged_also_when_it_is_late(
    purpose: str, subject: str, until: str, shown: str
) -> None:
    for now in (NOW, NOW + timedelta(days=1)):
        assert SIGNER.objection(purpose, subject, until, shown, now) == "forged"


def test_another_key_makes_another_seal_and_no_key_is_shown() -> None:
    assert Signer(b"other").seal("act", "7\0first", UNTIL) != SEAL
    assert "kkk" not in repr(SIGNER)
