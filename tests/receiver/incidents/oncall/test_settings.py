from pathlib import Path
from typing import Any

import pytest
import yaml

from receiver import config
from receiver.__main__ import main
from receiver.model import ConfigError
from tests.receiver.incidents.oncall.schedules import WEEKLY

PEOPLE = {"ada": {"name": "Ada"}, "bob": {"name": "Bob"}}
LATE = WEEKLY | {"start": "2096-01-06"}


def write(folder: Path, **document: Any) -> Path:
    path = folder / "receiver.yml"
    path.write_text(yaml.safe_dump({"people": PEOPLE, **document}, sort_keys=False))
    return path


def test_a_schedule_has_the_time_zone_of_the_receiver_unless_it_has_its_own(
    tmp_path: Path,
) -> None:
    own = {"timezone": "Europe/Berlin", "layers": [WEEKLY]}
    plans = {"ops": {"layers": [WEEKLY]}, "db": own}
    settings = config.load(write(tmp_path, timezone="Asia/Shanghai", schedules=plans))
    zones = {name: plan.timezone for name, plan in settings.schedules.items()}
    assert zones == {"ops": "Asia/Shanghai", "db": "Europe/Berlin"}


def test_each_mistake_has_its_place_and_a_remedy(tmp_path: Path) -> None:
    override = {"person": "eve", "from": "2026-01-05", "until": "soon"}
    wrong = {"layers": [WEEKLY | {"people": ["ada", "ghost"], "length": "1w"}]}
    plans = {"ops": wrong | {"overrides": [override]}, "a b": {"layers": []}}
    with pytest.raises(ConfigError) as caught:
        config.load(write(tmp_path, schedules=plans))
    assert [line.partition(": ")[2] for line in caught.value.problems] == [
        "schedules.ops.layers.0.people.1: no person is 'ghost'; there are ada, bob",
        "schedules.ops.layers.0.length: unknown key; known here: people, start, turn, only",
        "schedules.ops.overrides.0.person: no person is 'eve'; there are ada, bob",
        "schedules.ops.overrides.0.until: not a time: 'soon'; write it like 2026-01-05 09:00",
        "schedules.a b.[key]: not a name; use letters, digits and underscores",
        "schedules.a b: nobody would be on call; write layers or ical_file",
    ]


@pytest.mark.parametrize("people", [["ada"], "ada", 5])
def test_people_of_another_kind_are_one_mistake_of_their_own(tmp_path: Path, people: Any) -> None:
    with pytest.raises(ConfigError, match="people: a mapping is expected"):
        config.load(write(tmp_path, people=people))


def test_check_says_when_nobody_is_on_call_soon(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hours = WEEKLY | {"only": ["09:00-18:00"]}
    path = write(tmp_path, schedules={"a": {"layers": [WEEKLY]}, "b": {"layers": [hours, LATE]}})
    assert main(["check", "--config", str(path)]) == 0
    out, err = capsys.readouterr()
    assert out == f"{path}: ok\n"
    lines = err.splitlines()
    assert len(lines) == 4
    assert lines[1].startswith(f"{path}: schedules.b: nobody is on call from ")
    assert " 18:00 to " in lines[1]
    assert lines[1].endswith(" 09:00; add a layer")
    assert "times more within two weeks" in lines[3]
