"""For each channel a provider to send to, its configuration, and the trouble it can make.

A new channel needs its rig here: the conformance suite goes through CHANNELS.
"""

import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from tests.fakes.certs import Certificates
from tests.fakes.dingtalk import FakeDingTalk
from tests.fakes.feishu import FakeFeishu
from tests.fakes.hook import FakeHook
from tests.fakes.pagerduty import FakePagerDuty
from tests.fakes.slack import FakeSlack
from tests.fakes.sms import KEY, SECRET, SID, FakeSms
from tests.fakes.smtp import FakeSmtp
from tests.fakes.teams import FakeTeams
from tests.fakes.telegram import TOKEN, FakeTelegram
from tests.fakes.web import FakeWeb, Ugly
from tests.fakes.wecom import FakeWeCom


@dataclass(frozen=True, slots=True)
class Rig:
    """`config` is the channel's section; `texts` what arrived; `provoke` makes trouble next."""

    config: dict[str, Any]
    texts: Callable[[], list[str]]
    provoke: Callable[[str], Awaitable[None]]


Maker = Callable[[Path, Certificates], AbstractAsyncContextManager[Rig]]

_STATUS = {
    "rejected": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "missing": 404,
    "too large": 413,
    "broken": 500,
    "server": 503,
    "throttled": 429,
}
ON_THE_WEB = (*_STATUS, *get_args(Ugly), "dead")
BY_OTHERS = ("rejected", "unauthorized", "forbidden", "missing", "server", "hangs", "dead")
IN_THE_POST = ("rejected", "server", "hangs", "dead")


async def _provoke_web(fake: FakeWeb, trouble: str) -> None:
    fake.retry_after = "17" if trouble == "throttled" else ""
    if trouble == "dead":
        await fake.__aexit__()
    else:
        fake.next.append(_STATUS.get(trouble) or trouble)  # type: ignore[arg-type]  # an Ugly


async def _provoke_mail(fake: FakeSmtp, trouble: str) -> None:
    if trouble == "dead":
        await fake.__aexit__()
    fake.hangs = trouble == "hangs"
    fake.data_reply = {"rejected": "554 5.7.1 spam", "server": "451 4.3.0 later"}.get(trouble, "")


def _write(folder: Path, name: str, secret: str) -> str:
    (folder / name).write_text(secret)
    return name


@asynccontextmanager
async def dingtalk_rig(folder: Path, _: Certificates) -> AsyncIterator[Rig]:
    async with FakeDingTalk(keywords=("告警",)) as fake:
        config = {
            "type": "dingtalk",
            "url_file": _write(folder, "url", fake.url),
            "secret_file": _write(folder, "secret", fake.secret),
            "keyword": "告警",
        }
        yield Rig(config, lambda: fake.texts, lambda trouble: _provoke_web(fake, trouble))


@asynccontextmanager
async def dingtalk_text_rig(folder: Path, certificates: Certificates) -> AsyncIterator[Rig]:
    async with dingtalk_rig(folder, certificates) as rig:
        yield replace(rig, config=rig.config | {"style": "text"})


@asynccontextmanager
async def dingtalk_card_rig(folder: Path, certificates: Certificates) -> AsyncIterator[Rig]:
    async with dingtalk_rig(folder, certificates) as rig:
        yield replace(rig, config=rig.config | {"style": "actionCard"})


@asynccontextmanager
async def feishu_rig(folder: Path, _: Certificates) -> AsyncIterator[Rig]:
    async with FakeFeishu(keywords=("告警",)) as fake:
        config = {
            "type": "feishu",
            "url_file": _write(folder, "url", fake.url),
            "secret_file": _write(folder, "secret", fake.secret),
            "keyword": "告警",
        }
        yield Rig(config, lambda: fake.texts, lambda trouble: _provoke_web(fake, trouble))


@asynccontextmanager
async def wecom_rig(folder: Path, _: Certificates) -> AsyncIterator[Rig]:
    async with FakeWeCom() as fake:
        config = {"type": "wecom", "url_file": _write(folder, "url", fake.url)}
        yield Rig(config, lambda: fake.texts, lambda trouble: _provoke_web(fake, trouble))


@asynccontextmanager
async def teams_rig(folder: Path, _: Certificates) -> AsyncIterator[Rig]:
    async with FakeTeams() as fake:
        config = {"type": "teams", "url_file": _write(folder, "url", fake.url)}
        yield Rig(config, lambda: fake.texts, lambda trouble: _provoke_web(fake, trouble))


@asynccontextmanager
async def telegram_rig(folder: Path, _: Certificates) -> AsyncIterator[Rig]:
    async with FakeTelegram() as fake:
        config = {
            "type": "telegram",
            "token_file": _write(folder, "token", TOKEN),
            "chat": "-1001234567890",
            "api_url": fake.base,
        }
        yield Rig(config, lambda: fake.texts, lambda trouble: _provoke_web(fake, trouble))


@asynccontextmanager
async def slack_hook_rig(folder: Path, _: Certificates) -> AsyncIterator[Rig]:
    async with FakeSlack() as fake:
        config = {"type": "slack", "url_file": _write(folder, "url", fake.hook)}
        yield Rig(config, lambda: fake.texts, lambda trouble: _provoke_web(fake, trouble))


@asynccontextmanager
async def slack_token_rig(folder: Path, _: Certificates) -> AsyncIterator[Rig]:
    async with FakeSlack() as fake:
        config = {
            "type": "slack",
            "token_file": _write(folder, "token", fake.token),
            "channel": "#ops",
            "api_url": fake.api,
        }
        yield Rig(config, lambda: fake.texts, lambda trouble: _provoke_web(fake, trouble))


@asynccontextmanager
async def webhook_rig(folder: Path, _: Certificates) -> AsyncIterator[Rig]:
    async with FakeHook() as fake:
        config = {
            "type": "webhook",
            "url_file": _write(folder, "url", f"{fake.base}/hooks/a-secret-path"),
            "token_file": _write(folder, "token", "a-secret-token"),
            "secret_file": _write(folder, "secret", "a-secret-of-the-signature"),
            "headers": {"X-Team": "ops"},
            "body": '{"msgtype": "text", "text": {"content": {{ title ~ "\\n" ~ text }}}}',
        }
        yield Rig(config, lambda: fake.texts, lambda trouble: _provoke_web(fake, trouble))


@asynccontextmanager
async def pagerduty_rig(folder: Path, _: Certificates) -> AsyncIterator[Rig]:
    async with FakePagerDuty() as fake:
        key = _write(folder, "key", fake.key)
        config = {"type": "pagerduty", "key_file": key, "url": f"{fake.base}/v2/enqueue"}
        yield Rig(config, lambda: fake.texts, lambda trouble: _provoke_web(fake, trouble))


_PROGRAM = """#!/bin/sh
cd "$(dirname "$0")" || exit 78
trouble="$(cat trouble 2>/dev/null)"
rm -f trouble
case "$trouble" in
rejected) echo spam; exit 65 ;;
server) echo later; exit 75 ;;
hangs) sleep 60 & sleep 60 ;;
esac
cat >>said
echo >>said
"""


@asynccontextmanager
async def command_rig(folder: Path, _: Certificates) -> AsyncIterator[Rig]:
    program = folder / "program"
    program.write_text(_PROGRAM)
    program.chmod(0o755)

    async def provoke(trouble: str) -> None:
        if trouble == "dead":
            program.unlink()
        (folder / "trouble").write_text(trouble)

    def texts() -> list[str]:
        said = (folder / "said").read_text() if (folder / "said").exists() else ""
        return [json.loads(line)["text"] for line in said.splitlines()]

    yield Rig({"type": "command", "argv": [str(program)]}, texts, provoke)


def _sms_rig(provider: str, config: dict[str, Any]) -> Maker:
    @asynccontextmanager
    async def rig(folder: Path, _: Certificates) -> AsyncIterator[Rig]:
        async with FakeSms() as fake:
            section = config | {
                "type": "sms",
                "provider": provider,
                "to": ["+8613800000000"],
                "secret_file": _write(folder, "secret", SECRET),
                "url_file": _write(folder, "url", f"{fake.base}/send/a-secret-path"),
                "api_url": fake.base,
                "longest": 500,
            }
            yield Rig(section, lambda: fake.texts, lambda trouble: _provoke_web(fake, trouble))

    rig.__name__ = f"sms_{provider}_rig"
    return rig


aliyun_rig = _sms_rig("aliyun", {"key": KEY, "sign": "运维", "template": "SMS_1"})
twilio_rig = _sms_rig("twilio", {"key": SID, "from": "+15550100"})
sms_rig = _sms_rig("http", {})


@asynccontextmanager
async def apprise_rig(folder: Path, _: Certificates) -> AsyncIterator[Rig]:
    async with FakeHook() as fake:
        url = fake.base.replace("http://", "json://") + "/hooks/a-secret-path"
        config = {"type": "apprise", "url_file": _write(folder, "url", url)}
        yield Rig(
            config,
            lambda: [body["message"] for body in fake.bodies],
            lambda trouble: _provoke_web(fake, trouble),
        )


@asynccontextmanager
async def email_rig(folder: Path, certificates: Certificates) -> AsyncIterator[Rig]:
    async with FakeSmtp(certificates, user="ops@example.com") as fake:
        config = {
            "type": "email",
            "smtp": fake.url,
            "password_file": _write(folder, "password", fake.password),
            "to": ["oncall@example.com"],
            "ca_file": str(certificates.authority),
        }
        yield Rig(
            config,
            lambda: [mail.part("plain") for mail in fake.mails],
            lambda trouble: _provoke_mail(fake, trouble),
        )


async def _no_trouble(trouble: str) -> None:
    raise AssertionError(f"{trouble} cannot happen here")


@asynccontextmanager
async def terminal_rig(_: Path, __: Certificates) -> AsyncIterator[Rig]:
    with redirect_stdout(io.StringIO()) as out:
        yield Rig({"type": "terminal"}, lambda: [out.getvalue()], _no_trouble)


@asynccontextmanager
async def inbox_rig(_: Path, __: Certificates) -> AsyncIterator[Rig]:
    yield Rig({"type": "inbox"}, list, _no_trouble)


RIGS: dict[str, tuple[tuple[Maker, tuple[str, ...]], ...]] = {
    "dingtalk": (
        (dingtalk_rig, ON_THE_WEB),
        (dingtalk_text_rig, ()),
        (dingtalk_card_rig, ()),
    ),
    "feishu": ((feishu_rig, ON_THE_WEB),),
    "wecom": ((wecom_rig, ON_THE_WEB),),
    "teams": ((teams_rig, ON_THE_WEB),),
    "telegram": ((telegram_rig, ON_THE_WEB),),
    "slack": ((slack_hook_rig, ON_THE_WEB), (slack_token_rig, ON_THE_WEB)),
    "webhook": ((webhook_rig, ON_THE_WEB),),
    "pagerduty": ((pagerduty_rig, ON_THE_WEB),),
    "command": ((command_rig, IN_THE_POST),),
    "sms": ((aliyun_rig, ON_THE_WEB), (twilio_rig, ON_THE_WEB), (sms_rig, ON_THE_WEB)),
    "apprise": ((apprise_rig, BY_OTHERS),),
    "email": ((email_rig, IN_THE_POST),),
    "terminal": ((terminal_rig, ()),),
    "inbox": ((inbox_rig, ()),),
}
