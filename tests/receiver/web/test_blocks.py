from dataclasses import replace

import pytest

from receiver.model import Language
from receiver.store.records import Posted
from receiver.web.blocks import Block, split_body, split_title
from receiver.web.pages import Pages
from tests.receiver.webhooks import START

POSTED = Posted(7, "inbox", "firing", "warning", "title", "", START)
SINGLE = """The CPU is busy
Ratio: 97% for 5 minutes.

Instance: web-1
Severity: Critical
Firing for: 5m

Runbook: https://wiki.example.com/cpu
Graph: http://prometheus:9090/graph?g0.expr=up&g0.tab=1"""


@pytest.mark.parametrize(
    ("title", "parts"),
    [
        ("[🔴 Critical] CpuBusy on vm", ("Critical", "CpuBusy on vm")),
        ("[🟡 警告 · 告警 2，恢复 1] CpuBusy", ("警告 · 告警 2，恢复 1", "CpuBusy")),
        ("[🟢 Resolved] [a] b", ("Resolved", "[a] b")),
        ("CpuBusy", ("", "CpuBusy")),
        ("[] CpuBusy", ("", "[] CpuBusy")),
    ],
)
def test_a_title_is_its_state_and_what_it_is_about(title: str, parts: tuple[str, str]) -> None:
    assert split_title(title) == parts


def test_a_text_is_what_happened_facts_and_links() -> None:
    lead, facts, links = split_body(SINGLE)
    assert lead == Block("lead", ("The CPU is busy", "Ratio: 97% for 5 minutes."))
    assert facts.kind == "facts"
    assert facts.pairs[2] == ("Firing for", "5m")
    assert links.kind == "links"
    assert [name for name, _ in links.pairs] == ["Runbook", "Graph"]


@pytest.mark.parametrize(
    ("body", "kinds"),
    [
        ("", []),
        ("处理手册：https://wiki.example.com/cpu", ["links"]),
        ("Log in: https://evil.example.com", ["lead"]),
        ("Disk: full\nUsage: 98%", ["lead"]),
        ("实例：web-1\n级别：严重\n已持续：5 分钟", ["facts"]),
        ("Load is high\n\n🟡 web-1: 2.1\n   since noon", ["lead", "text"]),
        ("Busy\n\nGraph: https://a.example.com\n\nSeverity: Info", ["lead", "facts", "facts"]),
    ],
)
def test_what_has_another_shape_is_text(body: str, kinds: list[str]) -> None:
    assert [block.kind for block in split_body(body)] == kinds


def test_a_link_of_ours_is_shown_by_its_name_and_any_other_by_its_address() -> None:
    told = f"See: https://evil.example.com/<b>\n\n{SINGLE}"
    html = Pages(Language.EN, "UTC").event(replace(POSTED, body=told))
    assert '<a href="https://wiki.example.com/cpu" rel="noopener noreferrer">Runbook</a>' in html
    assert ">https://evil.example.com/</a>&lt;b&gt;" in html
    assert "<dt>Instance</dt><dd>web-1</dd>" in html
