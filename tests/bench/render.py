"""Messages rendered in a second of CPU time, by format: `python tests/bench/render.py`.

No two are alike: each has hosts, texts, values and times of its own, as those of a day have.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import cycle
from statistics import median
from typing import get_args

from receiver.channels.contract import Format
from receiver.channels.dingtalk import DingTalk
from receiver.messages.render import Style, render
from receiver.model import Alert, Language, Notification
from tests.fakes.alerts import START, make_alert, make_notification

SLICES, SECONDS = 7, 0.3
DIFFERENT = 500
"""Messages before the first comes again."""


def alert(number: int) -> Alert:
    """Return one of many, as a rule with a summary in both languages makes them."""
    host = f"web-{number}:9100"
    said = {
        "summary": f"{host} is busy",
        "summary_zh": f"{host} 繁忙",
        "description": f"CPU of {host} at {number % 100}.{number} % for 10 minutes",
        "description_zh": f"{host} 的 CPU 使用率 {number % 100}.{number} % 已持续 10 分钟",
        "value": f"{number % 100}.{number}",
        "unit": "percent",
        "runbook_url": "https://wiki.example.com/runbooks/cpu",
        "dashboard_url": f"https://grafana.example.com/d/host?var-instance={host}",
    }
    made = make_alert(instance=host, job="node", cluster=f"c{number % 7}", annotations=said)
    return replace(made, starts_at=START - timedelta(seconds=97 * number))


CASES = {
    "single": [make_notification([alert(n)]) for n in range(DIFFERENT)],
    "of ten": [
        make_notification([alert(n * 10 + i) for i in range(10)]) for n in range(DIFFERENT // 10)
    ],
}


def rates(told: list[Notification], format_: Format, *then: DingTalk) -> Iterator[float]:
    """Yield messages in a second of CPU time, slice by slice; `then` is who makes a body of it."""
    style = Style(format_, Language.ZH, "Asia/Shanghai", "https://tocsin.example.com")
    each, now = cycle(told), START + timedelta(minutes=5)
    for _ in range(SLICES + 1):  # in the first the templates are compiled
        count, start = 0, time.process_time()
        while time.process_time() - start < SECONDS:
            message = render(next(each), style, key="k", thread="t", now=now).message
            for channel in then:
                channel._body(message)
            count += 1
        yield count / SECONDS


def show(what: str, measured: Iterator[float]) -> None:
    """Print one line."""
    _, *each = measured
    print(f"{what:22} median {median(each):6.0f}, best {max(each):6.0f} messages/s")


def main() -> None:
    """Print one line for each format and size of group."""
    for name, told in CASES.items():
        for format_ in get_args(Format):
            show(f"{format_} {name}", rates(told, format_))
        for look in ("markdown", "actionCard"):
            section = {"type": "dingtalk", "url_file": "env:ROBOT", "style": look}
            show(f"{look} {name}", rates(told, "dingtalk", DingTalk.model_validate(section)))


if __name__ == "__main__":
    os.environ["ROBOT"] = "https://oapi.dingtalk.com/robot/send?access_token=x"
    main()
