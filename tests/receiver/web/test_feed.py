import pytest

from receiver.web.feed import Feed


def test_what_is_published_reaches_every_stream() -> None:
    feed = Feed()
    feed.publish("before")
    with feed.subscribe() as one, feed.subscribe() as other:
        feed.publish("hello")
        assert (one.get_nowait(), other.get_nowait()) == ("hello", "hello")
        assert one.empty()


def test_a_reader_that_is_too_slow_is_let_go_and_the_others_stay() -> None:
    feed = Feed()
    with feed.subscribe() as slow, feed.subscribe() as quick:
        for number in range(65):
            feed.publish(str(number))
            assert quick.get_nowait() == str(number)
        assert slow.get_nowait() is None
        feed.publish("more")
        assert slow.empty()
        assert quick.get_nowait() == "more"


def test_streams_are_bounded_and_make_room_when_they_end() -> None:
    feed = Feed(most=1)
    with feed.subscribe():
        assert feed.is_full
    assert not feed.is_full


@pytest.mark.parametrize("waiting", [0, 64])
def test_closing_ends_every_stream_and_takes_no_new_one(waiting: int) -> None:
    feed = Feed()
    with feed.subscribe() as stream:
        for _ in range(waiting):
            feed.publish("x")
        feed.close()
        assert stream.get_nowait() is None
    assert feed.is_full
