import pytest

from receiver.model import Language
from receiver.store.records import Posted
from receiver.web.pages import Pages, linked
from receiver.web.texts import TEXTS
from tests.receiver.webhooks import START

POSTED = Posted(7, "inbox", "firing", "warning", "标题", "内容", START)


def test_the_page_is_in_the_configured_language() -> None:
    text = Pages(Language.ZH, "Asia/Shanghai").inbox([POSTED], newest=True)
    assert '<html lang="zh">' in text
    assert "<h1>收件箱</h1>" in text
    assert '<span class="badge">警告</span> 标题' in text
    assert "收到时间" in text
    assert "· inbox" not in text


def test_each_message_says_in_which_of_several_inboxes_it_is() -> None:
    assert "· inbox" in Pages(Language.EN, "UTC", several=True).event(POSTED)


def test_both_languages_have_all_texts() -> None:
    assert TEXTS[Language.EN].keys() == TEXTS[Language.ZH].keys()


def test_a_message_in_the_stream_is_the_message_on_the_page() -> None:
    pages = Pages(Language.EN, "UTC")
    event = pages.event(POSTED)
    data = [line.removeprefix("data: ") for line in event.splitlines() if line.startswith("data")]
    assert "\n".join(data).strip() in pages.inbox([POSTED], newest=False)


ADDRESS = "https://wiki.example.com/a?b=c&d=(e)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (ADDRESS, "{}"),
        (f"see {ADDRESS}.", "see {}."),
        (f"手册：{ADDRESS}，<b>", "手册：{}，&lt;b&gt;"),
        ("javascript:alert(1) ftp://x data:,x", "javascript:alert(1) ftp://x data:,x"),
        ('http://x"onclick="y', '<a href="http://x" rel="noopener noreferrer">http://x</a>&#34;'),
    ],
)
def test_web_addresses_become_links_and_all_else_is_escaped(text: str, shown: str) -> None:
    address = ADDRESS.replace("&", "&amp;").rstrip(")")
    link = f'<a href="{address}" rel="noopener noreferrer">{address}</a>'
    assert str(linked(text)).startswith(shown.format(link + ")" if ADDRESS in text else link))
