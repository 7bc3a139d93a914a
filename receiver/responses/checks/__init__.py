"""What can verify a response. To add a check, write it and its line here."""

from receiver.responses.checks.contract import Answer, Check, NoEvidenceError, Witness
from receiver.responses.checks.probes import Http, Tcp
from receiver.responses.checks.promql import Cleared, Promql
from receiver.responses.checks.supervised import Container, Unit

CHECKS: dict[str, type[Check]] = {
    "cleared": Cleared,
    "promql": Promql,
    "http": Http,
    "tcp": Tcp,
    "unit": Unit,
    "container": Container,
}

__all__ = ["CHECKS", "Answer", "Check", "NoEvidenceError", "Witness"]
