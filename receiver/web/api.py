"""What the API does, each operation in one line: the router and its description come from here."""

from receiver.incidents.quiet.windows import Window
from receiver.rulebook.book import Rule, Rules
from receiver.severity import SEVERITIES
from receiver.store.incidents import STATES
from receiver.store.notices import STATES as FATES
from receiver.web import (
    channels,
    control,
    incidents,
    maintenance,
    monitored,
    notifications,
    preview,
    quality,
    reports,
    rules,
    schedules,
    silences,
    summary,
)
from receiver.web.auth import Scope
from receiver.web.operation import Operation, Schema
from receiver.web.repairs import REPAIRS
from receiver.web.streaming import KIND

_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "integer", "minimum": 0}
_PAGE = {"limit": {"type": "integer", "minimum": 1, "maximum": 200}, "next": _TEXT}
_SPAN = {"from": _TEXT, "until": _TEXT}
_STATE = {"type": "string", "enum": ["", *STATES, "active"]}
_SEVERITY = {"type": "string", "enum": ["", *SEVERITIES]}
_FATE = {"type": "string", "enum": ["", *FATES]}
_SHOWN = {
    **dict.fromkeys(("channel", "template", "sample"), _TEXT),
    "language": {"type": "string", "enum": ["en", "zh"]},
    "incident": _NUMBER,
}
_INCIDENT = "/api/v1/incidents/{number:[0-9]{1,18}}"
_GROUP, _RULE = "/api/v1/rules/{group}", "/api/v1/rules/{group}/{alert}"
_PLANS = "/api/v1/schedules"


_READ, _OPERATE = Scope.READ, Scope.OPERATE
API = (
    Operation("GET", "/api/v1/alerts", summary.alerts, _READ, _PAGE, gives=("alerts", "next")),
    Operation("GET", "/api/v1/summary", summary.summary, _READ, {"last": _TEXT}, gives=("opened",)),
    Operation("GET", "/api/v1/channels", channels.find, _READ, gives=("channels",)),
    Operation(
        *("GET", "/api/v1/reports/{kind:(?:daily|weekly)}", reports.show, _READ, {"of": _TEXT}),
        gives=("kind", "period", "opened"),
    ),
    Operation(
        *("POST", "/api/v1/channels/{name}/test", channels.test, _OPERATE),
        body=channels.Asked,
        gives=("channel", "outcome"),
        refusals=(502,),
    ),
    Operation(
        *("GET", "/api/v1/incidents", incidents.find, _READ),
        query={**_PAGE, "state": _STATE, "severity": _SEVERITY, "q": _TEXT},
        gives=("incidents", "next"),
    ),
    Operation("GET", "/api/v1/incidents/stream", incidents.stream, _READ, kind=KIND),
    Operation("GET", _INCIDENT, incidents.show, _READ, gives=("id", "state", "timeline")),
    Operation(
        *("POST", f"{_INCIDENT}/acknowledge", incidents.acknowledge, _OPERATE),
        body=incidents.Acknowledging,
        gives=("outcome", "act"),
        refusals=(409, 502),
    ),
    Operation(
        *("POST", f"{_INCIDENT}/silence", incidents.silence, _OPERATE),
        body=incidents.Silencing,
        gives=("outcome", "act"),
        refusals=(409, 502),
    ),
    Operation(
        *("POST", f"{_INCIDENT}/comment", incidents.comment, _OPERATE),
        body=incidents.Commenting,
        good=201,
        refusals=(409,),
    ),
    Operation(
        *("POST", f"{_INCIDENT}/verdict", quality.judge, _OPERATE),
        body=quality.Judging,
        gives=("outcome",),
        refusals=(409, 502),
    ),
    Operation(
        *("POST", "/api/v1/missed", quality.miss, _OPERATE),
        body=quality.Missing,
        good=201,
        gives=("rule", "at"),
        refusals=(409,),
    ),
    Operation("GET", "/api/v1/quality", quality.find, _READ, {"last": _TEXT}, gives=("rules",)),
    Operation(
        *("GET", "/api/v1/silences", silences.find, _READ),
        gives=("silences",),
        refusals=(409, 502),
    ),
    Operation(
        *("POST", "/api/v1/silences", silences.make, _OPERATE),
        body=silences.Silencing,
        good=201,
        gives=("id", "ends_at"),
        refusals=(409, 502),
    ),
    Operation(
        *("DELETE", "/api/v1/silences/{id}", silences.end, _OPERATE),
        good=204,
        refusals=(409, 502),
    ),
    Operation("GET", "/api/v1/maintenance", maintenance.find, _READ, gives=("maintenance",)),
    Operation(
        *("POST", "/api/v1/maintenance", maintenance.plan, _OPERATE),
        body=Window,
        good=201,
        gives=("name", "open", "made_by"),
        refusals=(409,),
    ),
    Operation(
        *("DELETE", "/api/v1/maintenance/{name}", maintenance.cancel, _OPERATE),
        good=204,
        refusals=(409,),
    ),
    Operation("GET", "/api/v1/rules", rules.find, _READ, gives=("groups",), refusals=(409, 502)),
    Operation(
        *("GET", "/api/v1/targets", monitored.targets, _READ),
        query={"job": _TEXT, "health": {"type": "string", "enum": ["", *monitored.HEALTHS]}},
        gives=("jobs", "targets", "targets_total"),
        refusals=(409, 502),
    ),
    Operation(
        *("GET", "/api/v1/health", monitored.health, _READ),
        gives=("state", "prometheus", "exporters"),
    ),
    Operation(
        *("GET", "/api/v1/metrics", monitored.metrics, _READ),
        query=dict.fromkeys(("query", "start", "end", "step"), _TEXT),
        gives=("start", "end", "step", "series"),
        refusals=(409, 502),
    ),
    Operation(
        *("GET", _GROUP, rules.show_group, _READ),
        gives=("name", "rules", "etag"),
        refusals=(409,),
    ),
    Operation(
        *("PUT", _GROUP, rules.put_group, Scope.ADMIN),
        body=Rules,
        also=(201,),
        gives=("name", "rules", "etag"),
        refusals=rules.REFUSALS,
    ),
    Operation(
        *("DELETE", _GROUP, rules.delete_group, Scope.ADMIN), good=204, refusals=rules.REFUSALS
    ),
    Operation(
        *("GET", _RULE, rules.show_rule, _READ), gives=("alert", "expr", "etag"), refusals=(409,)
    ),
    Operation(
        *("PUT", _RULE, rules.put_rule_of, Scope.ADMIN),
        body=Rule,
        also=(201,),
        gives=("alert", "expr", "etag"),
        refusals=rules.REFUSALS,
    ),
    Operation(
        *("DELETE", _RULE, rules.delete_rule, Scope.ADMIN), good=204, refusals=rules.REFUSALS
    ),
    Operation("GET", _PLANS, schedules.every, _READ, gives=("schedules",)),
    Operation(
        *("GET", f"{_PLANS}/{{name}}.ics", schedules.calendar, _READ, _SPAN),
        kind="text/calendar",
    ),
    Operation("GET", f"{_PLANS}/{{name}}", schedules.one, _READ, _SPAN, gives=("name", "shifts")),
    Operation(
        *("POST", f"{_PLANS}/{{name}}/overrides", schedules.override, _OPERATE),
        body=schedules.Overriding,
        good=201,
        gives=("id", "person"),
        refusals=(409,),
    ),
    Operation(
        *("DELETE", f"{_PLANS}/{{name}}/overrides/{{number:[0-9]+}}", schedules.withdraw, _OPERATE),
        gives=("id",),
    ),
    Operation(
        *("GET", "/api/v1/notifications", notifications.find, _READ),
        query={**_PAGE, "state": _FATE, "channel": _TEXT},
        gives=("notifications", "next"),
    ),
    Operation(
        *("GET", "/api/v1/preview", preview.look, _READ, _SHOWN),
        gives=("title", "body", "failures"),
        refusals=(404, 429),
    ),
    Operation(
        *("POST", "/api/v1/preview", preview.try_out, _OPERATE),
        body=preview.Tried,
        gives=("title", "body", "failures"),
        refusals=(404, 429),
    ),
    Operation(
        *("GET", "/api/v1/audit", control.audit, Scope.ADMIN),
        query={"before": _NUMBER, "format": {"type": "string", "enum": ["", *control.FORMATS]}},
        gives=("changes", "next"),
        kinds=(control.LINES,),
    ),
    *REPAIRS,
)
"""Everything under /api/v1 but its own description."""
