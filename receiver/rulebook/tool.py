"""`promtool check rules`, where it is installed: it also tries the templates of annotations."""

import asyncio
import re
import shutil
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from pathlib import Path

_PATIENCE = 15.0
_LONGEST = 1_000
"""Letters of what it says."""


async def objection(text: bytes) -> str:
    """Return what is wrong with a file of rules; empty where nothing is, or it is not here."""
    program = shutil.which("promtool")
    if program is None:
        return ""
    with tempfile.TemporaryDirectory(prefix="tocsin-") as folder:
        path = Path(folder, "rules.yml")
        await asyncio.to_thread(path.write_bytes, text)
        return await _ask(program, path)


async def _ask(program: str, path: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *(program, "check", "rules", str(path)), stdin=DEVNULL, stdout=PIPE, stderr=STDOUT
    )
    try:
        async with asyncio.timeout(_PATIENCE):
            said, _ = await process.communicate()
    except TimeoutError:
        return f"promtool needs over {_PATIENCE:g} s for it; write less"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return _read(said.decode("utf-8", "replace"), path) if process.returncode else ""


def _read(said: str, path: Path) -> str:
    """Return what it says is wrong, without its own file's name."""
    lines = [line.strip() for line in said.splitlines()]
    wrong = [line for line in lines if line and not re.match(r"Checking |FAILED:?$|SUCCESS", line)]
    return " ".join(wrong).replace(f"{path}: ", "")[:_LONGEST] or "promtool refuses it"
