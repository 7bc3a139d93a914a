"""What an alert may put into a step: names, and nothing that a program could take for more."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.responses.actions.command import Command
from receiver.responses.fields import Fields, UnsafeError, fill, unknown
from tests.receiver.webhooks import START


def fields(**labels: str) -> Fields:
    return Fields(labels, labels.get("instance", ""), 7, "aa", START, 3)


def test_fields_are_put_in_wherever_they_are_named() -> None:
    step = Command(action="command", argv=("/bin/x", "--on=${labels.device}", "${incident}"))
    filled = fill(step, fields(device="/dev/sda1"))
    assert filled.argv == ("/bin/x", "--on=/dev/sda1", "7")
    assert fill("${target} ${fingerprint} ${started} ${run}", fields(instance="web-1:80")) == (
        f"web-1:80 aa {int(START.timestamp())} 3"
    )


def test_a_field_that_no_alert_has_is_known_when_the_runbook_is_read() -> None:
    assert unknown(("${labels.device}", {"a": "${annotations.summary} ${target}"})) == [
        "annotations.summary"
    ]


@pytest.mark.parametrize(
    "value",
    [
        "$(reboot)",
        "a;reboot",
        "a b",
        "`id`",
        "a\nb",
        "{{ x }}",
        "${run}",
        "-rf",
        "--help",
        "../../etc",
        "/var/../etc",
        "a|b",
        "a'b",
        'a"b',
        "a\x00",
        "a&b",
        "a>b",
        "~root",
        "*",
        "é",
        "",
        "a" * 201,
    ],
)
def test_a_value_that_could_be_more_than_a_name_is_refused(value: str) -> None:
    with pytest.raises(UnsafeError):
        fill("${labels.device}", fields(device=value))


@given(st.text(max_size=30))
def test_whatever_an_alert_says_a_shell_would_read_it_as_one_plain_word(value: str) -> None:
    try:
        filled = fill("${labels.device}", fields(device=value))
    except UnsafeError:
        return
    assert filled == value
    assert shlex.split(filled) == [value] == [shlex.quote(value)]
    assert not value.startswith("-")
    assert ".." not in value.split("/")
