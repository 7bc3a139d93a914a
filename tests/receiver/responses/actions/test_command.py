"""Programs that a runbook starts: bounded in time, output and rights, and gone when they must."""

import asyncio
import sys
from pathlib import Path

import psutil
import pytest
from pydantic import ValidationError

from receiver.responses.actions import ActionError, Tools
from receiver.responses.actions.command import Command
from receiver.responses.actions.contract import LONGEST_OUTPUT

PYTHON = sys.executable


def command(code: str, *more: str, **said: object) -> Command:
    argv = [PYTHON, "-c", code, *more]
    return Command.model_validate({"action": "command", "argv": argv, **said})


async def output_of(code: str, *more: str, **said: object) -> str:
    tools = Tools(http=None, labels={})  # type: ignore[arg-type]  # it asks nobody
    return (await command(code, *more, **said).run(tools)).output


def runs(number: int) -> bool:
    """Whether a process does anything still; a dead one may wait for whoever started it."""
    try:
        return bool(psutil.Process(number).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def test_arguments_are_what_they_are_and_no_shell_reads_them() -> None:
    said = await output_of("import sys; print(sys.argv[1:])", "$(id)", "; id", "*")
    assert said == "['$(id)', '; id', '*']\n"


async def test_the_environment_has_nothing_but_what_a_program_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECRET_OF_OURS", "hush")
    names = await output_of("import os; print(sorted(os.environ))")
    assert "SECRET_OF_OURS" not in names
    assert "PATH" in names


async def test_another_exit_than_its_own_is_a_failure_with_what_it_said() -> None:
    with pytest.raises(ActionError) as raised:
        await output_of("print('no room'); raise SystemExit(3)")
    assert (raised.value.reason, raised.value.detail) == ("failed", "exit 3")
    assert raised.value.output == "no room\n"
    assert await output_of("raise SystemExit(3)", succeeds=[0, 3]) == ""


@pytest.mark.parametrize("size", [64, pytest.param(1024, marks=pytest.mark.long)])
async def test_of_a_gigabyte_of_output_both_ends_are_kept(size: int) -> None:
    lines = ["import sys", "print('begin')", "for _ in range(int(sys.argv[1])):"]
    lines += ["    sys.stdout.write('x' * 2**20)", "print('end')"]
    said = await output_of("\n".join(lines), str(size))
    assert said.startswith("begin\n")
    assert said.endswith("end\n")
    assert "[... cut]" in said
    assert len(said) < LONGEST_OUTPUT + 100


async def test_a_program_that_cannot_be_started_is_said() -> None:
    missing = Command.model_validate({"action": "command", "argv": ["/no/such/program"]})
    with pytest.raises(ActionError, match="cannot_start: cannot run /no/such/program"):
        await missing.run(Tools(http=None, labels={}))  # type: ignore[arg-type]  # as above


async def test_when_its_time_is_over_all_that_it_started_is_gone(tmp_path: Path) -> None:
    child = (
        "import os, time, signal; signal.signal(15, signal.SIG_IGN);"
        "print(os.getpid(), file=open('{}', 'w'), flush=True); time.sleep(60)"
    )
    code = (
        "import subprocess, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"subprocess.Popen([sys.executable, '-c', {child.format(tmp_path / 'pid')!r}])\n"
        "time.sleep(60)"
    )
    task = asyncio.create_task(output_of(code))
    async with asyncio.timeout(30):
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():  # noqa: ASYNC110 -- a file rings no bell
            await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    number = int((tmp_path / "pid").read_text())
    await asyncio.sleep(0.1)
    assert not runs(number)


@pytest.mark.parametrize("program", ["systemctl", "./x", "${target}", "/bin/${target}"])
def test_the_program_itself_is_an_absolute_path_of_the_runbook(program: str) -> None:
    with pytest.raises(ValidationError):
        Command.model_validate({"action": "command", "argv": [program]})


async def test_memory_is_bounded() -> None:
    with pytest.raises(ActionError, match="failed: exit 1"):
        await output_of("'x' * 2**30", memory="512MiB")


async def test_what_a_program_leaves_behind_in_its_group_ends_with_it() -> None:
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen(['/usr/bin/sleep', '60'], stdout=-3, stderr=-3)\n"
        "print(child.pid)"
    )
    number = int(await output_of(code))
    async with asyncio.timeout(10):
        while runs(number):  # noqa: ASYNC110 -- a process that ends tells nobody but its parent
            await asyncio.sleep(0.01)
