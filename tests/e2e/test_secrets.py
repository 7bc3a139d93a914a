"""No secret that was used is in a log, in the metrics, in an answer, or in the audit."""

import asyncio
import secrets as random_secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp import ClientSession

from tests.e2e.crashes import channels, section
from tests.e2e.serving import configure, receiver
from tests.fakes.alertmanager import FakeAlertmanager
from tests.fakes.certs import Certificates
from tests.receiver.webhooks import alert, body

_PAGES = ("/metrics", "/", "/api/v1/audit", "/api/v1/notifications?state=owed&limit=100")
_TROUBLES = ("echoes", "rejected", "html", "server", "closes", "redirects", "throttled")


def spellings(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    yield quote(secret)


def used(folder: Path) -> set[str]:
    """Return every secret in the test's folder, and the telling parts of secret addresses."""
    texts = [p.read_text().strip() for p in folder.rglob("*") if p.name in _FILES]
    parts = {part for text in texts if "://" in text for part in text.split("/")[3:]}
    return {text for text in {*texts, *parts} if len(text) >= 6 and not text.startswith("hooks")}


_FILES = {"url", "token", "secret", "password", "admin.token", "ingest.token", "am.password"}


@pytest.fixture
def tokens(tmp_path: Path) -> dict[str, str]:
    made = {name: random_secrets.token_hex(16) for name in ("admin", "ingest")}
    for name, secret in made.items():
        (tmp_path / f"{name}.token").write_text(secret)
    (tmp_path / "am.password").write_text(random_secrets.token_hex(16))
    return made


async def test_no_secret_of_a_run_full_of_trouble_is_told_anywhere(
    tmp_path: Path,
    tokens: dict[str, str],
    certificates: Certificates,
    alertmanager: FakeAlertmanager,
    http: ClientSession,
) -> None:
    alertmanager.next.extend(["echoes", "html", 401])
    async with channels(tmp_path, certificates) as rigs:
        config = configure(
            tmp_path,
            tokens=[{"name": name, "scope": name, "file": f"{name}.token"} for name in tokens],
            alertmanager={
                "url": alertmanager.base,
                "user": "tocsin",
                "password_file": "am.password",
                "interval": "5s",
            },
            channels={
                **{name: section(tmp_path, name, rig) for name, rig in rigs.items()},
                "inbox": {"type": "inbox"},
            },
        )
        for rig in rigs.values():
            for trouble in _TROUBLES:
                try:
                    await rig.provoke(trouble)
                except (KeyError, AttributeError):
                    continue
        seen: list[str] = []
        admin = {"Authorization": f"Bearer {tokens['admin']}"}
        async with receiver(config) as running:
            for number in range(8):
                said = body([alert(f"web-{number}")], groupKey=f"g{number}")
                shown = {
                    "Authorization": f"Bearer {tokens['ingest']}",
                    "Content-Type": "application/json",
                }
                url = f"{running.url}/webhook/alertmanager"
                async with http.post(url, data=said, headers=shown) as answer:
                    assert answer.status == 200
                wrong = shown | {"Authorization": f"Bearer {tokens['ingest'][:-1]}"}
                async with http.post(url, data=said, headers=wrong) as answer:
                    seen.append(await answer.text())
            config.write_text(config.read_text() + "nonsense: true\n")
            async with http.post(f"{running.url}/-/reload", headers=admin) as answer:
                assert answer.status == 500
                seen.append(await answer.text())
            await asyncio.sleep(4)
            for page in _PAGES:
                async with http.get(running.url + page, headers=admin) as answer:
                    assert answer.status == 200, page
                    seen.append(await answer.text())
            assert await running.stop() == 0
        seen += running.log
    told = used(tmp_path)
    assert len(told) >= 8
    assert any("again at" in line for line in seen)
    text = "\n".join(seen)
    found = [secret for secret in told for form in spellings(secret) if form in text]
    print(f"{len(told)} secrets, {len(text)} characters of logs, metrics and answers: none told")
    assert not found
