"""The lists of patterns that choose devices and mounts."""

import pytest
from pydantic import ValidationError

from exporter.collectors.patterns import EVERYTHING, NOTHING, ByDevice, patterns


def test_a_pattern_matches_the_whole_name() -> None:
    eth = patterns("eth", "wl.*")
    assert [eth.match(name) for name in ("eth", "eth0", "wlan0", "xeth")] == [
        True,
        False,
        True,
        False,
    ]


def test_a_pattern_with_alternatives_of_its_own_stays_whole() -> None:
    assert not patterns("a|b", "c").match("ac")
    assert patterns("a|b", "c").match("b")


@pytest.mark.parametrize("name", ["", "eth0", "a b\n"])
def test_everything_and_nothing_mean_what_they_say(name: str) -> None:
    assert EVERYTHING.match(name) is ("\n" not in name)
    assert not NOTHING.match(name)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("tmpfs", "Value error, a list of patterns is expected, like [tmpfs, overlay]"),
        ([1], "Value error, a list of patterns is expected, like [tmpfs, overlay]"),
        (
            ["ok", "a["],
            (
                "Value error, not a regular expression: 'a[' "
                "(unterminated character set at position 1)"
            ),
        ),
    ],
)
def test_what_is_no_list_of_patterns_is_refused(given: object, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ByDevice.model_validate({"exclude_devices": given})
    assert [error["msg"] for error in caught.value.errors()] == [message]


def test_a_list_is_printed_as_it_was_written() -> None:
    section = ByDevice.model_validate({"exclude_devices": ["lo", "veth.*"]})
    assert section.model_dump(mode="json") == {
        "include_devices": [".*"],
        "exclude_devices": ["lo", "veth.*"],
    }
    assert ByDevice.model_validate(section.model_dump(mode="json")) == section


def test_a_device_needs_an_include_pattern_and_no_exclude_pattern() -> None:
    section = ByDevice.model_validate({"include_devices": ["eth.*"], "exclude_devices": ["eth9"]})
    assert [d for d in ("eth0", "eth9", "lo") if section.wants(d)] == ["eth0"]
