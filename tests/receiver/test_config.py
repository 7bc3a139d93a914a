from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import URL

from receiver import config
from receiver.channels import CHANNELS
from receiver.channels.slack import Slack
from receiver.config import Config, split_address
from receiver.model import ConfigError, Language, Pace
from receiver.settings import secrets_of
from tests.fakes.certs import Certificates


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "a.token").write_text("s3cret\n")
    (tmp_path / "secrets" / "slack.url").write_text("https://hooks.example.com/services/T/B/X\n")
    return tmp_path


def load(folder: Path, listen: str | None = None, **document: Any) -> Config:
    path = folder / "receiver.yml"
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
    return config.load(path, listen)


def problems(folder: Path, listen: str | None = None, **document: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, listen, **document)
    start = f"{folder / 'receiver.yml'}: "
    assert all(line.startswith(start) for line in caught.value.problems)
    return [line.removeprefix(start) for line in caught.value.problems]


INGEST = {"name": "alertmanager", "scope": "ingest", "file": "secrets/a.token"}
READ = {"name": "prometheus", "scope": "read", "file": "secrets/a.token"}
ADMIN = {"name": "root", "scope": "admin", "file": "secrets/a.token"}
KINDS = ", ".join(CHANNELS)
SLACK = (
    "type, timeout, language, timezone, pace, fallback, people, mute_times,"
    " quiet_hours,"
    " url_file, token_file, channel, signing_secret_file, api_url"
)
TOP = (
    "listen, store, store_password_file, retention, language, timezone, external_url,"
    " tls, tokens, alertmanager, prometheus, exporters, watchdog, grafana, channels, templates,"
    " routes, people, incidents, maintenance, flapping, mute_times, schedules, escalations,"
    " reports, responses, runbooks"
)

NO_STORE = "is not a store; write sqlite:///FILE or postgresql://USER@HOST/DATABASE"
NO_URL = "not a URL of PostgreSQL; write it like postgresql://tocsin@127.0.0.1:5432/tocsin"


def test_the_stack_names_its_alertmanager_where_the_file_names_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_ALERTMANAGER", "http://alertmanager:9093")
    beside, own = load(folder), load(folder, alertmanager={"url": "http://am:9093"})
    assert beside.alertmanager is not None
    assert beside.alertmanager.url == ("http://alertmanager:9093",)
    assert own.alertmanager is not None
    assert own.alertmanager.url == ("http://am:9093",)
    assert load(folder, alertmanager=None).alertmanager is None


def test_the_stack_names_its_prometheus_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_PROMETHEUS", "http://prometheus:9090")
    beside = load(folder).prometheus
    assert beside is not None
    assert beside.url == "http://prometheus:9090"
    assert load(folder, prometheus=None).prometheus is None


def test_no_message_waits_longer_for_prometheus_than_two_seconds(folder: Path) -> None:
    url = "http://127.0.0.1:9090"
    assert problems(folder, prometheus={"url": url, "timeout": "3s"}) == [
        "prometheus.timeout: longer than 2s; no message waits longer"
    ]


def test_an_empty_file_gives_the_defaults(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOCSIN_HOME", raising=False)
    settings = load(folder)
    assert settings == config.defaults()
    assert settings.address == ("127.0.0.1", 9848)
    assert settings.database == Path(".tocsin/tocsin.db")
    assert settings.links == "http://127.0.0.1:9848"
    assert list(settings.channels) == ["inbox", "terminal"]
    assert [route.channels for route in settings.routes] == [("inbox", "terminal")]


def test_a_fallback_names_another_channel_and_leads_to_an_end(folder: Path) -> None:
    def channel(fallback: str) -> dict[str, str]:
        return {"type": "inbox", "fallback": fallback, "pace": "20/1m"}

    there = "there are a, b, c"
    assert problems(folder, channels={"a": channel("x"), "b": channel("c"), "c": channel("b")}) == [
        f"channels.a.fallback: no channel is named 'x'; {there}",
        "channels.b.fallback: b -> c -> b leads back; remove one of them",
        "channels.c.fallback: c -> b -> c leads back; remove one of them",
    ]
    settings = load(folder, channels={"a": channel("b"), "b": {"type": "inbox"}})
    assert settings.channels["a"].rule == Pace(20, 60)


@pytest.mark.parametrize("pace", ["20", "0/1m", "x/1m", "20/1"])
def test_a_pace_is_a_count_in_a_time(folder: Path, pace: str) -> None:
    (problem,) = problems(folder, channels={"a": {"type": "inbox", "pace": pace}})
    assert problem.startswith("channels.a.pace: not a ")


def test_hours_and_windows_go_by_the_receiver_s_time_zone_and_are_known_by_name(
    folder: Path,
) -> None:
    move = {"name": "move", "matchers": ['rack="7"'], "start": "2026-12-01", "duration": "8h"}
    said: dict[str, Any] = {
        "timezone": "Asia/Shanghai",
        "mute_times": {"nights": [{"weekdays": ["sunday"]}]},
        "maintenance": [move],
        "channels": {"a": {"type": "inbox", "quiet_hours": ["nights"]}},
        "routes": [{"channels": ["a"], "mute_times": ["nights"]}],
    }
    settings = load(folder, **said)
    assert settings.mute_times["nights"][0].location == "Asia/Shanghai"
    assert settings.maintenance[0].timezone == "Asia/Shanghai"
    why = "no hours are named 'noon' under mute_times; there are nights"
    said["channels"]["a"]["quiet_hours"] = said["routes"][0]["mute_times"] = ["noon"]
    said["maintenance"] *= 2
    assert problems(folder, **said) == [
        f"channels.a.quiet_hours.0: {why}",
        f"routes.0.mute_times.0: {why}",
        "maintenance: two windows are named 'move'; rename one of them",
    ]


@pytest.mark.parametrize("listen", ["0.0.0.0:9848", "[::]:9848"])
def test_no_link_leads_to_an_address_that_means_all_addresses(folder: Path, listen: str) -> None:
    assert load(folder, listen=listen, tokens=[INGEST, READ]).links == ""


def test_everything_can_be_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_HOME", str(folder))
    settings = load(
        folder,
        listen="0.0.0.0:9848",
        store="sqlite:///state/tocsin.db",
        language="zh",
        timezone="Asia/Shanghai",
        external_url="https://tocsin.example.com/",
        tokens=[INGEST, READ],
        channels={
            "chat": {"type": "slack", "url_file": "secrets/slack.url", "timeout": "5s"},
            "收件箱": {"type": "inbox"},
        },
        routes=[
            {"match": ['severity="critical"'], "channels": ["chat"], "continue": True},
            {"channels": ["收件箱"]},
        ],
    )
    assert settings.database == folder / "state" / "tocsin.db"
    assert settings.language is Language.ZH
    assert settings.links == "https://tocsin.example.com"
    assert list(secrets_of(settings.tokens)) == ["s3cret", "s3cret"]
    assert isinstance(settings.channels["chat"], Slack)
    assert [route.goes_on for route in settings.routes] == [True, False]


def test_every_problem_is_said_at_once_with_its_path(folder: Path) -> None:
    said = problems(
        folder,
        listen="9848",
        stroe="sqlite:///x",
        language="fr",
        timezone="Asia/Shanghia",
        external_url="tocsin.example.com",
        tokens=[{"name": "a", "scope": "write", "file": "secrets/none", "person": "eve"}],
        channels={
            "chat": {"type": "slack", "url_file": "secrets/slack.url", "tiemout": "5s"},
            "mail": {"type": "emial", "people": ["eve"]},
            "bare": None,
            "phones": {"type": "sms", "provider": "twilio", "to": ["12"]},
            "bot": {"type": "telegram", "token_file": "secrets/slack.url", "chat": "ops"},
        },
        routes=[
            {"channels": ["chat", "nobody"], "mute_times": ["nights"]},
            {"match": ["severity"], "channels": []},
        ],
        people={
            "ada": {"name": "Ada", "slack": "@ada", "mobile": "abc"},
            "bob": {"name": "Bob", "feishu": "ou 7", "telegram": "bob"},
        },
        incidents={"reopen": "2d"},
    )
    missing, why = folder / "secrets" / "none", "No such file or directory"
    named = "chat, mail, bare, phones, bot"
    feishu = "write an open_id, like ou_7d8a6e6d, or a user_id"
    assert said == [
        f"channels.chat.tiemout: unknown key; known here: {SLACK}",
        f"channels.mail: 'emial' is no type of channel; write type: {KINDS}",
        f"channels.bare: no type of channel; write type: {KINDS}",
        "channels.phones.to.0: not a phone number: '12'; write it like '+8613800000000'",
        "channels.phones: provider twilio needs key, secret_file, from",
        "channels.bot.chat: not a chat: 'ops'; write its number, like -1001234567890, or its @name",
        "channels.mail.people: no person is 'eve'; there are ada, bob",
        "listen: not HOST:PORT: '9848'; write it like 127.0.0.1:9848",
        "language: no such word here; write 'en' or 'zh'",
        "timezone: not a time zone: 'Asia/Shanghia'; write it like Asia/Shanghai",
        "external_url: not a URL: 'tocsin.example.com'; write it like https://tocsin.example.com",
        "tokens.0.scope: no such word here; write 'ingest', 'read', 'operate' or 'admin'",
        f"tokens.0.file: cannot read {missing}: {why}; write the secret alone into it",
        "tokens.0.person: no person is 'eve'; there are ada, bob",
        f"routes.0.channels.1: no channel is named 'nobody'; there are {named}",
        "routes.0.mute_times.0: no hours are named 'nights' under mute_times; there are none",
        "routes.1.match.0: not a matcher: 'severity'; write it like severity=\"critical\"",
        "routes.1.channels: is empty; write at least one",
        "people.ada.mobile: not a mobile number: 'abc'; write it like '+86-13800000000'",
        "people.ada.slack: not a member's id: '@ada'; it stands in the profile, like U012ABCDEF",
        f"people.bob.feishu: not an id of Feishu: 'ou 7'; {feishu}",
        "people.bob.telegram: not a user of Telegram: 'bob'; write the number, or @name",
        "incidents.reopen: longer than 1d; what comes back so late is an incident of its own",
        f"stroe: unknown key; known here: {TOP}",
    ]


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (
            {"channels": []},
            "channels: a mapping of names to channels is expected",
        ),
        (
            {"channels": {}},
            "channels: is empty; write at least one",
        ),
        (
            {"channels": {7: {"type": "inbox"}}},
            "channels.7: the name is no text; put it in quotes",
        ),
        (
            {"store": "mysql://tocsin@db/tocsin"},
            f"store: 'mysql' {NO_STORE}",
        ),
        (
            {"store": "sqlite://"},
            f"store: 'sqlite' {NO_STORE}",
        ),
        (
            {"store": "postgresql://tocsin:hunter2@db/tocsin"},
            "store: has a password; write that into a file and name it in store_password_file",
        ),
        (
            {"store": "postgresql://tocsin@db:hunter2/tocsin"},
            f"store: {NO_URL}",
        ),
        ({"listen": 9848}, "listen: a text is expected; put it in quotes"),
        ({"routes": [{}]}, "routes.0.channels: is missing; add it"),
        ({"routes": "inbox"}, "routes: a list is expected; write it like [first, second]"),
    ],
)
def test_one_problem_is_said_in_words(folder: Path, document: dict[str, Any], problem: str) -> None:
    assert problems(folder, **document) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [1,\nb: 2", "line 2, column 5: expected ',' or ']', but got '<stream end>'"),
        ("language: en\nlanguage: zh", "line 2, column 1: the key 'language' stands here twice"),
        ("a: \x01", "special characters are not allowed"),
    ],
)
def test_what_is_no_yaml_is_said_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "receiver.yml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    (said,) = caught.value.problems
    assert said.startswith(f"{path}: not YAML: ")
    assert problem in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("tokens", "missing"),
    [
        ([], "ingest and one of scope read"),
        ([INGEST], "read"),
        ([READ], "ingest"),
    ],
)
@pytest.mark.parametrize("listen", ["0.0.0.0:9848", "[::]:9848", "tocsin.example.com:9848"])
def test_nothing_listens_beyond_loopback_without_tokens(
    folder: Path, listen: str, tokens: list[dict[str, str]], missing: str
) -> None:
    expected = [f"tokens: {listen} is not loopback: add a token of scope {missing}"]
    assert problems(folder, tokens=tokens, listen=listen) == expected


def test_the_command_line_s_address_is_held_to_the_same_rule(folder: Path) -> None:
    assert load(folder, "127.0.0.1:1").listen == "127.0.0.1:1"
    assert problems(folder, "0.0.0.0:1") == [
        "tokens: 0.0.0.0:1 is not loopback: add a token of scope ingest and one of scope read"
    ]


@pytest.mark.parametrize("tokens", [[INGEST, READ], [ADMIN]])
def test_with_tokens_it_listens_anywhere(folder: Path, tokens: list[dict[str, str]]) -> None:
    assert load(folder, "0.0.0.0:9848", tokens=tokens).address == ("0.0.0.0", 9848)


@pytest.mark.parametrize("listen", ["localhost:1", "127.8.8.8:1", "[::1]:1"])
def test_loopback_has_many_names(folder: Path, listen: str) -> None:
    assert load(folder, listen).listen == listen


@pytest.mark.parametrize(
    "listen", ["", ":9848", "host", "host:", "host:x", "host:70000", "a@b:1", "http://h:1", "h:1/x"]
)
def test_what_is_no_address_is_refused(listen: str) -> None:
    with pytest.raises(ValueError, match="not HOST:PORT"):
        split_address(listen)


def test_secrets_are_not_shown(folder: Path) -> None:
    settings = load(folder, tokens=[INGEST])
    assert "s3cret" not in repr(settings)
    assert "s3cret" not in str(settings.model_dump(mode="json"))


def test_a_store_on_postgresql_takes_its_password_from_a_file(folder: Path) -> None:
    (folder / "pw").write_text("hunter2\n")
    settings = load(
        folder, store="postgresql://tocsin@db:5433/alerts?sslmode=require", store_password_file="pw"
    )
    assert isinstance(settings.database, URL)
    assert settings.database.render_as_string(hide_password=False) == (
        "postgresql+psycopg://tocsin:hunter2@db:5433/alerts?sslmode=require"
    )
    assert "hunter2" not in str(settings.database)


def test_a_secret_may_stand_in_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_TOKEN", "from-the-environment\n")
    token = {**ADMIN, "file": "env:OPS_TOKEN"}
    assert list(secrets_of(load(folder, tokens=[token]))) == ["from-the-environment"]
    monkeypatch.delenv("OPS_TOKEN")
    said = "tokens.0.file: the environment has no OPS_TOKEN; set it to the secret"
    assert problems(folder, tokens=[token]) == [said]


def test_every_secret_of_a_configuration_is_found_and_none_is_printed(folder: Path) -> None:
    settings = load(
        folder,
        tokens=[ADMIN],
        channels={"chat": {"type": "slack", "url_file": "secrets/slack.url"}},
        alertmanager={"url": "http://am:9093", "user": "me", "password_file": "secrets/a.token"},
    )
    found = set(secrets_of(settings))
    assert found == {"s3cret", "https://hooks.example.com/services/T/B/X"}
    printed = f"{settings!r} {settings.model_dump(mode='json')}"
    assert not [secret for secret in found if secret in printed]


def certified(certificates: Certificates, **more: str) -> dict[str, str]:
    files = {"certificate_file": str(certificates.certificate), "key_file": str(certificates.key)}
    return files | more


def test_beyond_loopback_a_demanded_certificate_is_authentication_and_an_optional_one_is_not(
    folder: Path, certificates: Certificates
) -> None:
    authority = str(certificates.authority)
    demanded = certified(certificates, client_ca_file=authority)
    assert load(folder, listen="0.0.0.0:9848", tls=demanded).links == ""
    for tls in (demanded | {"client": "optional"}, certified(certificates)):
        (said,) = problems(folder, listen="0.0.0.0:9848", tls=tls)
        assert said.startswith("tokens: 0.0.0.0:9848 is not loopback: add a token of scope ingest")


def test_certificates_that_do_not_fit_and_tokens_without_an_authority_are_refused(
    folder: Path, certificates: Certificates
) -> None:
    wrong = {"certificate_file": str(certificates.certificate), "key_file": "secrets/a.token"}
    (said,) = problems(folder, tls=wrong)
    assert "not a certificate with its key, unencrypted, in PEM format" in said
    by_name = {"name": "am", "scope": "ingest", "certificate": "am.example.com"}
    said = "tokens: a token has a certificate, so tls needs client_ca_file"
    assert problems(folder, tls=certified(certificates), tokens=[by_name]) == [said]
    both = by_name | {"file": "secrets/a.token"}
    assert problems(folder, tokens=[both]) == ["tokens.0: write either file or certificate"]


def test_messages_lead_to_https_where_the_receiver_speaks_it(
    folder: Path, certificates: Certificates
) -> None:
    assert load(folder, tls=certified(certificates)).links == "https://127.0.0.1:9848"


@pytest.mark.parametrize("pace", ["20/0s", "0/1m", "20", "fast"])
def test_a_pace_that_is_none_is_refused(pace: str) -> None:
    document = {"channels": {"page": {"type": "inbox", "pace": pace}}}
    with pytest.raises(ConfigError, match=r"channels\.page\.pace: not a (pace|duration)"):
        config.decode(document, Path("receiver.yml"))


def test_a_fallback_that_leads_back_is_said_beside_other_errors(folder: Path) -> None:
    channels = {
        "a": {"type": "inbox", "fallback": "b", "odd": 1},
        "b": {"type": "inbox", "fallback": "a"},
    }
    with pytest.raises(ConfigError) as caught:
        config.decode({"channels": channels}, folder / "receiver.yml")
    assert "channels.a.fallback: a -> b -> a leads back" in str(caught.value)
    assert "odd" in str(caught.value)


def test_two_people_of_one_name_are_refused_since_one_s_consent_would_be_the_other_s(
    folder: Path,
) -> None:
    said = problems(folder, people={"ada": {"name": "Ada"}, "second": {"name": "Ada"}})
    assert said == ["people: ada and second have the same name; correct one of them"]
