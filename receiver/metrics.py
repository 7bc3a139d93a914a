"""The receiver's own metrics: names, labels, and the zeros they start from.

`increase()` misses the first event of a series that appears with it, so every label set that
is known beforehand is made at the start.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from receiver.momentary import Backlog, Momentary

OUTCOMES = ("sent", "retried", "dead", "suppressed")
SUPPRESSIONS = (
    "duplicate",
    "watchdog",
    "no_route",
    "stale",
    "resolved_before_sent",
    "fell_back",
    "maintenance",
    "muted",
    "quiet-hours",
    "flapping",
)
_CODES = ("200", "400", "401", "403", "408", "413", "415", "503")
_STATUSES = ("firing", "resolved")
_RECONCILING = ("unreachable", "timeout", "refused", "unexpected", "store")
_ERRORS = ("timeout", "unreachable", "throttled", "server", "rejected", "failed")
UPSTREAM_QUESTIONS = ("rules", "targets", "metrics", "exporter")
UPSTREAM_REASONS = ("timeout", "unreachable", "refused", "unexpected", "too_large")
RULE_OUTCOMES = ("done", "refused", "rolled_back", "stuck")
BACKGROUND_PARTS = ("rules", "facts", "picture", "upload")
BACKGROUND_OUTCOMES = (
    *("found", "nothing", "late", "failed"),
    *("timeout", "unreachable", "refused", "unexpected", "too_large"),
)
_COUNTERS = {
    "webhook_requests": ("Webhooks by the HTTP status of the answer.", "code"),
    "alerts_received": ("Alerts in accepted webhooks.", "status"),
    "notifications": ("What became of messages.", "channel", "outcome"),
    "notifications_suppressed": (
        "Webhooks that told nobody, and messages that a channel did not send, by reason.",
        "reason",
    ),
    "notification_errors": ("Failed attempts to send.", "channel", "reason"),
    "store_forgotten": (
        "Webhooks, episodes and incidents that were forgotten, by the bound that was reached.",
        "bound",
    ),
    "reconcile_failures": ("Times that what fires could not be compared.", "reason"),
    "acts": ("What people wanted to do about incidents, and what came of it.", "verb", "outcome"),
    "escalations": ("Steps by which the next one was asked.", "policy"),
    "escalations_nobody": (
        "Steps at which nobody was on call by a schedule, or could be reached.",
        "schedule",
    ),
    "response_runs": ("Responses by how they ended.", "runbook", "mode", "outcome"),
    "response_refusals": ("Times that a guard kept a response from acting.", "reason"),
    "resolves_lost": ("Alerts that were over though nobody said so.",),
    "background": (
        "Times that Prometheus was asked what a message should say, by what came of it.",
        "part",
        "outcome",
    ),
    "upstream_failures": (
        "Questions of the API that Prometheus or an exporter did not answer.",
        "question",
        "reason",
    ),
    "rule_changes": (
        "Changes of the managed file of rules, by what came of them.",
        "outcome",
    ),
    "template_failures": ("Messages that the built-in text replaced.", "template"),
}
_GAUGES = {
    "breaker_open": (
        "channel_breaker_open",
        "1 from the third failure in a row, or while shut out, until a message arrives.",
        "channel",
    ),
    "reconciled": (
        "reconcile_last_success_timestamp_seconds",
        "When every Alertmanager last said what fires; 0 is never.",
    ),
    "response_breaker_open": (
        "response_breaker_open",
        "1 while a runbook waits for a person to close its breaker.",
        "runbook",
    ),
    "kill_switch": ("kill_switch", "1 while no response may act."),
    "audited": (
        "auditor_last_success_timestamp_seconds",
        "When it was last seen that all that is open or owed has a next step; 0 is never.",
    ),
    "open_alerts": (
        "open_alerts",
        "Alerts that are open here, by what Alertmanager says.",
        "state",
    ),
    "audit_findings": (
        "auditor_findings",
        "What is open or owed and has no next step, when it was last looked for.",
        "kind",
    ),
    "maintenance_active": (
        "maintenance_active",
        "1 while a maintenance window is open, 0 while it is planned.",
        "name",
    ),
    "escalations_exhausted": (
        "escalations_exhausted",
        "Open incidents that nobody took, with nobody left to ask.",
    ),
    "store_bytes": ("store_bytes", "What the store filled when it was last looked at."),
    "watchdog": (
        "watchdog_last_received_timestamp_seconds",
        "When the Watchdog alert last came; 0 is never.",
    ),
    "reloaded": (
        "config_last_reload_successful",
        "1 if the latest reading of the configuration succeeded; on 0 the old one is in force.",
    ),
}
# From a chat on the same machine to a mail server that was away for the night.
_DELAYS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 43200)


@dataclass(frozen=True, slots=True)
class Metrics:
    """Every metric that the rooms count with; `registry` is what a scrape shows."""

    registry: CollectorRegistry
    momentary: Momentary
    webhook_requests: Counter
    alerts_received: Counter
    notifications: Counter
    notifications_suppressed: Counter
    notification_errors: Counter
    template_failures: Counter
    rule_changes: Counter
    upstream_failures: Counter
    background: Counter
    notification_delay: Histogram
    watchdog: Gauge
    store_bytes: Gauge
    store_forgotten: Counter
    reloaded: Gauge
    reconciled: Gauge
    audited: Gauge
    breaker_open: Gauge
    open_alerts: Gauge
    maintenance_active: Gauge
    audit_findings: Gauge
    reconcile_failures: Counter
    resolves_lost: Counter
    response_runs: Counter
    response_refusals: Counter
    response_breaker_open: Gauge
    kill_switch: Gauge
    response_start: Histogram
    acts: Counter
    escalations: Counter
    escalations_nobody: Counter
    escalations_exhausted: Gauge

    def show(self, backlog: Backlog) -> None:
        """Set what the next scrape says about the store."""
        self.momentary.backlog = backlog

    def failed(self, channel: str, reason: str, error: str) -> None:
        """Count a failed attempt; `error` must have its secrets masked."""
        self.notification_errors.labels(channel, reason).inc()
        self.momentary.errors[channel] = error

    def suppressed(self, channel: str, reason: str, count: int = 1) -> None:
        """Count messages that a channel need not send any longer."""
        self.notifications.labels(channel, "suppressed").inc(count)
        self.notifications_suppressed.labels(reason).inc(count)

    def delivered(self, channel: str, waits: Collection[float]) -> None:
        """Count messages that arrived so many seconds after they were accepted."""
        self.notifications.labels(channel, "sent").inc(len(waits))
        delay = self.notification_delay.labels(channel)
        for seconds in waits:
            delay.observe(max(0.0, seconds))
        self.momentary.errors.pop(channel, None)


def create(version: str, channels: Iterable[str]) -> Metrics:
    """Make all metrics in a registry of their own."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the library types it not
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    build = Gauge("tocsin_receiver_build_info", "Its version.", ["version"], registry=registry)
    build.labels(version).set(1)
    momentary = Momentary()
    registry.register(momentary)
    counters: dict[str, Any] = {
        name: Counter(f"tocsin_{name}", text, labels, registry=registry)
        for name, (text, *labels) in _COUNTERS.items()
    }
    delay = Histogram(
        "tocsin_notification_delay_seconds",
        "Time from accepted to delivered.",
        ["channel"],
        buckets=_DELAYS,
        registry=registry,
    )
    start = Histogram(
        "tocsin_response_start_seconds",
        "Time from an alert that a response is for to its first step, waiting for people included.",
        buckets=_DELAYS,
        registry=registry,
    )
    gauges: dict[str, Any] = {
        name: Gauge(f"tocsin_{metric}", text, labels, registry=registry)
        for name, (metric, text, *labels) in _GAUGES.items()
    }
    both: dict[str, Any] = {"notification_delay": delay, "response_start": start}
    metrics = Metrics(registry, momentary, **both, **gauges, **counters)
    metrics.reloaded.set(1)
    start_from_zero(metrics, channels)
    return metrics


def start_from_zero(metrics: Metrics, channels: Iterable[str]) -> None:
    """Make the series that these channels will count in."""
    for counter, names in (
        (metrics.webhook_requests, _CODES),
        (metrics.store_forgotten, ("age", "size")),
        (metrics.reconcile_failures, _RECONCILING),
        (metrics.alerts_received, _STATUSES),
        (metrics.notifications_suppressed, SUPPRESSIONS),
        (metrics.rule_changes, RULE_OUTCOMES),
    ):
        for name in names:
            counter.labels(name)
    for part, outcome in product(BACKGROUND_PARTS, BACKGROUND_OUTCOMES):
        metrics.background.labels(part, outcome)
    for question, reason in product(UPSTREAM_QUESTIONS, UPSTREAM_REASONS):
        metrics.upstream_failures.labels(question, reason)
    for channel in channels:
        metrics.notification_delay.labels(channel)
        metrics.breaker_open.labels(channel)
        for outcome in OUTCOMES:
            metrics.notifications.labels(channel, outcome)
        for reason in _ERRORS:
            metrics.notification_errors.labels(channel, reason)
