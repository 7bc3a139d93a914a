import pytest

from exporter.prometheus.expression import well_formed


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('sum(rate("', 'the quote " at character 10 is never closed'),
        ("sum(rate(a[5m])", r"the \( at character 4 is never closed"),
        ("sum(a))", r"the \) at character 7 closes nothing"),
        ("a{b='c'", "the { at character 2 is never closed"),
        ("rate(a[5m)]", r"the \) at character 10 closes nothing"),
        ("a # )\n)", r"the \) at character 7 closes nothing"),
        ("up{a='b'}[5m]", "a range of values, not one of each series"),
        ("up[5m] offset 1h # a day", "a range of values"),
        ("max_over_time(up[1h])[1d:5m]", "a range of values"),
    ],
)
def test_what_does_not_match_is_said_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        well_formed(text)


@pytest.mark.parametrize(
    "text",
    [
        'sum by (a) (rate(b{c=~"(x|y)\\"]", d=\'"\'}[5m:1m]))',
        "up # (not [closed\n",
        "label_replace(up, `a`, `\\$1)`, 'b', '(')",
        "queue:depth",
        "up[5m] * 2",
        "rate(up[5m] offset 1h)",
    ],
)
def test_what_stands_in_quotes_and_comments_is_no_bracket(text: str) -> None:
    assert well_formed(text) == text
