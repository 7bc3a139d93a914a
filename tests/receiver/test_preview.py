import asyncio
import io
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from receiver.__main__ import main
from receiver.intake.webhook import parse
from receiver.store.records import Decision, Known
from receiver.store.store import Store
from tests.e2e.serving import configure
from tests.receiver.webhooks import CAPTURED, alert, body, webhook


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "home"))
    channels: dict[str, Any] = {
        "inbox": {"type": "inbox", "language": "zh"},
        "mail": {"type": "email", "smtp": "smtp://127.0.0.1", "to": ["a@example.com"]},
    }
    return configure(tmp_path, channels=channels)


def preview(file: Path, *more: str) -> int:
    return main(["preview", "--config", str(file), *more])


def test_a_channel_s_message_is_printed_as_it_would_be_sent(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "mail.html"
    assert preview(file, "--channel", "mail", "--html", str(page)) == 0
    title, _, text = capsys.readouterr().out.partition("\n\n")
    assert title == "[🔴 Critical] SlowAnswers on web-1:443"
    assert text.startswith("web-1 answers slowly\n")
    assert "<!doctype html>" in page.read_text("utf-8")
    assert preview(file, "--channel", "inbox", "--sample", "resolved") == 0
    assert "已恢复" in capsys.readouterr().out


@pytest.mark.parametrize("style", ["markdown", "text", "actionCard"])
def test_a_robot_s_message_is_printed_with_keyword_calls_and_a_link_for_each_person(
    style: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "url").write_text("https://oapi.dingtalk.com/robot/send?access_token=x")
    robot: dict[str, Any] = {"type": "dingtalk", "url_file": "url", "style": style}
    robot |= {"keyword": "监控", "mention": {"critical": ["all"]}, "people": ["ada"]}
    document = yaml.safe_load(file.read_text("utf-8")) | {
        "external_url": "https://tocsin.example.com",
        "channels": {"ops": robot},
        "people": {"ada": {"name": "Ada", "roles": ["operate"]}},
    }
    file.write_text(yaml.safe_dump(document), "utf-8")
    assert preview(file, "--channel", "ops") == 0
    title, _, text = capsys.readouterr().out.partition("\n\n")
    assert title == "监控 [🔴 Critical] SlowAnswers on web-1:443"
    assert text.endswith("\n\n@all\n")
    assert "Handle as Ada" in text
    assert preview(file, "--channel", "ops", "--sample", "resolved") == 0
    assert "@all" not in capsys.readouterr().out


def test_without_a_choice_every_channel_s_message_is_printed(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert preview(file, "--sample", "digest", "--language", "en") == 0
    said = capsys.readouterr().out
    assert "--- inbox: text\n[🔴 Critical] 4 messages in one" in said
    assert "--- mail: email\n" in said


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("dingtalk.md.j2", "### ["),
        ("digest_title.txt.j2", "[🔴 严重] 合并 4 条消息：SlowAnswers"),
        ("title.txt.j2", "["),
        ("email.html.j2", "<!doctype"),
    ],
)
def test_one_template_is_printed_without_a_channel_for_it(
    file: Path, name: str, start: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert preview(file, "--template", name) == 0
    assert capsys.readouterr().out.startswith(start)


def test_a_webhook_is_read_from_a_file_from_standard_input_and_from_the_store(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    captured = CAPTURED / "prom3.5_am0.33/firing_single.json"
    title = ("--template", "title.txt.j2", "--payload")
    assert preview(file, *title, str(captured)) == 0
    assert "Toggle" in capsys.readouterr().out
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(body())))
    assert preview(file, *title, "-") == 0
    assert "Down" in capsys.readouterr().out
    asyncio.run(fill(file.parent / "home/tocsin.db"))
    assert preview(file, "--template", "title.txt.j2", "--incident", "1") == 0
    assert "db-7" in capsys.readouterr().out


def test_a_channel_s_own_style_is_kept_for_one_of_its_templates(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    payload = tmp_path / "payload.json"
    payload.write_bytes(body([alert("db-7")]))
    about = ("--channel", "mail", "--payload", str(payload), "--template")
    assert preview(file, *about, "email.html.j2") == 0
    assert capsys.readouterr().out.startswith("<!doctype html>")
    assert preview(file, *about, "title.txt.j2", "--language", "zh") == 0
    assert "严重] Down · db-7" in capsys.readouterr().out


async def fill(path: Path) -> None:
    store = await Store.open(path, parse)

    def decide(decision: Decision, _: Known) -> Decision:
        return decision

    await store.accept(webhook([alert("db-7")]), partial(decide, Decision(("inbox",))))
    await store.close()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--channel", "none"), "no channel is named 'none'; there are inbox, mail"),
        (("--incident", "7"), "no 7 is stored"),
        (
            ("--channel", "mail", "--template", "chat.j2"),
            "--template: chat.j2 writes nothing for mail",
        ),
        (("--payload", "none"), "none: cannot be read: No such file or directory"),
        (("--payload", str(CAPTURED / "prom3.5_am0.33/api_v2_status.json")), "; give the body"),
    ],
)
def test_what_cannot_be_shown_is_said_in_words(
    file: Path, more: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert preview(file, *more) == 2
    assert said in capsys.readouterr().err


def test_a_template_of_the_user_s_own_is_shown_and_one_that_fails_is_told(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own/en/text.txt.j2"
    own.parent.mkdir(parents=True)
    own.write_text("{{ view.labels | length }} labels, {{ 10 // (view.labels | length - 5) }}")
    file.write_text(f"{file.read_text()}templates: own\n")
    told: dict[str, Any] = {f"a{number}": "x" for number in range(4)}
    payload = tmp_path / "payload.json"
    assert preview(file, "--channel", "mail") == 0
    assert "2 labels, -4" in capsys.readouterr().out
    payload.write_bytes(body([alert(cluster="x", **told)]))
    assert preview(file, "--channel", "mail", "--payload", str(payload)) == 1
    told_of = capsys.readouterr()
    assert "it is down" in told_of.out
    assert f"{own}: line 1: ZeroDivisionError" in told_of.err
    own.write_text("{% if %}")
    assert preview(file) == 2
    assert f"{own}: line 1: Expected an expression" in capsys.readouterr().err
