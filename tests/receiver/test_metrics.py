from prometheus_client import generate_latest

from receiver import metrics
from receiver.metrics import Metrics
from receiver.momentary import Backlog


def page(numbers: Metrics) -> str:
    return generate_latest(numbers.registry).decode()


def test_two_receivers_in_one_process_do_not_share_numbers() -> None:
    one, other = metrics.create("1", ["ops"]), metrics.create("1", ["ops"])
    one.delivered("ops", [1])
    assert 'tocsin_notifications_total{channel="ops",outcome="sent"} 1.0' in page(one)
    assert 'tocsin_notifications_total{channel="ops",outcome="sent"} 0.0' in page(other)


def test_the_last_error_of_a_channel_stands_until_it_succeeds() -> None:
    numbers = metrics.create("1", ["ops"])
    numbers.failed("ops", "timeout", "first")
    numbers.failed("ops", "timeout", "second")
    text = page(numbers)
    assert 'tocsin_channel_last_error_info{channel="ops",error="second"} 1.0' in text
    assert 'error="first"' not in text
    numbers.delivered("ops", [1])
    assert "tocsin_channel_last_error_info{" not in page(numbers)


def test_a_queue_that_is_gone_is_not_exported_any_longer() -> None:
    numbers = metrics.create("1", [])
    numbers.show(Backlog(True, {"ops": 3}, {"ops": 7.5}, {"open": 1}))
    assert 'tocsin_queue_oldest_seconds{channel="ops"} 7.5' in page(numbers)
    numbers.show(Backlog(up=True))
    assert 'channel="ops"' not in page(numbers)


def test_a_clock_that_was_set_back_gives_no_negative_delay() -> None:
    numbers = metrics.create("1", ["ops"])
    numbers.delivered("ops", [-3600])
    assert 'tocsin_notification_delay_seconds_sum{channel="ops"} 0.0' in page(numbers)
