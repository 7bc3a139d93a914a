"""What a channel's messages offer: Alertmanager's form, unless one may silence from them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from receiver import config
from receiver.messages.render import render
from receiver.outlets import outlets
from receiver.signing import Signer
from tests.fakes.alerts import START, make_alert, make_notification

ADA = {"name": "Ada", "roles": ["operate"]}


@pytest.mark.parametrize("silences", [True, False])
@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("terminal", {}),
        ("dingtalk", {"url_file": "url", "people": ["ada"]}),
        ("dingtalk", {"url_file": "url"}),
        ("slack", {"token_file": "token", "channel": "#ops", "signing_secret_file": "token"}),
        ("slack", {"token_file": "token", "channel": "#ops"}),
    ],
)
def test_the_form_for_a_silence_is_linked_where_nothing_better_is(
    kind: str, more: dict[str, Any], *, silences: bool, tmp_path: Path
) -> None:
    (tmp_path / "url").write_text("https://chat.example.com/robot")
    (tmp_path / "token").write_text("xoxb-1")
    document = {
        "external_url": "https://tocsin.example.com",
        "alertmanager": {"url": "http://127.0.0.1:9"} if silences else None,
        "people": {"ada": ADA},
        "channels": {"ops": {"type": kind, **more}},
    }
    (tmp_path / "receiver.yml").write_text(yaml.safe_dump(document))
    (outlet,) = outlets(config.load(tmp_path / "receiver.yml"), Signer(b"x" * 32))
    assert outlet.doors
    custody = outlet.doors.custody(7, None, START)
    told = make_notification([make_alert()])
    message = render(told, outlet.style, key="", thread="", now=START, custody=custody).message
    better = silences and ("people" in more or "signing_secret_file" in more)
    assert ("#/silences/new" in message.body) is not better
    assert bool(message.buttons) is ("signing_secret_file" in more)
