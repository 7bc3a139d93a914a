import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from receiver.pictures import studio as module
from receiver.pictures.studio import DrawError, Studio
from tests.receiver.pictures.charts import chart


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("charts")


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a busy machine draw for longer than a message would wait."""
    monkeypatch.setattr(module, "_DRAW", 30.0)


@pytest.fixture
async def studio(home: Path) -> AsyncIterator[Studio]:
    made = Studio(home)
    yield made
    await made.close()


def pid(studio: Studio) -> int:
    assert studio._process is not None
    return studio._process.pid


async def test_one_process_draws_all_and_the_same_chart_once(studio: Studio) -> None:
    await studio.warm()
    first, *rest = await asyncio.gather(*(studio.draw(chart(title=t)) for t in ("a", "b", "a")))
    assert first.startswith(b"\x89PNG")
    assert rest[1] is first != rest[0]
    before = pid(studio)
    os.kill(before, signal.SIGSTOP)  # it could not draw now
    assert await studio.draw(chart(title="b")) == rest[0]


async def test_one_that_hangs_is_ended_and_another_takes_its_place(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    await studio.warm()
    before = pid(studio)
    os.kill(before, signal.SIGSTOP)
    with monkeypatch.context() as patch:
        patch.setattr(module, "_DRAW", 0.05)
        with pytest.raises(DrawError) as caught:
            await studio.draw(chart())
    assert caught.value.reason == "timeout"
    assert (await studio.draw(chart())).startswith(b"\x89PNG")
    assert pid(studio) != before


async def test_who_waits_no_longer_leaves_no_answer_for_the_next(studio: Studio) -> None:
    await studio.warm()
    waiting = asyncio.create_task(studio.draw(chart(title="left")))
    await asyncio.sleep(0.02)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert studio._process is None


async def test_what_cannot_be_drawn_is_an_error_and_costs_no_process(studio: Studio) -> None:
    await studio.warm()
    before = pid(studio)
    with pytest.raises(DrawError) as caught:
        await studio.draw(chart(timezone="Nowhere/Land"))
    assert caught.value.reason == "failed"
    assert pid(studio) == before


async def test_a_broken_matplotlib_is_an_error(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PROCESS", "receiver.pictures.nothing")
    with pytest.raises(DrawError, match="is matplotlib whole"):
        await studio.draw(chart())


def test_the_process_that_serves_never_loads_what_draws() -> None:
    asked = "import receiver.app, sys; print(*sorted({'matplotlib', 'numpy'} & {*sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == ""
