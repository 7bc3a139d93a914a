"""The configuration: read once, strictly; every error at once, each with its path."""

import ipaddress
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    InstanceOf,
    PlainSerializer,
    SerializeAsAny,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from sqlalchemy import URL

from receiver.channels import CHANNELS
from receiver.channels.contract import Channel, TimeZone
from receiver.incidents.escalation.policy import Escalations
from receiver.incidents.lives import Lives
from receiver.incidents.oncall.schedule import Schedules
from receiver.incidents.people import Person, twins
from receiver.incidents.quiet.hours import Named
from receiver.incidents.quiet.keeping import Flapping
from receiver.incidents.quiet.windows import Windows
from receiver.messages.checking import load as load_templates
from receiver.messages.library import BUILT_IN, Templates
from receiver.messages.route import Route
from receiver.model import ConfigError, Language
from receiver.reports.settings import Reports
from receiver.responses.loading import Runbooks
from receiver.responses.settings import Responses
from receiver.settings import Duration, SecretFile, Section, describe, read_yaml
from receiver.store.address import StoreText, database_at
from receiver.upkeep import Retention
from receiver.upstream.alertmanager import Alertmanager
from receiver.upstream.exporters import Exporter
from receiver.upstream.prometheus import Prometheus
from receiver.web.auth import Scope, Token, is_guarded
from receiver.web.signature import Grafana
from receiver.web.tls import Tls

_CHANNELS = {"inbox": {"type": "inbox"}, "terminal": {"type": "terminal"}}


def split_address(listen: str) -> tuple[str, int]:
    """Split HOST:PORT; an IPv6 host stands in brackets."""
    parts = urlsplit(f"//{listen}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or port is None or parts.netloc != listen or "@" in listen:
        raise ValueError(f"not HOST:PORT: {listen!r}; write it like 127.0.0.1:9848")
    return host, port


def _check_address(listen: str) -> str:
    split_address(listen)
    return listen


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_wildcard(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _check_link(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise ValueError(f"not a URL: {url!r}; write it like https://tocsin.example.com")
    return url.rstrip("/")


def _check_people(people: dict[str, Person]) -> dict[str, Person]:
    if said := twins(people):
        raise ValueError("\n".join(said))
    return people


def _read_templates(value: Any, info: ValidationInfo) -> Templates:
    """Load a folder of templates, and try each on every sample."""
    if value is None or isinstance(value, Templates):
        return value or BUILT_IN
    try:
        return load_templates(Path((info.context or {}).get("folder", "."), str(value)))
    except ConfigError as error:
        raise ValueError(str(error)) from error


class Config(Section):
    """Everything that the receiver is told; see deploy/receiver.yml."""

    listen: Annotated[str, AfterValidator(_check_address)] = "127.0.0.1:9848"
    store: StoreText = "sqlite:///tocsin.db"
    store_password_file: SecretFile | None = None
    retention: Retention = Retention()
    language: Language = Language.EN
    timezone: TimeZone = "UTC"
    external_url: Annotated[str, AfterValidator(_check_link)] = ""
    tls: Tls | None = None
    tokens: Annotated[tuple[Token, ...], Field(validate_default=True)] = ()
    alertmanager: Alertmanager | None = None
    prometheus: Prometheus | None = None
    exporters: tuple[Exporter, ...] = ()
    watchdog: Duration = 300.0
    grafana: Grafana | None = None
    channels: Annotated[dict[str, SerializeAsAny[Channel]], Field(min_length=1)]
    templates: Annotated[
        InstanceOf[Templates],
        BeforeValidator(_read_templates),
        PlainSerializer(lambda held: held.folder and str(held.folder)),
    ] = Field(default_factory=lambda: BUILT_IN)  # a default would be copied
    routes: tuple[Route, ...] = ()
    people: Annotated[dict[str, Person], AfterValidator(_check_people)] = Field(
        default_factory=dict
    )
    incidents: Lives = Lives()
    maintenance: Windows = ()
    flapping: Flapping | None = Flapping()
    mute_times: Named = Field(default_factory=dict)
    schedules: Schedules = Field(default_factory=dict)
    escalations: Escalations = Field(default_factory=dict)
    reports: Reports = Reports()
    responses: Responses = Responses()
    runbooks: Runbooks = Field(default_factory=dict)

    @field_validator("tokens")
    @classmethod
    def _check_exposure(cls, tokens: tuple[Token, ...], info: ValidationInfo) -> tuple[Token, ...]:
        listen, tls = info.data.get("listen"), info.data.get("tls")
        if any(token.certificate for token in tokens) and not (tls and tls.client_ca):
            raise ValueError("a token has a certificate, so tls needs client_ca_file")
        if listen is None or (tls and tls.demands_clients):
            return tokens
        if _is_loopback(split_address(listen)[0]):
            return tokens
        open_to_all = [s.value for s in (Scope.INGEST, Scope.READ) if not is_guarded(tokens, s)]
        if open_to_all:
            scopes = " and one of scope ".join(open_to_all)
            raise ValueError(f"{listen} is not loopback: add a token of scope {scopes}")
        return tokens

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        return split_address(self.listen)

    @property
    def links(self) -> str:
        """Where links in messages lead to; empty where nobody could follow them."""
        if self.external_url or _is_wildcard(self.address[0]):
            return self.external_url
        return f"http{'s' * (self.tls is not None)}://{self.listen}"

    @property
    def database(self) -> Path | URL:
        """The store's file, or where its PostgreSQL database is."""
        return database_at(self.store, self.store_password_file)

    def with_routes(self) -> Self:
        """Say the default routes: everything to every channel."""
        if self.routes:
            return self
        return self.model_copy(update={"routes": (Route(channels=tuple(self.channels)),)})


def load(path: Path, listen: str | None = None) -> Config:
    """Read a configuration file; `listen` overrides its own. Raises ConfigError.

    TOCSIN_ALERTMANAGER and TOCSIN_PROMETHEUS are those of a stack whose ports are not the file's
    business.
    """
    document = read_yaml(path)
    for name in ("alertmanager", "prometheus"):
        if beside := os.environ.get(f"TOCSIN_{name.upper()}"):
            document = {name: {"url": beside}} | document
    return decode(document | ({"listen": listen} if listen else {}), path)


def defaults() -> Config:
    """Return the configuration that an empty file gives."""
    return decode({}, Path("defaults"))


def decode(document: Mapping[str, Any], path: Path) -> Config:
    """Check a document as if it stood in the file `path`; raises ConfigError."""
    sections = document.get("channels", _CHANNELS)
    if not isinstance(sections, dict):
        raise ConfigError([f"{path}: channels: a mapping of names to channels is expected"])
    hours = document.get("mute_times")
    context = {"folder": path.parent, "hours": [*hours] if isinstance(hours, dict) else []}
    channels, problems = _channels(sections, path, context)
    problems += _check_fallbacks(sections, path)
    people = document.get("people")
    known = [*people] if isinstance(people, dict) else []
    problems += _check_members(sections, known, path)
    # With nothing but broken channels, the defaults let the rest be checked in the same go.
    usable = channels if channels or not sections else _channels(_CHANNELS, path, context)[0]
    context |= {"channels": [*map(str, sections)], "people": known}
    try:
        config = Config.model_validate({**document, "channels": usable}, context=context)
    except ValidationError as error:
        problems += describe(path, error, Config)
    if problems:
        raise ConfigError(problems)
    return config.with_routes()


def _channels(
    sections: Mapping[Any, Any], path: Path, context: dict[str, Any]
) -> tuple[dict[str, Channel], list[str]]:
    """Decode each channel's section by the class that its type names."""
    channels: dict[str, Channel] = {}
    problems: list[str] = []
    for name, section in sections.items():
        problem = _objection(name, section)
        if problem:
            problems.append(f"{path}: channels.{name}: {problem}")
            continue
        kind = CHANNELS[section["type"]]
        try:
            channels[name] = kind.model_validate(section, context=context)
        except ValidationError as error:
            problems += describe(path, error, kind, "channels", name)
    return channels, problems


def _check_fallbacks(sections: Mapping[Any, Any], path: Path) -> Iterator[str]:
    """Say which fallbacks name no channel, or lead back to where they come from.

    Also those of channels in which something else is wrong.
    """
    every = {name: each.get("fallback") for name, each in sections.items() if type(each) is dict}
    after = {name: other for name, other in every.items() if isinstance(other, str) and other}
    for name, fallback in after.items():
        place = f"{path}: channels.{name}.fallback"
        if fallback not in sections:
            yield f"{place}: no channel is named {fallback!r}; there are {', '.join(sections)}"
        met = [name]
        while met[-1] in after and after[met[-1]] not in met:
            met.append(after[met[-1]])
        if after.get(met[-1]) == name:
            yield f"{place}: {' -> '.join([*met, name])} leads back; remove one of them"


def _check_members(sections: Mapping[Any, Any], people: Sequence[Any], path: Path) -> Iterator[str]:
    """Say which channels write links for people that there are not."""
    known = ", ".join(map(str, people)) or "none; add them under people"
    for name, section in sections.items():
        named = section.get("people") if isinstance(section, dict) else None
        for key in named if isinstance(named, list) else ():
            if isinstance(key, str) and key not in people:
                yield f"{path}: channels.{name}.people: no person is {key!r}; there are {known}"


def _objection(name: Any, section: Any) -> str:
    """Say what is wrong with a channel's section before its class can be asked."""
    if not isinstance(name, str):
        return "the name is no text; put it in quotes"
    kind = section.get("type") if isinstance(section, dict) else None
    if isinstance(kind, str) and kind in CHANNELS:
        return ""
    said = "no type" if kind is None else f"{kind!r} is no type"
    return f"{said} of channel; write type: {', '.join(CHANNELS)}"
