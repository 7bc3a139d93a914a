"""Whoever is asked is called in the chat, by what the configuration knows of them."""

from collections.abc import Callable
from pathlib import Path

from aiohttp import ClientSession

from receiver import metrics
from receiver.config import decode
from receiver.delivery.merge import merge
from receiver.delivery.sending import Told
from receiver.incidents.escalation.asking import Asked
from receiver.incidents.escalation.writing import body
from receiver.intake.webhook import parse
from receiver.model import Delivery
from receiver.outlets import outlets
from tests.fakes.dingtalk import FakeDingTalk
from tests.receiver.incidents.escalation.kit import minute
from tests.receiver.webhooks import alert, document
from tests.receiver.webhooks import body as webhook_body

STEP = parse(body(document(), Asked(0, "ops", "Ada", "ada"), minute(5)))
NEWS = parse(webhook_body([alert("aa"), alert("bb")]))


async def test_a_step_calls_whom_it_asks_also_where_news_came_before_it_was_sent(
    dingtalk: FakeDingTalk, http: ClientSession, secret_file: Callable[[str, str], str]
) -> None:
    robot = {
        "type": "dingtalk",
        "url_file": secret_file("url", dingtalk.url),
        "secret_file": secret_file("secret", dingtalk.secret),
    }
    people = {"ada": {"name": "Ada", "mobile": "+86-13800000000", "channel": "ops"}}
    config = decode({"channels": {"ops": robot}, "people": people}, Path("r.yml"))
    (outlet,) = outlets(config)
    for told in ([STEP], [STEP, NEWS], [NEWS]):
        batch = [Delivery(n, "ops", 1, said, 1, minute(5)) for n, said in enumerate(told)]
        numbers = metrics.create("1", ["ops"])
        await outlet.send(Told(merge(batch)), http, numbers, minute(6))
    called = [message["at"]["atMobiles"] for message in dingtalk.messages]
    assert called == [["13800000000"], ["13800000000"], []]
    assert "Nobody has taken this yet. **Ada** is asked now." in dingtalk.texts[0]
    assert "Down" in dingtalk.texts[0]
