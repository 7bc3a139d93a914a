import pytest

from receiver.channels.fitting import first_units, fit, units
from receiver.model import Language

FIVE = "\n".join(f"the {n}th of some lines" for n in range(5))


@pytest.mark.parametrize(
    ("limit", "kept", "note"),
    [
        (120, 5, ""),
        (100, 3, "\n\n… 2 more lines left out"),
        (89, 2, "\n\n… 3 more lines left out"),
        (50, 1, "\n\n… 4 more lines left out"),
        (1, 0, "\n… 5 more lines left out"),
    ],
)
def test_whole_lines_go_and_the_note_counts_them(limit: int, kept: int, note: str) -> None:
    text = fit(FIVE, lambda text: len(text) <= limit, None)
    assert text == "\n".join(FIVE.split("\n")[:kept]) + note


def test_the_note_is_in_the_channels_language() -> None:
    assert fit("a\nb", lambda text: "b" not in text, Language.ZH) == "a\n\n……其余 1 行未显示"


def test_one_endless_line_is_cut_instead_of_lost() -> None:
    text = fit("x" * 9_000, lambda text: len(text) <= 5_000, None)
    assert text == "x" * 2_000 + "…"


def test_length_is_counted_as_javascript_does() -> None:
    assert units("a严🔴") == 4
    assert first_units("a严🔴", 3) == "a严"
