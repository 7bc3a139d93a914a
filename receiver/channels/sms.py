"""Short messages by Aliyun, by Twilio, or by any service that takes a number and a text as JSON.

Sources: help.aliyun.com, SendSms; twilio.com/docs, Messages resource and error codes.
"""

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlencode

from aiohttp import ClientSession
from pydantic import AfterValidator, Field, ModelWrapValidatorHandler, model_validator
from yarl import URL

from receiver.channels import aliyun
from receiver.channels.codes import Fault
from receiver.channels.contract import Channel, Format, also, name_destination
from receiver.channels.fitting import first_units, units, words_of
from receiver.channels.jsonbody import check_body, compile_body
from receiver.channels.posting import Answer, SecretUrl, check_url, is_page, post, refusal
from receiver.model import Message, Pace, PartlyRefusedError, SendError, Status
from receiver.settings import SecretFile
from receiver.severity import SEVERITIES

_NEEDS = {
    "aliyun": ("key", "secret_file", "sign", "template"),
    "twilio": ("key", "secret_file", "from"),
    "http": ("url_file",),
}
_URLS = {"aliyun": "https://dysmsapi.aliyuncs.com", "twilio": "https://api.twilio.com"}
_LONGEST = {"aliyun": 35, "twilio": 300, "http": 300}
"""UTF-16 units: of a variable, which Aliyun allows in most templates, and of a whole text."""

_PHONE = re.compile(r"\+?\d{5,15}", re.ASCII)
_NUMBER = Fault("gone", "a number or the sender cannot be used; check `to` and `from`")
_TOO_LONG = Fault("too_long", "the text is over 1,600 characters", permanent=True)
_BUSY = Fault("throttled", "Twilio takes no more just now", retry_after=60.0)
_TWILIO = {
    20003: Fault("auth", "the account or its token is wrong; check `key` and `secret_file`"),
    20429: _BUSY,
    30001: _BUSY,
    **dict.fromkeys((21211, 21212, 21408, 21606, 21608, 21610, 21612, 21614), _NUMBER),
    **dict.fromkeys((21605, 21617, 21658), _TOO_LONG),
}


Word = Literal["title", "text", "status", "severity"]
"""What a variable of Aliyun's template may say."""


_EVERYTHING = (
    '{"to": {{ to }}, "title": {{ title }}, "text": {{ text }}, "status": {{ status }},'
    ' "severity": {{ severity }}, "color": {{ color }}, "key": {{ key }}, "thread": {{ thread }}}'
)
_SAMPLE = Message("a title", 'a "text"', "", Status.FIRING, SEVERITIES["critical"], "key", "thread")


def _check_body(source: str) -> str:
    return check_body(source, {**_words(_SAMPLE), "to": "+15550100"})


def _check_number(text: str) -> str:
    if not _PHONE.fullmatch(text):
        raise ValueError(f"not a phone number: {text!r:.40}; write it like '+8613800000000'")
    return text


class Sms(Channel):
    """`provider` sends a short text to each number in `to`; few in an hour, as each costs."""

    format: ClassVar[Format] = "sms"
    hears_acts: ClassVar[bool] = False
    limit: ClassVar[Pace | None] = Pace(10, 3600)

    provider: Literal["aliyun", "twilio", "http"]
    to: Annotated[tuple[Annotated[str, AfterValidator(_check_number)], ...], Field(min_length=1)]
    key: str = ""
    secret: SecretFile | None = Field(default=None, alias="secret_file")
    sender: str = Field(default="", alias="from")
    sign: str = ""
    template: str = ""
    variables: dict[str, Word] = Field(default={"text": "text"})
    url: SecretUrl | None = Field(default=None, alias="url_file")
    token: SecretFile | None = Field(default=None, alias="token_file")
    api_url: Annotated[str, AfterValidator(check_url)] | None = None
    body: Annotated[str, AfterValidator(_check_body)] = _EVERYTHING
    longest: Annotated[int, Field(ge=10, le=1_600)] | None = None

    @model_validator(mode="wrap")
    @classmethod
    def _check_needs(cls, section: Any, decode: ModelWrapValidatorHandler[Self]) -> Self:
        """Say what is missing beside whatever else is wrong."""
        said = section if isinstance(section, dict) else {}
        provider = said.get("provider")
        needs = _NEEDS.get(provider, ()) if isinstance(provider, str) else ()
        missing = [need for need in needs if not said.get(need)]
        return also(decode, section, f"provider {provider} needs {', '.join(missing)}", missing)

    @property
    def destination(self) -> str:
        """The account, which is what costs."""
        url = self.url.get_secret_value() if self.url else self.api_url or ""
        return name_destination("sms", self.provider, self.key, url)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Those of the configuration, and the login that is made of one."""
        return (*super().secrets, self._login())

    async def send(self, message: Message, http: ClientSession) -> None:
        """Send to each number that has it not yet.

        A number that cannot be used stops no other; any other failure ends the attempt.
        """
        arrived: set[str] = set()
        refused: SendError | None = None
        for number in self.to:
            if number in message.reached:
                continue
            try:
                await self._tell(number, message, http)
            except SendError as error:
                refused = error
                if not (error.permanent or error.reason == _NUMBER.reason):
                    error.reached = frozenset(arrived)
                    raise
            else:
                arrived.add(number)
        if refused is not None:
            raise _part(refused, arrived) if arrived or message.reached else refused

    async def _tell(self, number: str, message: Message, http: ClientSession) -> None:
        said = {name: self._cut(text) for name, text in _words(message).items()}
        if self.provider == "aliyun":
            self._read_aliyun(await self._ask_aliyun(number, said, http))
        elif self.provider == "twilio":
            self._read(await self._ask_twilio(number, said["text"], http))
        else:
            self._read(await self._ask_http(number, said, http))

    def _cut(self, text: str) -> str:
        longest = self.longest or _LONGEST[self.provider]
        line = " ".join(text.split())
        return line if units(line) <= longest else first_units(line, longest - 1) + "…"

    async def _ask_aliyun(self, number: str, said: dict[str, str], http: ClientSession) -> Answer:
        variables = {name: _plain(said[word]) for name, word in self.variables.items()}
        query = aliyun.query_of(
            {
                "PhoneNumbers": number.removeprefix("+86"),
                "SignName": self.sign,
                "TemplateCode": self.template,
                "TemplateParam": json.dumps(variables, ensure_ascii=False),
            }
        )
        url = URL(f"{self._base()}/?{query}", encoded=True)
        headers = {
            "content-type": "application/json; charset=utf-8",
            "host": url.raw_authority,
            "x-acs-action": "SendSms",
            "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
            "x-acs-date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": uuid.uuid4().hex,
            "x-acs-version": "2017-05-25",
        }
        secret = self.secret.get_secret_value() if self.secret else ""
        headers["Authorization"] = aliyun.authorize(self.key, secret, query, headers)
        return await post(http, url, b"", self.timeout, headers)

    def _read_aliyun(self, answer: Answer) -> None:
        code, said = _find(answer.text, "Code"), _find(answer.text, "Message")
        if code == "OK" and answer.status == 200:
            return
        fault = aliyun.diagnose(code) if isinstance(code, str) else None
        if fault is None and (answer.status != 200 or not isinstance(code, str)):
            raise refusal(answer, self.clean(answer.text))
        fault = fault or aliyun.UNKNOWN
        raise fault.error(self.clean(f"{fault.diagnosis} (Code {code}: {said})"))

    async def _ask_twilio(self, number: str, text: str, http: ClientSession) -> Answer:
        headers = {
            "Authorization": f"Basic {self._login()}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        sender = "MessagingServiceSid" if self.sender.startswith("MG") else "From"
        body = urlencode({"To": number, sender: self.sender, "Body": text}).encode()
        url = URL(f"{self._base()}/2010-04-01/Accounts/{self.key}/Messages.json")
        return await post(http, url, body, self.timeout, headers)

    def _login(self) -> str:
        secret = self.secret.get_secret_value() if self.secret else ""
        return base64.b64encode(f"{self.key}:{secret}".encode()).decode()

    async def _ask_http(self, number: str, said: dict[str, str], http: ClientSession) -> Answer:
        assert self.url is not None  # noqa: S101 -- the section demands it
        token = self.token.get_secret_value() if self.token else ""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        body = compile_body(self.body).render(said, to=number).encode("utf-8", "replace")
        url = URL(self.url.get_secret_value())
        return await post(http, url, body, self.timeout, headers)

    def _read(self, answer: Answer) -> None:
        if 200 <= answer.status < 300 and not is_page(answer.text):
            return
        code = _find(answer.text, "code")
        fault = _TWILIO.get(code) if self.provider == "twilio" else None
        if fault is None:
            raise refusal(answer, self.clean(answer.text))
        raise fault.error(self.clean(f"{fault.diagnosis} ({answer.text})"))

    def _base(self) -> str:
        return (self.api_url or _URLS[self.provider]).rstrip("/")


def _part(refused: SendError, arrived: Collection[str]) -> PartlyRefusedError:
    """Say that others have what a number was refused for."""
    return PartlyRefusedError(refused.reason, refused.detail, permanent=True, reached=arrived)


def _words(message: Message) -> dict[str, str]:
    return words_of(message, message.title, message.body)


def _plain(text: str) -> str:
    """Replace what would pose as the signature before a text; Aliyun refuses it."""
    return text.replace("【", "[").replace("】", "]")


def _find(text: str, name: str) -> Any:
    try:
        reply = json.loads(text)
    except ValueError:
        return None
    return reply.get(name) if isinstance(reply, dict) else None
