import pytest

from receiver.messages.facts import facts_of, value_of
from receiver.model import UNKNOWN, Alert, Background, Language, Reading
from tests.fakes.alerts import make_alert


def told(alerts: list[Alert], background: Background = UNKNOWN) -> dict[str, str]:
    return dict(facts_of(alerts, background, Language.EN))


def on(**racks: int) -> list[Alert]:
    return [
        make_alert(rack=rack, instance=f"{rack}-{number}")
        for rack, many in racks.items()
        for number in range(many)
    ]


def test_what_most_alerts_of_a_group_have_in_common_is_said_with_its_share() -> None:
    assert told(on(r2=7, r3=2))["shares"] == "7 of 9 have rack=r2"


def test_what_all_or_few_have_in_common_is_not_news() -> None:
    assert told(on(r2=9)) == {}
    assert told(on(r2=2, r3=2, r4=2)) == {}
    assert told(on(r2=1, r3=1)) == {}


def test_of_labels_that_the_same_alerts_have_one_is_named() -> None:
    alerts = [make_alert(rack="r2", zone="z2", instance=str(n)) for n in range(3)]
    assert told([*alerts, make_alert(rack="r1", zone="z1")])["shares"] == "3 of 4 have rack=r2"


@pytest.mark.parametrize(
    ("annotations", "reading", "value"),
    [
        ({}, Reading(), ""),
        ({}, Reading(0.925, "ratio"), "92.5%"),
        ({"value": "1610612736", "unit": "bytes"}, Reading(), "1.5 GiB"),
        ({"value": "12", "unit": "orders"}, Reading(0.9, "ratio"), "12 orders"),
        ({"value": "very much"}, Reading(0.9, "ratio"), "very much"),
        ({"unit": "req/s"}, Reading(1234.5), "1.234k req/s"),
        ({}, Reading(0.97754), "0.9775"),
        ({}, Reading(0.0000042), "4.2e-06"),
        ({}, Reading(2048.0, "bytes/s"), "2 KiB/s"),
        ({}, Reading(0.25, "seconds"), "250ms"),
        ({}, Reading(41.52, "celsius"), "41.52 °C"),
    ],
)
def test_a_value_is_the_alerts_own_or_prometheus_and_has_its_unit(
    annotations: dict[str, str], reading: Reading, value: str
) -> None:
    alert = make_alert(annotations=annotations)
    assert value_of(alert, Background({alert.fingerprint: reading})) == value


def test_a_bound_that_is_nothing_beside_its_band_is_said_to_be_nothing() -> None:
    alert = make_alert(annotations={})
    background = Background({alert.fingerprint: Reading(0.4116, "ratio", 6.354e-7, 0.1464)})
    assert told([alert], background)["expected"] == "0% \N{EN DASH} 14.64%"


def test_a_band_is_said_in_the_values_unit() -> None:
    alert = make_alert(annotations={})
    reading = Reading(0.9, "ratio", 0.1, 0.4, 3.26)
    assert told([alert], Background({alert.fingerprint: reading})) == {
        "value": "90%",
        "expected": "10% \N{EN DASH} 40%",
        "deviation": "3.3 (1 is the alarm line)",
    }
