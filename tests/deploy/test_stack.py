import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.home import SetUpError
from deploy.stack import Service, Stack
from tests.deploy.kit import ROOT, processes_of, wait_until

SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
SLEEPER = "import time; time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
PARENT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", sys.argv[2]])
time.sleep(600)
"""
COMPLAINS = """
import sys
from dataclasses import replace
print("level=info msg=starting", file=sys.stderr)
print("level=error msg='rules/x.yml: parse error'", file=sys.stderr)
[print("level=info msg=stopping", n, file=sys.stderr) for n in range(20)]
sys.exit(1)
"""
FAILS = "import sys; [print('line', n, file=sys.stderr) for n in range(20)]; sys.exit(2)"


@pytest.fixture(autouse=True)
def _in_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def service(folder: Path, code: str, port: int = 1) -> Service:
    log = folder / "thing.log"
    argv = (sys.executable, "-c", code, str(port), str(folder))
    return Service("thing", argv, f"http://127.0.0.1:{port}", log, log)


def test_a_stack_is_ready_when_all_services_answer_and_leaves_none(
    tmp_path: Path, port_base: int
) -> None:
    with Stack([service(tmp_path, SERVER, port_base)], os.environ) as stack:
        stack.wait_ready()
        assert processes_of(tmp_path)
    assert not processes_of(tmp_path)


def test_a_service_that_ends_is_named_with_its_last_lines(tmp_path: Path) -> None:
    with (
        pytest.raises(SetUpError) as caught,
        Stack([service(tmp_path, FAILS)], os.environ) as stack,
    ):
        stack.wait_ready()
    said = "".join(f"\n  line {n}" for n in range(12, 20))
    assert str(caught.value) == (
        f"thing ended with status 2; its log {tmp_path}/thing.log ends with:{said}"
    )


def test_what_a_server_calls_an_error_is_quoted_rather_than_its_farewell(tmp_path: Path) -> None:
    with (
        pytest.raises(SetUpError) as caught,
        Stack([service(tmp_path, COMPLAINS)], os.environ) as stack,
    ):
        stack.wait_ready()
    assert str(caught.value) == (
        f"thing ended with status 1; its log {tmp_path}/thing.log says:"
        "\n  level=error msg='rules/x.yml: parse error'"
    )


def test_a_service_that_never_answers_is_given_up_and_stopped(tmp_path: Path) -> None:
    with (
        pytest.raises(
            SetUpError, match=r"^thing was not ready within 0\.3 s; its log .* is empty$"
        ),
        Stack([service(tmp_path, SLEEPER)], os.environ) as stack,
    ):
        stack.wait_ready(0.3)
    assert not processes_of(tmp_path)


def test_what_ignores_the_request_to_stop_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.stack._STOP_SECONDS", 0.5)
    with Stack([service(tmp_path, STUBBORN)], os.environ):
        wait_until(lambda: processes_of(tmp_path), "start")
    assert not processes_of(tmp_path)


def test_children_of_a_service_end_with_it(tmp_path: Path) -> None:
    with Stack([service(tmp_path, PARENT)], os.environ):
        wait_until(lambda: len(processes_of(tmp_path)) == 2, "a child")
    wait_until(lambda: not processes_of(tmp_path), "the end of the child")


def test_the_log_of_the_run_before_is_kept_once(tmp_path: Path) -> None:
    (tmp_path / "thing.log").write_text("before", "utf-8")
    with Stack([service(tmp_path, SLEEPER)], os.environ):
        pass
    assert (tmp_path / "thing.log.old").read_text("utf-8") == "before"


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells children of their parent's end"
)
def test_services_end_even_when_the_supervisor_is_killed_outright(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys, time\n"
        "from deploy.stack import Service, Stack\n"
        "log = pathlib.Path(sys.argv[1], 'thing.log')\n"
        "argv = (sys.executable, '-c', 'import time; time.sleep(600)', sys.argv[1])\n"
        "with Stack([Service('thing', argv, 'http://127.0.0.1:1', log, log)], os.environ):\n"
        "    time.sleep(600)\n"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT)
    wait_until(lambda: any("deploy.stack" not in p for p in processes_of(tmp_path)), "start")
    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait(timeout=10)
    wait_until(lambda: not processes_of(tmp_path), "the end of the service")


@pytest.mark.parametrize("cut", [KeyboardInterrupt, OSError])
def test_what_cuts_the_starting_short_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: type[BaseException]
) -> None:
    start = Stack._start

    def fail_at_the_second(stack: Stack, one: Service) -> subprocess.Popen[bytes]:
        if one.name == "second":
            wait_until(lambda: processes_of(tmp_path), "the first one's start")
            raise cut
        return start(stack, one)

    monkeypatch.setattr(Stack, "_start", fail_at_the_second)
    first = service(tmp_path, SLEEPER)
    with pytest.raises(cut), Stack([first, replace(first, name="second")], os.environ):
        pass
    assert not processes_of(tmp_path)
