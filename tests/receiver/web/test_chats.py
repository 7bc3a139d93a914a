from collections.abc import Callable
from html.parser import HTMLParser
from time import process_time
from typing import Any

import pytest

from receiver.channels.contract import Channel
from receiver.channels.dingtalk import DingTalk
from receiver.channels.feishu import Feishu
from receiver.channels.slack import Slack
from receiver.channels.teams import Teams
from receiver.channels.telegram import Telegram
from receiver.channels.wecom import WeCom
from receiver.messages.library import BUILT_IN
from receiver.messages.render import Style
from receiver.messages.samples import BACKGROUNDS, CUSTODY, NOW, SAMPLES
from receiver.messages.writing import write
from receiver.model import UNKNOWN, Language, Message
from receiver.web.looks.chats import Look, look_of
from receiver.web.pages import Pages
from tests.fakes.alerts import make_message

ROBOTS = {
    "dingtalk": "https://oapi.dingtalk.com/robot/send?access_token=x",
    "feishu": "https://open.feishu.cn/open-apis/bot/v2/hook/x",
    "wecom": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=x",
    "teams": "https://example.webhook.office.com/x",
}
KINDS: dict[str, Callable[..., Channel]] = {
    "dingtalk": DingTalk,
    "feishu": Feishu,
    "wecom": WeCom,
    "teams": Teams,
    "slack": Slack,
    "telegram": Telegram,
}
HARMLESS = {
    *("html", "head", "meta", "title", "style", "body", "article", "div", "h2", "h3", "p", "ul"),
    *("li", "blockquote", "hr", "br", "b", "i", "u", "s", "code", "pre", "a", "img", "span"),
}


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Channel]:
    for kind, url in ROBOTS.items():
        monkeypatch.setenv(f"URL_{kind}", url)
    monkeypatch.setenv("TOKEN", "1:x")

    def make(kind: str, **more: Any) -> Channel:
        keys = {
            "slack": {
                "token_file": "env:TOKEN",
                "channel": "#ops",
                "signing_secret_file": "env:TOKEN",
            },
            "telegram": {"token_file": "env:TOKEN", "chat": "-1"},
        }.get(kind, {"url_file": f"env:URL_{kind}"})
        return KINDS[kind].model_validate({"type": kind, **keys, **more})  # type: ignore[attr-defined, no-any-return]

    return make


class Reader(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]


def draw(channel: Channel, message: Message) -> Look:
    look = look_of(channel.written, channel.draft(message), message)
    assert look is not None
    return look


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_an_alert_says_becomes_more_than_text(
    channel: Callable[..., Channel], kind: str
) -> None:
    made = channel(kind)
    for sample, told in SAMPLES.items():
        style = Style(made.written, Language.ZH, "Asia/Shanghai", "https://tocsin.example.com")
        background = BACKGROUNDS.get(sample, UNKNOWN)
        message = write(told, style, BUILT_IN, NOW, background, CUSTODY).message
        page = Reader(Pages(Language.ZH, "UTC").look(draw(made, message)))
        assert {*page.tags} <= HARMLESS, sample
        assert page.attributes <= {
            *("lang", "charset", "http-equiv", "content", "class", "style", "href", "title"),
            *("src", "alt"),
        }
        where = {link.split("/")[0].split(";")[0] for link in page.links}
        assert where <= {"https:", "http:", "data:image"}, sample
        assert not [link for link in page.links if "evil" in link], sample


HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> [a](javascript:alert(1))"
    " **[b](data:text/html,x)** <a href='javascript:alert(1)' onclick='x'>c</a>"
    ' ![d](javascript:x) <font color=red onclick=x>e</font> <font color="#000;x:y">f</font>'
    ' <http://good.example.com/"onmouseover="x|g> <javascript:x|h> &lt;script&gt;i&lt;/script&gt;'
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_of_somebody_s_own_cannot_script_the_page(
    channel: Callable[..., Channel], kind: str
) -> None:
    links = (("Now", "javascript:alert(1)"), ("Book", "https://wiki.example.com/"))
    message = make_message(f"x\n\n{HOSTILE}", title=HOSTILE, links=links)
    look = draw(channel(kind, **({"style": "actionCard"} if kind == "dingtalk" else {})), message)
    page = Reader(Pages(Language.EN, "UTC").look(look))
    assert {*page.tags} <= HARMLESS
    assert not {name for name in page.attributes if name.startswith("on")}
    assert [link for link in page.links if not link.startswith("http")] == []


TEXT = """### Head \\*1\\*

**bold \\_a\\_ b** and [Book](https://wiki.example.com/a?b=1&c=2)

> quoted
> on
- first
- second, which
goes on
---
one
two"""


def test_markdown_is_drawn_as_headings_bold_links_quotes_and_lists(
    channel: Callable[..., Channel],
) -> None:
    assert draw(channel("dingtalk"), make_message(TEXT)).body == (
        "<h3>Head *1*</h3><p><b>bold _a_ b</b> and"
        ' <a href="https://wiki.example.com/a?b=1&amp;c=2"'
        ' title="https://wiki.example.com/a?b=1&amp;c=2">Book</a></p>'
        "<blockquote>quoted on</blockquote><ul><li>first</li><li>second, which goes on</li></ul>"
        "<hr><p>one two</p>"
    )


def test_each_chat_s_own_markup_is_drawn(channel: Callable[..., Channel]) -> None:
    wecom = 'a\\b <@first> <font color="warning">hot</font> `code`\nnext'
    assert draw(channel("wecom"), make_message(wecom)).body == (
        '<p>a\\b <span class="called">@first</span> '
        '<span style="color:#c2410c">hot</span> <code>code</code><br>next</p>'
    )
    feishu = "2 &#42; 3 &#60;b&#62; <at id=all></at>"
    assert draw(channel("feishu"), make_message(feishu)).body == (
        '<p>2 * 3 &lt;b&gt; <span class="called">@all</span></p>'
    )
    slack = "*bold* 2*3*4 a &lt;b&gt; <https://e.example.com/?a=1&amp;b=2|Book> <!channel>"
    body = draw(channel("slack"), make_message(slack)).body
    assert body.startswith(
        '<b>bold</b> 2*3*4 a &lt;b&gt; <a href="https://e.example.com/?a=1&amp;b=2'
    )
    assert body.endswith('>Book</a> <span class="called">@channel</span>')
    telegram = '<b>bold</b> &lt;i&gt; <a href="https://e.example.com/">Book</a> <i>open'
    assert draw(channel("telegram"), make_message(telegram)).body == (
        "<b>bold</b> &lt;i&gt; "
        '<a href="https://e.example.com/" title="https://e.example.com/">Book</a> <i>open</i>'
    )


def test_a_card_has_its_title_colour_picture_and_buttons(channel: Callable[..., Channel]) -> None:
    links = (("Book", "https://wiki.example.com/"),)
    buttons = (("acknowledge", "Take it"),)
    message = make_message(
        "body", links=links, buttons=buttons, incident=7, picture=b"png", link="https://e.com/p"
    )
    look = draw(channel("slack"), message)
    assert (look.head, look.color) == (message.title, message.color)
    assert look.buttons == (("Take it", ""),)
    assert look.picture == "data:image/png;base64,cG5n"
    assert draw(channel("feishu"), message).buttons == links
    assert draw(channel("teams"), message).buttons == links
    assert draw(channel("telegram"), message).buttons == links
    card = draw(channel("dingtalk", style="actionCard"), message)
    assert (card.buttons, card.head) == (links, "")
    plot = make_message("![P](https://e.com/p)", link="https://e.com/p", picture=b"png")
    pictured = draw(channel("dingtalk"), plot)
    assert pictured.body == '<p><img src="data:image/png;base64,cG5n" alt="P"></p>'


PIECES = ("[", "**", "![", "`", "<font color=red>", "<", "&#", "\\", "*a", "[a](", "> ", "**[")


def test_no_text_takes_long_to_draw(channel: Callable[..., Channel]) -> None:
    made = [channel(kind) for kind in KINDS]
    begun = process_time()
    for piece in PIECES:
        message = make_message(piece * (15_000 // len(piece)))
        for each in made:
            draw(each, message)
    assert process_time() - begun < 5  # 70 of them
