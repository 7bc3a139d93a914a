"""What a runbook's steps can do. To add an action, write its file and its line here."""

from receiver.responses.actions.cleanup import Cleanup
from receiver.responses.actions.command import Command
from receiver.responses.actions.contract import Action, ActionError, Done, Tools
from receiver.responses.actions.diagnose import Diagnose
from receiver.responses.actions.failover import Failover
from receiver.responses.actions.http import Http
from receiver.responses.actions.process import Process
from receiver.responses.actions.restart import Restart
from receiver.responses.actions.scale import Scale
from receiver.responses.actions.silence import Silence
from receiver.responses.actions.wait import Wait

ACTIONS: dict[str, type[Action]] = {
    "cleanup": Cleanup,
    "command": Command,
    "diagnose": Diagnose,
    "failover": Failover,
    "http": Http,
    "restart": Restart,
    "process": Process,
    "scale": Scale,
    "silence": Silence,
    "wait": Wait,
}

__all__ = ["ACTIONS", "Action", "ActionError", "Done", "Tools"]
