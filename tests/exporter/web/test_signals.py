"""The reading API, and what people say through it, over a real socket."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp.test_utils import TestClient, TestServer

from exporter.app import App, remembering
from exporter.config import Config
from exporter.exposition import render
from exporter.model import SeriesKey
from exporter.signals.joint import Joint
from exporter.signals.pushed import Observation
from exporter.web import make_web

Client = TestClient[Any, Any]
API = "/api/v1/signals"
TICKS, JUMP, STEP = 310, 300, 15.0
NOISE = np.random.default_rng(3).normal(size=(TICKS, 3))
MAIL, WEB = {"queue": "mail"}, {"queue": "web"}
THEIRS = (
    (SeriesKey("depth", (("queue", "mail"),)), JUMP),
    (SeriesKey("disk"), JUMP - 2),
    (SeriesKey("depth", (("queue", "web"),)), TICKS),
)


class World:
    """An exporter that is sent three series, of which two jump, `disk` 30 s before `mail`."""

    def __init__(self) -> None:
        self.config = Config.model_validate(
            {
                "collectors": {name: False for name, _ in Config().collectors},
                "scoring": {"grace": "15m"},
                "signals": [{"name": "quiet", "metric": "app_quiet", "sensitivity": "low"}],
            }
        )
        self.app = App(self.config, lambda: self.config)
        self.now = time.time()
        self.ticks = 0

    async def rest(self, ticks: int) -> set[str]:
        """Tick without any news; returns the series on the page."""
        for _ in range(ticks):
            self.now += STEP
            snapshot = await self.app.service.ticker.tick()
        page = b"".join(render(snapshot.samples, snapshot.columns)).decode().splitlines()
        return {line.rsplit(" ", 1)[0] for line in page}

    async def live(self, ticks: int) -> None:
        for _ in range(ticks):
            self.now += STEP
            self.app.service.pushed.push(
                Observation(
                    key, 20 + NOISE[self.ticks, place] + 400 * (self.ticks >= jump), self.now
                )
                for place, (key, jump) in enumerate(THEIRS)
            )
            await self.app.service.ticker.tick()
            self.ticks += 1


async def restarted(world: World) -> World:
    """Save and end as a process does; returns the next one, which sends the last values again."""
    assert world.app.service.keeper
    assert world.app.folder
    await world.app.service.keeper.save()
    world.app.folder.release()
    again = World()
    again.ticks = TICKS - 1
    return again


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    world = World()
    monkeypatch.setattr(time, "time", lambda: world.now)
    async with remembering(world.app):
        yield world


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    async with TestClient(TestServer(make_web(world.app.service))) as client:
        yield client


async def get(client: Client, path: str, **query: str) -> Any:
    answer = await client.get(f"{API}{path}", params=query)
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def status(client: Client, path: str, **query: str) -> int:
    return (await client.get(f"{API}{path}", params=query)).status


async def test_before_the_first_tick_there_are_no_signals(client: Client) -> None:
    assert await get(client, "") == {"time": None, "signals": [], "next": None}
    assert await status(client, "/depth") == 404


async def test_all_signals_are_listed_page_by_page(client: Client, world: World) -> None:
    await world.live(TICKS - 8)
    listed = await get(client, "")
    assert [one["signal"] for one in listed["signals"]] == ["depth", "disk"]
    depth = listed["signals"][0]
    assert (depth["series"], depth["active"], depth["sensitivity"]) == (2, 1, "medium")
    first = await get(client, "", limit="1")
    second = await get(client, "", limit="1", next=str(first["next"]))
    assert [page["signals"][0]["signal"] for page in (first, second)] == ["depth", "disk"]
    assert second["next"] is None


async def test_a_signal_says_what_it_did_and_why_it_alarmed(client: Client, world: World) -> None:
    await world.live(TICKS)
    told = await get(client, "/depth", match='queue="mail"')
    (mail,) = told["series"]
    assert mail["labels"] == MAIL
    assert mail["active"] is True
    assert mail["alarms"] >= 1
    alarm, recent = mail["latest_alarm"], mail["recent"]
    assert alarm["time"] == pytest.approx(world.now - (TICKS - 1 - JUMP) * STEP, abs=4 * STEP)
    assert alarm["score"] >= 1
    assert alarm["lower"] < alarm["expected"] < alarm["upper"] < alarm["value"]
    assert alarm["view"]
    assert "above the expected" in alarm["why"]
    assert len(recent["times"]) == len(recent["value"]) == len(recent["score"]) == 60
    assert told["time"] == recent["times"][-1] == round(world.now, 3), "to the millisecond"
    assert (await get(client, ""))["time"] == told["time"]
    assert recent["value"][-1] == pytest.approx(420 + NOISE[-1, 0], abs=1e-3)


async def test_the_reason_of_an_alarm_is_kept_until_the_next_one_and_over_a_restart(
    client: Client, world: World
) -> None:
    await world.live(TICKS)
    (before,) = (await get(client, "/disk"))["series"]
    await world.rest(100)
    (mail,) = (await get(client, "/disk"))["series"]
    assert mail["recent"]["score"] == [None] * 60, "there is nothing left of it in the latest ticks"
    assert mail["latest_alarm"] == before["latest_alarm"]
    assert mail["latest_alarm"]["why"]
    again = await restarted(world)
    async with remembering(again.app), TestClient(TestServer(make_web(again.app.service))) as other:
        await again.live(1)
        (mail,) = (await get(other, "/disk"))["series"]
    assert mail["latest_alarm"] == before["latest_alarm"]


async def test_while_a_flat_line_lasts_it_is_said_since_when(client: Client, world: World) -> None:
    await world.live(TICKS - 20)
    still = world.now + STEP
    key, _ = THEIRS[2]
    for _ in range(60):
        world.now += STEP
        world.app.service.pushed.push([Observation(key, 20.0, world.now)])
        await world.app.service.ticker.tick()
    (web,) = (await get(client, "/depth", match='queue="web"'))["series"]
    assert (web["view"], web["active"]) == ("flat", True)
    since = datetime.fromtimestamp(still, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    assert "as usual" not in web["why"]
    assert f"it has stopped moving, the same since {since}, for {59 * 15} s" in web["why"]
    assert web["latest_alarm"]["view"] == "flat"
    assert f"the same since {since}, for " in web["latest_alarm"]["why"]


async def test_a_series_without_trouble_says_so_in_the_language_that_is_asked_for(
    client: Client, world: World
) -> None:
    await world.live(TICKS - 20)
    (web,) = (await get(client, "/depth", match='queue="web"'))["series"]
    assert "as usual" in web["why"]
    assert (web["latest_alarm"], web["active"], web["alarms"]) == (None, False, 0)
    (web,) = (await get(client, "/depth", match='queue="web"', language="zh"))["series"]
    assert "属于正常" in web["why"]


async def test_what_was_sent_is_shown_for_five_minutes_with_its_time(
    client: Client, world: World
) -> None:
    await world.live(TICKS)
    sent_at = round(world.now, 3)
    shown = {
        f'tocsin_{name}{{signal="disk"}}'
        for name in (
            *("signal_value", "signal_timestamp_seconds", "expected_value", "expected_lower"),
            *("expected_upper", "anomaly_score", "anomaly_deviation", "anomaly_novelty"),
        )
    }
    assert shown <= await world.rest(20)
    (disk,) = (await get(client, "/disk"))["series"]
    assert disk["value_time"] == sent_at
    assert disk["value"] == pytest.approx(420 + NOISE[-1, 1], abs=1e-3)
    assert disk["recent"]["value"][-1] is None, "nothing new came at that tick"
    assert not shown & await world.rest(1)
    (disk,) = (await get(client, "/disk"))["series"]
    assert (disk["value"], disk["score"], disk["value_time"]) == (None, None, None)


async def test_before_the_grace_period_values_are_there_and_no_scores(
    client: Client, world: World
) -> None:
    await world.live(3)
    (disk,) = (await get(client, "/disk"))["series"]
    assert disk["score"] is None
    assert disk["value"] == pytest.approx(20 + NOISE[2, 1], abs=1e-4)
    assert "too little is known" in disk["why"]
    assert disk["recent"]["score"] == [None] * 3


async def test_what_else_moved_is_found_with_its_lead(client: Client, world: World) -> None:
    await world.live(TICKS)
    told = await get(client, "/depth/related", match='queue="mail"')
    assert told["labels"] == MAIL
    (first,) = told["related"]
    assert (first["signal"], first["labels"], first["lead_seconds"]) == ("disk", {}, 30)
    assert "disk moved 30 s earlier" in first["why"]
    assert not (await get(client, "/depth/related", match='queue="mail"', limit="0"))["related"]
    (theirs,) = (await get(client, "/disk/related"))["related"]
    assert theirs["labels"] == MAIL
    assert 'depth{queue="mail"} moved 30 s later' in theirs["why"]


async def test_of_several_series_one_is_to_be_chosen(client: Client, world: World) -> None:
    await world.live(TICKS)
    answer = await client.get(f"{API}/depth/related")
    said = await answer.text()
    assert answer.status == 400
    assert said.startswith("match: 2 series of depth are meant; choose one, e.g. the loudest with ")
    added = said.rsplit(" ", 1)[1].strip()
    again = await client.get(f"{API}/depth/related?{added}")
    assert (await again.json())["labels"] == MAIL


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/nothing", {}, 404),
        ("/depth", {"match": 'queue="none"'}, 404),
        ("/depth", {"match": "queue"}, 400),
        ("/depth", {"language": "fr"}, 400),
        ("/depth", {"limit": "101"}, 400),
        ("/depth", {"next": "-1"}, 400),
        ("", {"limit": "1e9"}, 400),
        ("/nothing/related", {}, 404),
        ("/depth/related", {"limit": "²"}, 400),
    ],
)
async def test_what_cannot_be_answered_is_said(
    client: Client, world: World, path: str, query: dict[str, str], code: int
) -> None:
    await world.live(1)
    assert await status(client, path, **query) == code


async def post(client: Client, path: str, **sent: object) -> tuple[int, Any]:
    answer = await client.post(f"{API}{path}", json=sent)
    is_json = answer.content_type == "application/json"
    return answer.status, await (answer.json() if is_json else answer.text())


async def put(client: Client, path: str, **sent: object) -> tuple[int, Any]:
    answer = await client.put(f"{API}{path}", json=sent)
    is_json = answer.content_type == "application/json"
    return answer.status, await (answer.json() if is_json else answer.text())


async def test_labels_are_counted_and_make_their_series_less_sensitive(
    client: Client, world: World
) -> None:
    await world.live(TICKS)
    at = datetime.fromtimestamp(world.now, UTC).isoformat()
    code, said = await post(client, "/depth/labels", verdict="false", labels=MAIL, at=at, by="me")
    assert (code, said["alarms_a_week"], said["precision"]) == (201, 0.5, 0)
    code, said = await post(client, "/depth/labels", verdict="true", labels=MAIL, at=at)
    assert (code, said["alarms_a_week"], said["precision"]) == (200, 1, 1)
    code, said = await post(client, "/depth/labels", verdict="missed", labels=MAIL)
    assert (code, said["alarms_a_week"], said["recall"]) == (201, 1.5, 0.5)
    (one,) = (await get(client, "/depth", match='queue="mail"'))["series"]
    assert one["alarms_a_week"] == 1.5
    about = {" ".join((s.metric.name, *s.labels)): s.value for s in world.app.service.about()}
    assert about["tocsin_signal_recall_ratio depth"] == 0.5


async def test_who_says_another_thing_of_the_same_alarm_has_changed_their_mind(
    client: Client, world: World
) -> None:
    """Whoever it is, and at whatever time before the next alarm."""
    await world.live(JUMP + 2)
    raised = (await get(client, "/disk"))["series"][0]["latest_alarm"]["time"]
    code, said = await post(client, "/disk/labels", verdict="true", by="me")
    assert (code, said["precision"], said["alarms_a_week"]) == (201, 1, 1)
    assert datetime.fromisoformat(said["alarm"]).timestamp() == pytest.approx(raised, abs=1e-3)
    await world.live(2)
    second = datetime.fromtimestamp(int(raised), UTC).isoformat()
    for at, by in ((None, "me"), (second, "you")):
        code, said = await post(client, "/disk/labels", verdict="false", at=at, by=by)
        assert (code, said["precision"], said["alarms_a_week"]) == (200, 0, 0.5)
    about = {" ".join((s.metric.name, *s.labels)): s.value for s in world.app.service.about()}
    assert about["tocsin_signal_labels disk true"] == 0
    assert about["tocsin_signal_labels disk false"] == 1
    code, _ = await post(client, "/disk/labels", verdict="missed")
    assert code == 201, "what was missed is no alarm"
    state = world.config.state
    assert state is not None
    lines = (state.path / "opinions.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == 4, "who said what stays on record"


@pytest.mark.parametrize("verdict", ["true", "false"])
async def test_a_word_about_an_alarm_that_never_was_is_refused_and_counts_nowhere(
    client: Client, world: World, verdict: str
) -> None:
    await world.live(1)
    code, said = await post(client, "/disk/labels", verdict=verdict)
    assert code == 409
    assert "no alarm of this series is known" in said
    assert "`missed` of an anomaly that raised none" in said
    (one,) = (await get(client, "/disk"))["series"]
    assert (one["alarms_a_week"], (await get(client, "/disk"))["precision"]) == (1, None)


async def test_a_word_about_a_time_before_the_first_alarm_is_refused(
    client: Client, world: World
) -> None:
    await world.live(TICKS)
    (disk,) = (await get(client, "/disk"))["series"]
    raised = datetime.fromtimestamp(disk["latest_alarm"]["time"], UTC)
    early = (raised - timedelta(seconds=30)).isoformat()
    code, said = await post(client, "/disk/labels", verdict="false", at=early)
    assert code == 409
    assert f"the first known one was at {raised.isoformat(timespec='seconds')}" in said


async def test_of_an_alarm_too_old_to_be_known_it_is_said_how_many_are(
    client: Client, world: World
) -> None:
    await world.live(TICKS)
    raised = world.app.service.ticker.record.arrays()["alarms.raised"]
    raised[:] = world.now - 600 + np.arange(16)[:, None]
    early = datetime.fromtimestamp(world.now - 700, UTC).isoformat()
    code, said = await post(client, "/disk/labels", verdict="true", at=early)
    assert code == 409
    assert "of each series only the latest 16 alarms can be labelled" in said


async def test_an_alarm_counts_once_also_after_a_restart(client: Client, world: World) -> None:
    await world.live(TICKS)
    code, first = await post(client, "/disk/labels", verdict="true")
    again = await restarted(world)
    async with remembering(again.app), TestClient(TestServer(make_web(again.app.service))) as other:
        await again.live(1)
        code, said = await post(other, "/disk/labels", verdict="false")
        assert (code, said["alarm"], said["precision"]) == (200, first["alarm"], 0)
        code, said = await post(other, "/depth/labels", verdict="false", labels=MAIL)
        assert (code, said["alarms_a_week"]) == (201, 0.5)


async def test_a_label_is_on_disk_before_it_is_answered(client: Client, world: World) -> None:
    await world.live(1)
    code, _ = await post(client, "/disk/labels", verdict="missed", note="磁盘")
    assert code == 201
    state = world.config.state
    assert state is not None
    assert "磁盘" in (state.path / "opinions.jsonl").read_text("utf-8")


async def test_which_signals_lose_series_and_why_is_told(client: Client, world: World) -> None:
    """Also of a signal that has lost all of its series, so that none is scored."""
    world.app.service.ticker._joint = Joint(2)
    await world.live(1)
    listed = {one["signal"]: one for one in (await get(client, ""))["signals"]}
    assert {name: (one["series"], one["skipped"]) for name, one in listed.items()} == {
        "depth": (1, {"total_limit": 1}),
        "disk": (1, {}),
    }
    world.app.service.ticker._joint = Joint(1)
    await world.live(1)
    told = await get(client, "/disk")
    assert (told["series"], told["skipped"]) == ([], {"total_limit": 1})
    assert (await get(client, "/depth"))["skipped"] == {"total_limit": 1}
    assert await status(client, "/nothing") == 404


SAID = ("sensitivity", "sensitivity_from")


async def test_a_sensitivity_is_set_for_a_signal_and_for_one_of_its_series(
    client: Client, world: World
) -> None:
    await world.live(1)
    code, said = await put(client, "/depth/sensitivity", sensitivity="high")
    assert (code, said["alarms_a_week"], said["sensitivity"]) == (200, 7, "high")
    code, said = await put(client, "/depth/sensitivity", sensitivity=0.5, labels=WEB)
    assert (code, said["alarms_a_week"]) == (200, 0.5)
    told = await get(client, "/depth")
    assert [told[key] for key in SAID] == ["high", "signal"]
    assert told["own_sensitivities"] == 1
    series = {one["labels"]["queue"]: [one[key] for key in SAID] for one in told["series"]}
    assert series == {"mail": ["high", "signal"], "web": [0.5, "series"]}
    listed = {one["signal"]: one for one in (await get(client, ""))["signals"]}
    assert [listed[name]["sensitivity_from"] for name in ("depth", "disk")] == ["signal", "default"]
    keys = world.app.service.ticker.record.latest.keys
    assert world.app.service.opinions.alarms_a_week(keys).tolist() == [7, 1, 0.5]
    await put(client, "/depth/sensitivity", sensitivity=None, labels=WEB)
    code, said = await put(client, "/depth/sensitivity", sensitivity=None)
    assert said["sensitivity"] == "medium"
    assert world.app.service.opinions.alarms_a_week(keys).tolist() == [1, 1, 1]


async def test_what_somebody_set_is_shown_beside_what_labels_made_of_it(
    client: Client, world: World
) -> None:
    await world.live(TICKS)
    await put(client, "/disk/sensitivity", sensitivity="high", labels={})
    assert (await post(client, "/disk/labels", verdict="false"))[0] == 201
    (one,) = (await get(client, "/disk"))["series"]
    assert (one["sensitivity"], one["sensitivity_from"], one["alarms_a_week"]) == (
        *("high", "series"),
        3.5,
    )


async def test_a_configured_signal_may_be_set_before_it_has_any_series(
    client: Client, world: World
) -> None:
    await world.live(1)
    assert world.app.service.opinions.of_signal("quiet") == pytest.approx(7 / 30.44)
    code, said = await put(client, "/quiet/sensitivity", sensitivity="medium")
    assert (code, said["alarms_a_week"]) == (200, 1)


LATE = (datetime.now(UTC) - timedelta(days=91)).isoformat()


@pytest.mark.parametrize(
    ("path", "sent", "code", "words"),
    [
        ("/depth/labels", {"verdict": "true"}, 400, "say which with `labels`"),
        ("/depth/labels", {"verdict": "true", "labels": {"queue": "x"}}, 404, "exactly these"),
        ("/nothing/labels", {"verdict": "true"}, 404, "no signal is named nothing"),
        ("/disk/labels", {"verdict": "perhaps"}, 400, "verdict: no such word here; write 'true'"),
        ("/disk/labels", {"verdict": "true", "at": "noon"}, 400, "at: not a time; write it like"),
        ("/disk/labels", {"verdict": "true", "who": "me"}, 400, "unknown key"),
        ("/disk/labels", {"verdict": "true", "at": "2020-01-01T00:00:00"}, 400, "its zone"),
        ("/disk/labels", {"verdict": "true", "at": LATE}, 400, "90 days"),
        ("/disk/labels", {"verdict": "true", "note": "x" * 1001}, 400, "1000"),
        ("/disk/labels", {"verdict": "true", "note": "x" * 20_000}, 413, ""),
    ],
)
async def test_a_label_that_cannot_be_kept_is_refused_with_the_reason(
    client: Client, world: World, path: str, sent: dict[str, Any], code: int, words: str
) -> None:
    await world.live(1)
    given, said = await post(client, path, **sent)
    assert given == code
    assert words in str(said)


@pytest.mark.parametrize("wrong", ["highest", 0.01, 169, True, [1]])
async def test_a_sensitivity_that_is_none_is_refused(
    client: Client, world: World, wrong: object
) -> None:
    await world.live(1)
    code, said = await put(client, "/depth/sensitivity", sensitivity=wrong)
    assert code == 400
    assert "write low, medium or high" in str(said)


async def test_another_web_page_cannot_label(client: Client, world: World) -> None:
    await world.live(1)
    answer = await client.post(f"{API}/disk/labels", data='{"verdict": "true"}')
    assert answer.status == 415


async def test_where_nothing_can_be_written_a_label_is_refused_for_now(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.live(1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("exporter.quality.journal.os.fsync", full)
    code, said = await post(client, "/disk/labels", verdict="missed")
    assert (code, "No space left" in said) == (503, True)
    assert world.app.service.opinions.counts("disk").missed == 0


async def test_health_says_that_what_was_learned_cannot_be_saved(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = world.app.service.keeper
    assert keeper is not None

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for broken, status in ((True, "degraded"), (False, "healthy")):
        with monkeypatch.context() as patch:
            if broken:
                patch.setattr("exporter.state.folder.os.fsync", full)
            await keeper.save()
        checks = (await (await client.get("/health")).json())["checks"]
        assert checks["state"]["status"] == status
    assert checks["state"]["detail"] == "well"


async def test_labels_are_known_after_a_restart(client: Client, world: World, home: Path) -> None:
    await world.live(1)
    await post(client, "/disk/labels", verdict="missed")
    assert world.app.folder is not None
    world.app.folder.release()
    again = World()
    async with remembering(again.app):
        assert again.app.service.opinions.counts("disk").missed == 1
    assert (home / "exporter-state").is_dir()
