from receiver.model import Language
from receiver.store.records import Posted
from receiver.web.pages import Pages
from receiver.web.texts import TEXTS
from tests.receiver.webhooks import START

POSTED = Posted(7, "inbox", "firing", "warning", "标题", "内容", START)


def test_the_page_is_in_the_configured_language() -> None:
    text = Pages(Language.ZH, "Asia/Shanghai").inbox([POSTED], newest=True)
    assert '<html lang="zh">' in text
    assert "<h1>收件箱</h1>" in text
    assert '<span class="badge">警告</span> 收到时间' in text


def test_both_languages_have_all_texts() -> None:
    assert TEXTS[Language.EN].keys() == TEXTS[Language.ZH].keys()


def test_a_message_in_the_stream_is_the_message_on_the_page() -> None:
    pages = Pages(Language.EN, "UTC")
    event = pages.event(POSTED)
    data = [line.removeprefix("data: ") for line in event.splitlines() if line.startswith("data")]
    assert "\n".join(data).strip() in pages.inbox([POSTED], newest=False)
