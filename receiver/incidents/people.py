"""The people who may act, and how they are known at each chat."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from receiver.channels.mailing import Address
from receiver.messages.route import ChannelName
from receiver.model import Handles
from receiver.settings import Section

_MOBILE = re.compile(r"\+?\d[\d-]{4,20}", re.ASCII)
_FEISHU = re.compile(r"[\w.@+-]{1,64}", re.ASCII)
_TELEGRAM = re.compile(r"[1-9]\d{3,19}|@[A-Za-z]\w{3,31}", re.ASCII)
_MEMBER = re.compile(r"[UW][A-Z0-9]+", re.ASCII)


class Role(StrEnum):
    """What somebody may do: `operate` incidents, or `approve` what is to be run."""

    OPERATE = "operate"
    APPROVE = "approve"


def _check_member(text: str) -> str:
    if text and not _MEMBER.fullmatch(text):
        raise ValueError(
            f"not a member's id: {text!r:.40}; it stands in the profile, like U012ABCDEF"
        )
    return text


def _check_feishu(text: str) -> str:
    if text and not _FEISHU.fullmatch(text):
        raise ValueError(
            f"not an id of Feishu: {text!r:.40}; write an open_id, like ou_7d8a6e6d, or a user_id"
        )
    return text


def _check_telegram(text: str) -> str:
    if text and not _TELEGRAM.fullmatch(text):
        raise ValueError(f"not a user of Telegram: {text!r:.40}; write the number, or @name")
    return text


def _check_mobile(text: str) -> str:
    if text and not _MOBILE.fullmatch(text):
        raise ValueError(f"not a mobile number: {text!r:.40}; write it like '+86-13800000000'")
    return text


class Person(Section):
    """Somebody; `slack` is the member's id there, like U012ABCDEF, and `dingtalk` the userId.

    `feishu` is an open_id or user_id, and `telegram` a user's number or @name. `channel` is how
    they are reached when they are asked by name.
    """

    name: Annotated[str, Field(min_length=1, max_length=60)]
    roles: tuple[Role, ...] = ()
    email: Address | None = None
    mobile: Annotated[str, AfterValidator(_check_mobile)] = ""
    slack: Annotated[str, AfterValidator(_check_member)] = ""
    dingtalk: str = ""
    feishu: Annotated[str, AfterValidator(_check_feishu)] = ""
    telegram: Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(_check_telegram)] = (
        ""
    )
    channel: ChannelName = ""

    @property
    def handles(self) -> Handles:
        """How they are called in messages."""
        return Handles(
            self.name, self.mobile, self.slack, self.dingtalk, self.feishu, self.telegram
        )


People = Mapping[str, Person]
"""People by the key that the configuration names them by."""


def known_at_slack(people: People, user: str) -> str:
    """Return the key of a member of the workspace; empty for a stranger."""
    return next((key for key, one in people.items() if one.slack and one.slack == user), "")


def twins(people: People) -> list[str]:
    """Say who cannot be told apart at a chat, since an act would count as somebody else's."""
    said = []
    for field in ("name", "slack", "dingtalk", "feishu", "telegram", "email"):
        seen: dict[str, str] = {}
        for key, person in people.items():
            value = getattr(person, field)
            if value and value in seen:
                said.append(f"{seen[value]} and {key} have the same {field}; correct one of them")
            seen[value] = key
    return said
