"""What the codes of DingTalk's custom robots mean, and what to do about them.

Source: open.dingtalk.com, custom robots, and reports of what they answer.
"""

import re

from receiver.channels.codes import Fault

PENALTY = 600.0
"""Seconds for which a robot is shut out after more than 20 messages in a minute."""

THROTTLED = Fault("throttled", "more than 20 messages in a minute", retry_after=PENALTY)
_TOKEN = Fault("auth", "the access token is unknown; copy the robot's URL again")
CONTENT = Fault("content", "DingTalk does not allow this content", permanent=True)
MALFORMED = Fault("rejected", "DingTalk misses a field or knows none of this name", permanent=True)
_TOO_LONG = Fault("too_long", "the message is over 20,000 bytes", permanent=True)
_UNKNOWN = Fault("unknown", "an unknown code")

FAULTS = {
    -1: Fault("server", "DingTalk is busy"),
    88: _TOKEN,
    300001: _TOKEN,
    300005: _TOKEN,
    400101: _TOKEN,
    40035: MALFORMED,
    43004: MALFORMED,
    400105: MALFORMED,
    400402: MALFORMED,
    400403: MALFORMED,
    400013: Fault("gone", "the group was dismissed"),
    400102: Fault("gone", "the robot is switched off"),
    400106: Fault("gone", "the robot was removed from the group"),
    90030: Fault("quota", "the organisation's quota of robot messages is used up"),
    130101: THROTTLED,
    410100: THROTTLED,
    430101: CONTENT,
    430102: CONTENT,
    430103: CONTENT,
    430104: CONTENT,
    460101: _TOO_LONG,
    101002: _TOO_LONG,
}
# 310000 stands for four security settings; only its text, English or Chinese, tells which.
_SECURITY = 310000
_SETTINGS = {
    r"timestamp|时间戳": Fault(
        "clock", "this host's clock is more than an hour off; set it by NTP"
    ),
    r"keyword|关键词": Fault(
        "keyword", "none of the robot's keywords is in the message; set `keyword`"
    ),
    r"\bip\b|whitelist|白名单": Fault(
        "address", "this host's public address is not in the robot's list"
    ),
    r"sign|签名": Fault("auth", "the signature does not match; check `secret_file`"),
}
_TOO_OFTEN = re.compile(r"too fast|limit|频|限流", re.IGNORECASE)


def diagnose(code: int, said: str) -> Fault:
    """Classify an errcode other than 0 with its errmsg."""
    if code == _SECURITY:
        what = said.partition(";solution")[0]  # the advice names other settings too
        hits = (f for words, f in _SETTINGS.items() if re.search(words, what, re.IGNORECASE))
        return next(hits, Fault("auth", "one of the robot's security settings refuses this host"))
    return FAULTS.get(code) or (THROTTLED if _TOO_OFTEN.search(said) else _UNKNOWN)
