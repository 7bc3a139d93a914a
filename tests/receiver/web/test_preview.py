from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import yaml
from aiohttp import ClientSession

from receiver import app, config
from receiver.web import trial
from tests.fakes.alerts import HOSTILE
from tests.receiver.webhooks import alert, body

JSON = {"Content-Type": "application/json"}
LOOP = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
DOUBLE = (
    "{% set n = namespace(s='x') %}{% for a in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}"
)


@pytest.fixture
async def running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[str]:
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "home"))
    (tmp_path / "own/zh").mkdir(parents=True)
    (tmp_path / "own/zh/title.txt.j2").write_text("我的 {{ view.names | join }}", "utf-8")
    (tmp_path / "secret").write_text("read-secret")
    (tmp_path / "robot").write_text("https://oapi.dingtalk.com/robot/send?access_token=x")
    mail = {"type": "email", "smtp": "smtp://127.0.0.1", "to": ["a@example.com"]}
    document = {
        "listen": "127.0.0.1:0",
        "templates": "own",
        "channels": {"inbox": {"type": "inbox"}, "mail": mail},
        **getattr(request, "param", {}),
    }
    path = tmp_path / "receiver.yml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    async with app.running(config.load(path)) as url:
        yield url


async def look(http: ClientSession, url: str, **query: str) -> tuple[int, dict[str, Any]]:
    async with http.get(f"{url}/api/v1/preview", params=query) as answer:
        return answer.status, await answer.json()


async def try_out(http: ClientSession, url: str, **asked: Any) -> tuple[int, dict[str, Any]]:
    origin = {"Origin": url}
    async with http.post(f"{url}/api/v1/preview", json=asked, headers=origin) as answer:
        return answer.status, await answer.json()


async def test_a_mail_is_shown_with_its_picture(running: str, http: ClientSession) -> None:
    _, said = await look(http, running, channel="mail", sample="measured", language="zh")
    assert 'src="data:image/png;base64,iVBOR' in said["html"]
    assert "期望区间" in said["body"]


async def test_a_channel_s_message_is_shown_beside_its_template(
    running: str, http: ClientSession
) -> None:
    status, said = await look(http, running)
    assert (status, said["failures"]) == (200, [])
    assert said["title"] == "[🔴 Critical] SlowAnswers on web-1:443"
    assert said["template"] == "text.txt.j2"
    assert "{{ alert.summary }}" in said["source"]
    status, said = await look(
        http, running, channel="mail", language="zh", template="title.txt.j2", sample="grouped"
    )
    assert said["title"] == "我的 SlowAnswers"
    assert said["source"] == "我的 {{ view.names | join }}"
    assert said["html"].startswith("<!doctype html>")
    assert said["templates"] == ["text.txt.j2", "title.txt.j2", "email.html.j2"]
    _, said = await look(http, running, channel="mail", sample="digest")
    assert said["title"].startswith("[🔴 Critical] 4 messages in one: SlowAnswers")
    assert said["template"] == "digest.j2"
    assert "web-12:443" in said["html"]


async def test_a_stored_incident_can_be_chosen_on_the_page_and_is_shown(
    running: str, http: ClientSession
) -> None:
    told = body([alert("db-7")])
    async with http.post(f"{running}/webhook/alertmanager", data=told, headers=JSON) as answer:
        assert answer.status == 200
    async with http.get(f"{running}/preview") as page:
        text = await page.text()
        policy = page.headers["Content-Security-Policy"]
    assert '<option value="incident 1">1 · Down</option>' in text
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert (await look(http, running, incident="1"))[1]["title"] == "[🔴 Critical] Down on db-7"
    assert (await look(http, running, incident="7"))[0] == 404


async def test_a_template_that_is_being_written_is_rendered_and_not_kept(
    running: str, http: ClientSession
) -> None:
    own = "{{ view.alerts[0].label('team') }} {% include 'title.txt.j2' %}"
    status, said = await try_out(http, running, language="zh", source=own, template="text.txt.j2")
    assert (status, said["failures"], said["body"]) == (200, [], "shop 我的 SlowAnswers")
    status, said = await try_out(http, running, payload=body([alert("db-7")]).decode())
    assert said["title"] == "[🔴 Critical] Down on db-7"
    asked = {"sample": "bare digest", "template": "digest_title.txt.j2"}
    status, said = await try_out(http, running, source="{{ digest.messages }}", **asked)
    assert (said["failures"], said["title"]) == ([], "2")
    assert "{{ alert.summary }}" in (await look(http, running, language="zh"))[1]["source"]


WRONG = {
    "a\n{{ view.nothing }}": "text.txt.j2: line 2: UndefinedError",
    "{% if %}": "text.txt.j2: line 1: Expected an expression",
    DOUBLE: "it takes more than 3 s or 256 MiB",
}


async def test_what_is_wrong_with_it_is_said_with_its_line(
    running: str, http: ClientSession
) -> None:
    for source, said in WRONG.items():
        status, answer = await try_out(http, running, source=source)
        assert status == 200
        assert said in answer["failures"][0]


async def test_a_template_that_never_ends_is_stopped_and_holds_up_nobody(
    running: str, http: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "PATIENCE", 2.5)
    begun = monotonic()
    _, answer = await try_out(http, running, source=LOOP)
    assert "it takes more than" in answer["failures"][0]
    assert monotonic() - begun < 10
    assert (await look(http, running))[0] == 200


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"channel": "none"}, 404, "no channel is named 'none'; there are inbox, mail"),
    ({"sample": "none"}, 404, "sample: no 'none'; there are single,"),
    ({"payload": "{"}, 400, "not JSON"),
    ({"payload": "{}"}, 400, "paste the body that Alertmanager posts"),
    ({"nonsense": 1}, 400, "unknown key"),
    ({"source": "x" * 300_000}, 400, "source"),
]


async def test_what_cannot_be_shown_is_refused_in_words(running: str, http: ClientSession) -> None:
    for asked, status, said in REFUSED:
        answer = await try_out(http, running, **asked)
        assert answer[0] == status
        assert said in answer[1]["detail"]


async def test_a_hostile_webhook_stays_text_on_the_page(running: str, http: ClientSession) -> None:
    for number, hostile in enumerate(HOSTILE.values()):
        text = hostile.replace("\ud800", "")  # which JSON cannot hold
        told = body([alert("x", alertname=text, evil=text)], groupKey=str(number))
        async with http.post(f"{running}/webhook/alertmanager", data=told, headers=JSON) as answer:
            assert answer.status == 200
        _, said = await look(http, running, channel="mail", incident=str(number + 1))
        assert said["title"]
        assert "<script" not in said["html"]
    async with http.get(f"{running}/preview") as page:
        assert "<script>alert" not in await page.text()


ROBOT = {"channels": {"ops": {"type": "dingtalk", "url_file": "robot"}}}


@pytest.mark.parametrize("running", [ROBOT], indirect=True)
async def test_what_a_channel_leaves_out_is_said_in_the_language_that_is_looked_at(
    running: str, http: ClientSession
) -> None:
    long = "x\n" * 20_000
    for language, words in (("en", "more lines left out"), ("zh", "行未显示")):
        _, said = await try_out(http, running, source=long, language=language)
        assert words in said["body"]
        assert words in said["html"]


READ = {"tokens": [{"name": "r", "scope": "read", "file": "secret"}]}


@pytest.mark.parametrize("running", [READ], indirect=True)
async def test_who_may_look_need_not_be_allowed_to_try(running: str, http: ClientSession) -> None:
    assert (await look(http, running))[0] == 401
    async with http.get(f"{running}/preview") as page:
        assert (page.status, page.content_type) == (401, "text/html")
    async with ClientSession(headers={"Authorization": "Bearer read-secret"}) as reader:
        assert (await look(reader, running))[0] == 200


async def test_another_site_s_page_may_not_try_anything(running: str, http: ClientSession) -> None:
    url = f"{running}/api/v1/preview"
    for headers in (
        {"Origin": "http://elsewhere.example.com"},
        {"Origin": "http://evil.example.com", "Host": "evil.example.com"},
    ):
        async with http.post(url, json={"source": "x"}, headers=headers) as answer:
            assert answer.status == 403
    async with http.post(url, data="{}", headers={"Content-Type": "text/plain"}) as answer:
        assert answer.status == 415
