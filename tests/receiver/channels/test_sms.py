from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import ClientSession
from pydantic import ValidationError

from receiver.channels.aliyun import authorize, query_of
from receiver.channels.sms import Sms
from receiver.model import Pace, PartlyRefusedError, SendError
from tests.fakes.alerts import make_message
from tests.fakes.sms import KEY, SECRET, SID, FakeSms

Maker = Callable[..., Sms]


@pytest.fixture
def make(sms: FakeSms, secret_file: Callable[[str, str], str]) -> Maker:
    """Return a maker of channels for each fake provider."""
    secret = secret_file("secret", SECRET)
    aliyun = {"key": KEY, "secret_file": secret, "sign": "运维", "template": "SMS_1"}
    twilio = {"key": SID, "secret_file": secret, "from": "+15550100"}
    both = {"aliyun": aliyun | {"api_url": sms.base}, "twilio": twilio | {"api_url": sms.base}}
    hook = {"url_file": secret_file("url", f"{sms.base}/send"), "token_file": secret}

    def build(provider: str, **more: Any) -> Sms:
        config = both.get(provider, hook) | {"provider": provider, "to": ["+8613800000000"]}
        return Sms.model_validate({"type": "sms", **config, **more})

    return build


@pytest.mark.parametrize(
    ("date", "nonce", "signature"),
    [
        (
            "2023-10-26T09:01:01Z",
            "d410180a5abf7fe235dd9b74aca91fc0",
            "e521358f7776c97df52e6b2891a8bc73026794a071b50c3323388c4e0df64804",
        ),
        (
            "2023-10-26T10:22:32Z",
            "3156853299f313e23d1673dc12e1703d",
            "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0",
        ),
    ],
)
def test_the_signature_is_the_published_one(date: str, nonce: str, signature: str) -> None:
    image = "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "x-acs-date": date,
        "x-acs-signature-nonce": nonce,
        "x-acs-version": "2014-05-26",
    }
    query = query_of({"RegionId": "cn-shanghai", "ImageId": image})
    signed = authorize("YourAccessKeyId", "YourAccessKeySecret", query, headers)
    assert signed.endswith(f"Signature={signature}")


async def test_a_service_is_called_in_the_shape_that_it_wants(
    make: Maker, sms: FakeSms, http: ClientSession
) -> None:
    body = '{"text": {{ text ~ " ☎" }}, "to": {{ to }}, "from": "ops"}'
    await make("http", body=body).send(make_message('a "b" \\ {{ c }}'), http)
    assert sms.sent == [("+8613800000000", 'a "b" \\ {{ c }} ☎')]


@pytest.mark.parametrize("provider", ["aliyun", "twilio", "http"])
async def test_each_number_gets_one_short_line(
    provider: str, make: Maker, sms: FakeSms, http: ClientSession
) -> None:
    channel = make(provider, to=["+8613800000000", "+15550123"], longest=60)
    await channel.send(make_message("磁盘 ~ 满了 & 【x】\n100 %" + "长" * 100), http)
    first, second = sms.sent
    assert first[0] == ("13800000000" if provider == "aliyun" else "+8613800000000")
    assert second[0] == "+15550123"
    assert first[1] == second[1]
    assert len(first[1]) == 60
    assert first[1].endswith("长…")


async def test_variables_of_aliyuns_template_are_short(
    make: Maker, sms: FakeSms, http: ClientSession
) -> None:
    sms.longest = 35
    await make("aliyun").send(make_message("严重🔴" * 30), http)
    assert 30 < len(sms.texts[0].encode("utf-16-le")) // 2 <= 35


@pytest.mark.parametrize(
    ("provider", "code", "reason", "permanent"),
    [
        ("aliyun", "SignatureDoesNotMatch", "auth", False),
        ("aliyun", "InvalidTimeStamp.Expired", "clock", False),
        ("aliyun", "isv.BUSINESS_LIMIT_CONTROL", "throttled", False),
        ("aliyun", "isv.AMOUNT_NOT_ENOUGH", "quota", False),
        ("aliyun", "isv.SMS_TEMPLATE_ILLEGAL", "gone", False),
        ("aliyun", "isv.PARAM_LENGTH_LIMIT", "too_long", True),
        ("aliyun", "isv.SMS_CONTENT_ILLEGAL", "rejected", True),
        ("aliyun", "isv.SOMETHING_NEW", "unknown", False),
        ("twilio", 20003, "auth", False),
        ("twilio", 20429, "throttled", False),
        ("twilio", 21211, "gone", False),
        ("twilio", 21617, "too_long", True),
        ("twilio", 99999, "rejected", True),
    ],
)
async def test_every_code_is_classified(
    *,
    provider: str,
    code: Any,
    reason: str,
    permanent: bool,
    make: Maker,
    sms: FakeSms,
    http: ClientSession,
) -> None:
    sms.codes.append(code)
    with pytest.raises(SendError) as caught:
        await make(provider).send(make_message(), http)
    assert (caught.value.reason, caught.value.permanent) == (reason, permanent)
    assert SECRET not in caught.value.detail


async def test_who_has_it_does_not_get_it_again(
    make: Maker, sms: FakeSms, http: ClientSession
) -> None:
    channel = make("twilio", to=["+15550101", "+15550102"])
    sms.codes = [0, 20429]
    with pytest.raises(SendError) as caught:
        await channel.send(make_message(), http)
    assert caught.value.reached == {"+15550101"}
    await channel.send(make_message(reached=caught.value.reached), http)
    await channel.send(make_message(key="key-2"), http)
    assert [number for number, _ in sms.sent] == ["+15550101", "+15550102"] * 2


@pytest.mark.parametrize("code", [21211, 21617])
async def test_a_number_that_cannot_be_used_keeps_nothing_from_the_others(
    code: int, make: Maker, sms: FakeSms, http: ClientSession
) -> None:
    sms.codes = [code]
    with pytest.raises(PartlyRefusedError) as caught:
        await make("twilio", to=["+15550101", "+15550102"]).send(make_message(), http)
    assert caught.value.permanent
    assert [number for number, _ in sms.sent] == ["+15550102"]


def test_few_are_sent_in_an_hour(make: Maker) -> None:
    assert make("twilio").rule == Pace(10, 3600)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"provider": "aliyun"}, "provider aliyun needs key, secret_file, sign, template"),
        ({"provider": "twilio", "key": "AC0"}, "provider twilio needs secret_file, from"),
        ({"provider": "http"}, "provider http needs url_file"),
        ({"provider": "http", "to": ["call me"]}, "not a phone number: 'call me'; write it like"),
        ({"provider": "http", "to": ["12"]}, "provider http needs url_file"),
        ({"provider": "http", "body": '{"to": {{ to }'}, "not a template"),
        ({"provider": "http", "body": '{"to": "{{ to }}"}'}, "it gives no JSON"),
        ({"provider": "http", "body": "{{ number }}"}, "'number' is undefined"),
    ],
)
def test_what_a_provider_needs_is_asked_for(config: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Sms.model_validate({"type": "sms", "to": ["+15550100"], **config})
