import pytest

from receiver.messages.markup import DIALECTS, larkdown, markdown, mrkdwn, telegram, wecom


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("node_cpu_seconds", r"node\_cpu\_seconds"),
        ("*b* `c` ~s~ |", r"\*b\* \`c\` \~s\~ \|"),
        ("[x](http://evil.example)", "[x] (http://evil.example)"),
        ("![i](http://evil.example)", "![i] (http://evil.example)"),
        ("<font color=red>", "\N{FULLWIDTH LESS-THAN SIGN}font color=red>"),
        ("</b><!--", "\N{FULLWIDTH LESS-THAN SIGN}/b>\N{FULLWIDTH LESS-THAN SIGN}!--"),
        ("free < 10 %", "free < 10 %"),
        ("C:\\temp", r"C:\\temp"),
    ],
)
def test_a_value_is_no_markdown(value: str, escaped: str) -> None:
    assert markdown(value) == escaped


def test_a_value_is_no_command_of_slack() -> None:
    assert mrkdwn("<!channel> a & b") == "&lt;!channel&gt; a &amp; b"


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("node_cpu_seconds", "node_cpu_seconds"),
        ("<at id=all></at>", "&#60;at id=all&#62;&#60;/at&#62;"),
        ("&lt;at&#62; R&D", "&#38;lt;at&#38;#62; R&D"),
        (
            "[x](http://evil.example) **b** `c`",
            "[x] (http://evil.example) &#42;&#42;b&#42;&#42; &#96;c&#96;",
        ),
    ],
)
def test_a_value_is_no_markup_of_feishu(value: str, escaped: str) -> None:
    assert larkdown(value) == escaped


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("<@all> a < b", "\N{FULLWIDTH LESS-THAN SIGN}@all> a < b"),
        ("[x](http://evil.example) `c`", "[x] (http://evil.example) 'c'"),
        ("> 9 of 10", "\N{FULLWIDTH GREATER-THAN SIGN} 9 of 10"),
        ("# of errors > 5 #", "\N{FULLWIDTH NUMBER SIGN} of errors > 5 #"),
    ],
)
def test_a_value_is_no_markup_of_wecom(value: str, escaped: str) -> None:
    assert wecom(value) == escaped


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ('<a href="x">R&D</a>', "&lt;a href=&quot;x&quot;&gt;R&amp;D&lt;/a&gt;"),
        ("@durov, ops@example.com", "\N{FULLWIDTH COMMERCIAL AT}durov, ops@example.com"),
    ],
)
def test_a_value_is_no_markup_of_telegram_and_calls_nobody(value: str, escaped: str) -> None:
    assert telegram(value) == escaped


def test_links_are_written_in_the_markup_of_the_format() -> None:
    url = "http://a.example/x?y=1&z=2"
    written = {
        "dingtalk": r"[a\_b](http://a.example/x?y=1&z=2)",
        "slack": "<http://a.example/x?y=1&amp;z=2|a_b>",
        "feishu": "[a_b](http://a.example/x?y=1&z=2)",
        "telegram": '<a href="http://a.example/x?y=1&amp;z=2">a_b</a>',
        "text": "a_b: http://a.example/x?y=1&z=2",
    }
    for format_, link in written.items():
        assert DIALECTS[format_].link(url, "a_b") == link  # type: ignore[index]
