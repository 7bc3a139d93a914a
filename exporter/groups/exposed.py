"""How groups are told: as metrics, and as what JSON can hold."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from exporter.groups.alarm import Alarm
from exporter.groups.groups import State
from exporter.model import Column, Metric, SeriesKey, label_text, series_text

SCORE = Metric(
    "tocsin_multivariate_anomaly_score",
    "How unusual the signals of a group are together: 0 is ordinary, 1 the alarm line.",
)
CHANGE = Metric(
    "tocsin_correlation_change_score",
    "How far two signals of a group that moved together no longer do: 1 is the alarm line.",
)
ANOMALIES = Metric(
    "tocsin_multivariate_anomalies_total", "Alarms of the group so far, of both kinds.", "counter"
)
ACTIVE = Metric(
    "tocsin_multivariate_anomaly_active",
    "1 from an alarm of the group until both scores have stayed below 0.7 for `hold`, else 0.",
)
CONTRIBUTION = Metric(
    "tocsin_anomaly_contribution",
    "What the signal gives to its group's distance, as a part of 1; absent while that is ordinary.",
)


def columns(states: Iterable[State]) -> tuple[Column, ...]:
    """Return the groups' metrics; contributions are there from half the alarm line on."""
    told = tuple(states)
    texts = tuple(label_text(("group",), (one.group.name,)) for one in told)
    values = {
        SCORE: [one.score for one in told],
        CHANGE: [one.change_score for one in told],
        ANOMALIES: [one.alarms for one in told],
        ACTIVE: [math.nan if math.isnan(one.alarms) else float(one.active) for one in told],
    }
    parts = [(one.group.name, key, part) for one in told for key, part in one.contributions]
    labels = tuple(series_text(key, group=name) for name, key, _ in parts)
    contributions = Column(CONTRIBUTION, labels, np.array([part for *_, part in parts], float))
    made = (Column(metric, texts, np.array(some, float)) for metric, some in values.items())
    return (*made, contributions)


def summary(state: State) -> dict[str, Any]:
    """Tell how a group is; null where there is nothing to say yet."""
    return {
        "name": state.group.name,
        "members": len(state.group.members),
        "present": state.present,
        "score": _number(state.score),
        "correlation_change_score": _number(state.change_score),
        "alarms": _number(state.alarms),
        "active": state.active,
    }


def detail(state: State) -> dict[str, Any]:
    """Tell that, who is in it, who contributed how much, which correlation fell most.

    The latter two also of the latest alarm.
    """
    alarm = state.latest_alarm
    return {
        **summary(state),
        "members": [_series(key) for key in state.group.members],
        **_reason(state),
        "latest_alarm": alarm
        and {
            "time": round(alarm.time, 3),
            "score": _number(alarm.score),
            "correlation_change_score": _number(alarm.change_score),
            **_reason(alarm),
        },
    }


def _reason(known: State | Alarm) -> dict[str, Any]:
    change = known.change
    return {
        "contributions": [
            {**_series(key), "contribution": _number(part)} for key, part in known.contributions
        ],
        "correlation_change": change
        and {
            "pair": [_series(change.first), _series(change.second)],
            "score": _number(change.score),
            "usual": _number(change.usual),
            "lately": _number(change.lately),
        },
    }


def _series(key: SeriesKey) -> dict[str, Any]:
    return {"signal": key.signal, "labels": dict(key.labels)}


def _number(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None
