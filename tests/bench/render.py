"""Messages rendered in a second of CPU time, by format: `python tests/bench/render.py`."""

import time
from datetime import timedelta
from typing import get_args

from receiver.channels.contract import Format
from receiver.messages.render import Style, render
from receiver.model import Language
from tests.fakes.alerts import START, make_alert, make_notification

SECONDS = 1.0
CASES = {
    "single": make_notification([make_alert(job="node", cluster="shop")]),
    "of ten": make_notification([make_alert(instance=f"web-{n}:9100") for n in range(10)]),
}


def main() -> None:
    """Print one line for each format and size of group."""
    for name, told in CASES.items():
        for format_ in get_args(Format):
            style = Style(format_, Language.ZH, "Asia/Shanghai", "https://tocsin.example.com")
            count, start = 0, time.process_time()
            while time.process_time() - start < SECONDS:
                render(told, style, key="k", thread="t", now=START + timedelta(minutes=5))
                count += 1
            print(f"{format_:10} {name:8} {count / SECONDS:8.0f} messages/s")


if __name__ == "__main__":
    main()
