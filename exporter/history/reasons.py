"""Why a score is what it is, in a plain sentence."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np

from exporter.history.related import Related

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")

_ORDINARY: Mapping[Language, str] = {
    "en": "{signal} is {value}, as usual: {expected} expected, {lower} to {upper} is ordinary.",
    "zh": "{signal} 为 {value}，属于正常：预期 {expected}，正常范围 {lower} 至 {upper}。",
}
_UNUSUAL: Mapping[Language, str] = {
    "en": "{signal} is {value}, {difference} {side} the expected {expected} "
    "({lower} to {upper} is ordinary); its score is {score}, and 1 is the alarm line: {view}.",
    "zh": "{signal} 为 {value}，比预期的 {expected} {side} {difference}"
    "（正常范围 {lower} 至 {upper}）；得分为 {score}（告警线为 1）：{view}。",
}
_WITHIN: Mapping[Language, str] = {
    "en": "{signal} is {value}, of which {lower} to {upper} is ordinary; "
    "yet its score is {score}, and 1 is the alarm line: {view}.",
    "zh": "{signal} 为 {value}，处于正常范围 {lower} 至 {upper} 之内，"
    "但得分为 {score}（告警线为 1）：{view}。",
}
_LASTING: Mapping[Language, str] = {
    "en": "{signal} is {value}, {difference} {side} the expected {expected} "
    "({lower} to {upper} is ordinary); its score has fallen back since the peak.",
    "zh": "{signal} 为 {value}，比预期的 {expected} {side} {difference}"
    "（正常范围 {lower} 至 {upper}）；得分在峰值之后已回落。",
}
_GOES_ON: Mapping[Language, str] = {
    "en": "{signal} is {value} ({expected} expected, {lower} to {upper} is ordinary); "
    "its alarm goes on: {view}.",
    "zh": "{signal} 为 {value}（预期 {expected}，正常范围 {lower} 至 {upper}）；"
    "告警仍在持续：{view}。",
}
_SUBSIDES: Mapping[Language, str] = {
    "en": "{signal} is {value}, ordinary again: {expected} expected, {lower} to {upper} "
    "is ordinary; its alarm ends once this has lasted for a while.",
    "zh": "{signal} 为 {value}，已恢复正常：预期 {expected}，正常范围 {lower} 至 {upper}；"
    "持续一段时间后告警即结束。",
}
_WARMING: Mapping[Language, str] = {
    "en": "{signal} is {value}; too little is known of it yet for a score.",
    "zh": "{signal} 为 {value}；历史数据尚不足以评分。",
}
_MISSING: Mapping[Language, str] = {
    "en": "{signal} has no value just now.",
    "zh": "{signal} 当前没有数值。",
}
_MOVED: Mapping[Language, str] = {
    "en": "{signal} moved {when}; its highest score was {score}, and 1 is the alarm line; "
    "its correlation was {together}.",
    "zh": "{signal} {when}出现变动；最高得分为 {score}（告警线为 1），相关系数 {together}。",
}
_EARLIER: Mapping[Language, str] = {"en": "{seconds} s earlier", "zh": "提前 {seconds} 秒"}
_LATER: Mapping[Language, str] = {"en": "{seconds} s later", "zh": "滞后 {seconds} 秒"}
_AT_ONCE: Mapping[Language, str] = {"en": "at the same time", "zh": "同时"}
_SIDES: Mapping[Language, tuple[str, str]] = {"en": ("below", "above"), "zh": ("低", "高")}
VIEWS: Mapping[str, Mapping[Language, str]] = {
    "level": {"en": "it left the level of late", "zh": "偏离了近期水平"},
    "mean": {"en": "the mean of its last values has shifted", "zh": "最近几个值的均值发生偏移"},
    "trend": {"en": "it left its trend", "zh": "偏离了原有趋势"},
    "change": {"en": "it changed faster than usual", "zh": "变化速度异常"},
    "autoregression": {
        "en": "its last values did not announce it",
        "zh": "与此前的数值走势不符",
    },
    "week": {
        "en": "at this hour of the week it used to be different",
        "zh": "与往周同一时段不同",
    },
    "low": {"en": "a rise that lasts, beyond any before", "zh": "持续升高，超过以往"},
    "long_low": {"en": "a long rise, beyond any before", "zh": "长时间升高，超过以往"},
    "size": {"en": "it is of a size never seen", "zh": "数量级前所未见"},
    "flat": {"en": "it has stopped moving", "zh": "数值停止变化"},
    "period": {"en": "its rhythm is broken", "zh": "原有周期被打破"},
}
_SINCE: Mapping[Language, str] = {
    "en": ", the same since {since}, for {seconds} s",
    "zh": "，自 {since} 起 {seconds} 秒未变",
}
_UNKNOWN: Mapping[Language, str] = {"en": "{view} is unusual", "zh": "{view} 异常"}


@dataclass(frozen=True, slots=True)
class Moment:
    """What was known of a series at one tick; NaN where nothing was."""

    value: float
    expected: float
    lower: float
    upper: float
    score: float
    view: str = ""
    """Which view spoke loudest, empty where none did."""
    active: bool = False
    """Whether an alarm had been raised and was not over."""
    time: float = math.nan
    since: float = math.nan
    """Since when it had this value, in seconds since 1970 like `time`."""


def sentence(signal: str, moment: Moment, language: Language) -> str:
    """Say what is unusual about a moment, by how much, and which view found it."""
    difference = moment.value - moment.expected
    return _template(moment)[language].format(
        signal=signal,
        value=number(moment.value),
        expected=number(moment.expected),
        lower=number(moment.lower),
        upper=number(moment.upper),
        difference=number(abs(difference)),
        side=_SIDES[language][difference >= 0],
        score=_score(moment.score),
        view=_found(moment, language),
    )


def moved(signal: str, one: Related, language: Language) -> str:
    """Say when another signal moved, and how it ran with the one that was asked about."""
    seconds = number(round(abs(one.lead), 1))
    when = _AT_ONCE[language]
    if one.lead:
        when = (_EARLIER if one.lead > 0 else _LATER)[language].format(seconds=seconds)
    return _MOVED[language].format(
        signal=signal,
        when=when,
        score=_score(one.score),
        together=f"{one.correlation:.1f}",
    )


def _score(score: float) -> str:
    """Spell a score in two digits at least, so that what is just above the line looks so."""
    return f"{score:.2f}" if score < 10 else number(round(score, 1))


def _found(moment: Moment, language: Language) -> str:
    """Say what the loudest view found; of a flat line also since when."""
    words = view_words(moment.view, language)
    if moment.view != "flat" or not math.isfinite(moment.time - moment.since):
        return words
    since = datetime.fromtimestamp(moment.since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    lasted = number(round(moment.time - moment.since))
    return words + _SINCE[language].format(since=since, seconds=lasted)


def view_words(view: str, language: Language) -> str:
    """Say what a view found; one without words of its own by its name."""
    own = VIEWS.get(view)
    return own[language] if own else _UNKNOWN[language].format(view=view)


def number(value: float) -> str:
    """Spell a number with four digits that count, for reading."""
    if not math.isfinite(value):
        return {"nan": "?", "inf": "∞", "-inf": "-∞"}[str(value)]
    if value and not 1e-4 <= abs(value) < 1e15:
        return f"{value:.3e}"
    return np.format_float_positional(value, precision=4, fractional=False, trim="-")


def _template(moment: Moment) -> Mapping[Language, str]:
    if math.isnan(moment.value):
        return _MISSING
    if math.isnan(moment.score):
        return _WARMING
    within = moment.lower <= moment.value <= moment.upper
    if moment.score >= 1:
        return _WITHIN if within else _UNUSUAL
    if moment.active and moment.view:
        return _GOES_ON
    if not within:
        return _LASTING
    return _SUBSIDES if moment.active else _ORDINARY
