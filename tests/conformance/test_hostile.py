"""No label pings anybody, adds a header, or becomes a link or a template, on any channel."""

import email
import json
import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from email.policy import default
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr

from receiver.channels.blocks import payload_of
from receiver.channels.contract import Format
from receiver.channels.dingtalk import DingTalk
from receiver.channels.mailing import compose
from receiver.channels.webhook import Webhook
from receiver.messages.digest import digest
from receiver.messages.render import Style, render
from receiver.model import Language, Message, Notification
from tests.fakes.alerts import START, make_alert, make_notification
from tests.fakes.telegram import read

PIECES = [
    *("@all", "@everyone", "@here", "@channel", "@13800000000", "@所有人", "<!channel>", "<!here>"),
    *("<@U012AB3CD>", "<!subteam^S0|x>", '<at user_id="all">all</at>', "<@all>"),
    *("[click](https://evil.example.com)", "![x](https://evil.example.com/x.png)"),
    *("<https://evil.example.com|Runbook>", '<a href="https://evil.example.com">x</a>'),
    *("<img src=x onerror=alert(1)>", "<script>alert(1)</script>", "</td></table>"),
    *("\r\nBcc: evil@example.com", "\nSubject: x", "\r\n\r\n", "\x00", "\x1b[31m", "\u202e"),
    *("{{ 7 * 191 }}", "{% for x in range(9) %}a{% endfor %}", "${7*191}", "%s%n", "\\", "`", "*"),
    *("](", "[", "](https://evil.example.com)", "<", ">", "&", "&lt;", "|", '"', "'", "\ud800"),
]
hostile = st.lists(
    st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), min_size=1, max_size=6
).map("".join)

OURS = "Runbook|Dashboard|Graph|Inbox|Silence"

CALLED = re.compile(r"@(all(?![A-Za-z0-9]|[.-][A-Za-z0-9])|所有人|1380)|<@")
NOBODY = {"atMobiles": [], "atUserIds": [], "isAtAll": False}
COMMAND = re.compile(r"<[!@#]|<https?://(?:[^|>]*\.)?evil")


os.environ["HOSTILE_HOOK"] = "https://chat.example.com/hook"
HOOK = Webhook.model_validate(
    {"type": "webhook", "url_file": "env:HOSTILE_HOOK", "body": '{"text": {{ title ~ text }}}'}
)


def notified(text: str) -> Notification:
    """An alert in which everything that somebody else chose is hostile."""
    labels: dict[str, Any] = {
        "alertname": text,
        "instance": text,
        "team": text,
        "severity": "critical",
    }
    said = {"summary": text, "description": text, "runbook_url": text, "dashboard_url": text}
    return make_notification(
        [make_alert(**labels, annotations=said, generator_url=text)],
        group_key=text,
        group_labels={"alertname": text},
    )


def messages(text: str, kind: Format) -> list[Message]:
    """What is sent of it by itself and in a digest."""
    told = notified(text)
    style = Style(kind, Language.EN, "Asia/Shanghai")
    alone = render(told, style, key="k", thread="t", now=START)
    assert alone.failed == ""
    both = digest([told, notified("other")], style, key="k", since=START)
    assert both.failed == ""
    return [alone.message, both.message]


@given(text=hostile)
def test_slack_reads_no_command_and_no_link_of_an_alert(text: str) -> None:
    for message in messages(text, "slack"):
        payload = payload_of(message, Language.EN)
        raw = json.dumps(payload, ensure_ascii=False)
        assert not COMMAND.search(raw)
        for link in re.findall(r"<([^>|]+)\|", raw):
            assert link.startswith(("http://", "https://"))


@pytest.mark.parametrize("style", ["text", "markdown", "actionCard"])
@given(text=hostile)
@example(text="x@all_ x@all中 x@all. x@all\\")
def test_dingtalk_calls_only_whom_the_configuration_names(style: Any, text: str) -> None:
    url = SecretStr("https://oapi.dingtalk.com/robot/send")
    robot = DingTalk.model_construct(
        type="dingtalk", url=url, mention={}, language=Language.EN, style=style
    )
    inbox = ("Inbox", "https://tocsin.example.com")
    for each in messages(text, robot.written):
        message = replace(each, links=(*each.links, inbox))
        payload = robot._payload(message, message.body)
        said = payload[style]
        assert payload.get("at", NOBODY) == NOBODY
        assert not CALLED.search(said.get("title", ""))
        shown = said["content" if style == "text" else "text"]
        for _, link in message.links:
            shown = shown.replace(link, "")
        assert not CALLED.search(shown)
        if style != "text":
            assert_plain(shown)


@pytest.mark.parametrize("kind", ["feishu", "wecom", "teams"])
@given(text=hostile)
def test_markdown_of_other_chats_has_no_link_tag_or_call_of_an_alert(
    kind: Format, text: str
) -> None:
    for message in messages(text, kind):
        assert_plain(message.body)


def assert_plain(shown: str) -> None:
    """Markdown whose links have our words, and in which nothing is a tag or calls somebody."""
    assert "](https://evil" not in re.sub(rf"\[({OURS})\]\(", "", shown)
    assert not re.search(r"<(?=[A-Za-z/!?@])", shown)


@given(text=hostile)
def test_telegram_reads_all_of_it_and_no_link_or_call_of_an_alert(text: str) -> None:
    for message in messages(text, "telegram"):
        page = read(message.body)
        assert page.wrong == ""
        assert not re.search(r"(?<!\w)@\w", page.text)
        links = re.findall(r"<a href=[^>]*>([^<]*)</a>", message.body)
        assert len(links) == len(page.links)
        assert all(re.fullmatch(OURS, words) for words in links)


class _Tags(HTMLParser):
    """Collects the elements and the addresses of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


@given(text=hostile)
def test_mail_has_its_own_headers_and_no_element_of_an_alert(text: str) -> None:
    for message in messages(text, "email"):
        raw = compose(message, "tocsin@example.com", ["a@example.com"], datetime.now(UTC))
        mail = email.message_from_bytes(raw, policy=default)
        assert mail["Bcc"] is None
        assert mail.get_all("To") == ["a@example.com"]
        assert len(mail.get_all("Subject") or ()) == 1
        found = _Tags(message.html)
        assert not found.tags & {"script", "img", "iframe", "form", "object", "svg"}
        assert not {name for name in found.attributes if name.startswith("on")}


@given(text=hostile)
@example(text="!<")  # the end of a title, and the beginning of the text after it
@example(text="all@")
def test_a_plain_webhook_stays_json_and_breaks_the_calls_of_every_service(text: str) -> None:
    for message in messages(text, "text"):
        said = json.loads(HOOK._write(message))["text"]
        assert not re.search(r"@(all|everyone|here|channel)\b|<[!@]|<at ", said, re.IGNORECASE)
