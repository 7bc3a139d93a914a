"""What the API does about responses, each operation in one line."""

from receiver.store.run_records import State
from receiver.web import responses
from receiver.web.auth import Scope
from receiver.web.operation import Handler, Operation, Schema

_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "integer", "minimum": 0}
_ASKED: dict[str, Schema] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 200},
    "state": {"type": "string", "enum": ["", *State]},
    **dict.fromkeys(("next", "runbook"), _TEXT),
    "incident": _NUMBER,
}
_ALL = "/api/v1/responses"
_RUN = f"{_ALL}/{{number:[0-9]{{1,18}}}}"
_READ, _OPERATE, _ADMIN = Scope.READ, Scope.OPERATE, Scope.ADMIN


def _answer(verb: str, handler: Handler) -> Operation:
    """Describe what people do about a run."""
    return Operation(
        *("POST", f"{_RUN}/{verb}", handler, _OPERATE),
        body=responses.Answer,
        gives=("outcome", "reason"),
        refusals=(409,),
    )


REPAIRS = (
    Operation("GET", _ALL, responses.find, _READ, _ASKED, gives=("runs", "next")),
    Operation("GET", _RUN, responses.show, _READ, gives=("id", "state", "steps", "consents")),
    _answer("approve", responses.approve),
    _answer("refuse", responses.refuse),
    _answer("stop", responses.stop),
    Operation("GET", f"{_ALL}/runbooks", responses.runbooks, _READ, gives=("runbooks",)),
    Operation(
        *("DELETE", f"{_ALL}/runbooks/{{name}}/breaker", responses.reset, _ADMIN),
        good=204,
        refusals=(409,),
    ),
    Operation(
        *("GET", f"{_ALL}/plan", responses.planned, _READ),
        query={"incident": _NUMBER},
        gives=("planned",),
        refusals=(404,),
    ),
    Operation("GET", f"{_ALL}/switch", responses.switch, _READ, gives=("thrown", "by", "beside")),
    Operation(
        *("PUT", f"{_ALL}/switch", responses.throw, _OPERATE),
        body=responses.Throwing,
        gives=("thrown", "by", "beside"),
    ),
    Operation(*("DELETE", f"{_ALL}/switch", responses.release, _ADMIN), good=204, refusals=(409,)),
)
"""Everything under /api/v1/responses."""
