"""The command: CSV in, CSV and a table out."""

import json
from pathlib import Path

import numpy as np
import pytest

from exporter.__main__ import main
from exporter.detectors.scoring import Rule, Scorer
from tests.exporter.backtest.files import START, STEP, noise, rows, with_spike, write

HEADER = "timestamp,value,anomaly_score,deviation,novelty,expected,lower,upper"


def backtest(source: Path, out: Path, *more: str) -> int:
    return main(["backtest", "--csv", str(source), "--out", str(out), "--no-pictures", *more])


def test_a_tree_is_mirrored_with_a_row_for_each_row(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a" / "one.csv", noise(300))
    write(tmp_path / "in" / "two.csv", noise(200, 2))
    assert backtest(tmp_path / "in", tmp_path / "out") == 0
    written = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.csv")}
    assert written == {"a/one.csv", "two.csv"}
    assert (tmp_path / "out" / "two.csv").read_text("utf-8").startswith(HEADER + "\n")
    source, result = rows(tmp_path / "in" / "two.csv"), rows(tmp_path / "out" / "two.csv")
    assert [(r["timestamp"], r["value"]) for r in result] == [
        (r["timestamp"], r["value"]) for r in source
    ]
    assert {r["anomaly_score"] for r in result[:60]} == {""}
    assert "" not in {r["anomaly_score"] for r in result[70:]}


def test_a_spike_is_an_alarm_in_the_table_with_its_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "one.csv", with_spike())
    assert backtest(path, tmp_path / "out") == 0
    line = capsys.readouterr().out.splitlines()[1].split()
    assert line[:2] == ["one.csv", "600"]
    assert line[3] == "1"
    assert line[6] == str(START + 500 * STEP)


def test_text_is_copied_as_it_came_and_other_columns_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text(
        "host,value,timestamp\na, 1.50 ,2026-01-01T00:00:00+02:00\nb,,2026-01-01 00:01:00\n",
        "utf-8-sig",
    )
    assert backtest(path, tmp_path / "out") == 0
    lines = (tmp_path / "out" / "in.csv").read_text("utf-8").splitlines()[1:]
    assert lines == ["2026-01-01T00:00:00+02:00, 1.50 ,,,,,,", "2026-01-01 00:01:00,,,,,,,"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,value\n", "line 1: no column 'timestamp'; begin the file with: timestamp,value"),
        ("", "line 1: no column 'timestamp'; begin the file with: timestamp,value"),
        (
            "timestamp,value\n1,2\nyesterday,3\n",
            (
                "line 3: not a timestamp: 'yesterday'; "
                "write it like 2026-01-31T23:59:00Z, or seconds since 1970"
            ),
        ),
        (
            "timestamp,value\n1,2\n\n2,many\n",
            (
                "line 4: not a number: 'many'; write it like 12.5, "
                "and nothing where a value is missing"
            ),
        ),
        (
            "timestamp,value\n1700000000000,2\n",
            (
                "line 2: timestamp '1700000000000' is no number of seconds since 1970; "
                "are these milliseconds? Divide them by 1000"
            ),
        ),
        ("timestamp,value\n1\n", "line 2: 1 cells, where the header has 2; complete the line"),
        (
            "timestamp,value,label\n1,2,maybe\n",
            "line 2: not a label: 'maybe'; write 1 for an anomaly, else 0",
        ),
    ],
)
def test_a_wrong_file_is_named_with_line_and_remedy_and_the_others_are_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    bad = tmp_path / "in" / "bad.csv"
    write(tmp_path / "in" / "good.csv", noise(100))
    bad.write_text(text, "utf-8")
    assert backtest(tmp_path / "in", tmp_path / "out") == 1
    assert capsys.readouterr().err == f"{bad}: {said}\n"
    assert [p.name for p in (tmp_path / "out").rglob("*.csv")] == ["good.csv"]


def test_an_output_folder_within_the_input_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "one.csv", noise(10))
    assert backtest(tmp_path, tmp_path / "out") == 1
    assert "choose another folder" in capsys.readouterr().err


def test_what_only_a_prometheus_is_asked_for_is_no_option_of_a_csv(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "one.csv", noise(10))
    assert backtest(path, tmp_path / "out", "--start", "3d", "--query", "up") == 1
    said = "of use with --prometheus only: --query, --start; leave out, or ask it\n"
    assert capsys.readouterr().err == said


def test_no_rate_of_alarms_is_below_none_where_times_go_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "one.csv", noise(300))
    head, *lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([head, *reversed(lines)]), "utf-8")
    backtest(path, tmp_path / "out", "--grace", "1m")
    assert "one.csv     300" in (table := capsys.readouterr().out)
    assert " 0.00 " in table
    assert "-0.00" not in table


def test_an_output_that_cannot_be_written_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "one.csv", noise(10))
    (tmp_path / "out").write_text("a file, not a folder", "utf-8")
    assert backtest(path, tmp_path / "out") == 1
    assert capsys.readouterr().err.endswith("/out: File exists; choose another --out\n")


def test_no_file_at_all_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert backtest(tmp_path / "nothing", tmp_path / "out") == 1
    assert "no such file or folder; give a CSV file" in capsys.readouterr().err


def test_labels_in_the_input_give_precision_recall_and_delay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = [int(495 <= i <= 510 or 550 <= i <= 560) for i in range(600)]
    path = write(tmp_path / "one.csv", with_spike(), labels)
    assert backtest(path, tmp_path / "out") == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.split()[-5:] == ["windows", "found", "precision", "recall", "delay"]
    assert line.split()[-5:] == ["2", "1", "1.00", "0.50", "5.0m"]


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_file_of_labels_finds_its_series_by_the_end_of_the_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    path = write(tmp_path / "web" / "one.csv", with_spike())
    start, end = START + 499 * STEP, START + 505 * STEP
    text = json.dumps({"web/one.csv": [[start, end]], "two.csv": []})
    if kind == "csv":
        text = f"file,start,end\nweb/one.csv,{start},{end}\n"
    (tmp_path / "labels").write_text(text, "utf-8")
    assert backtest(path, tmp_path / "out", "--labels", str(tmp_path / "labels")) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.split()[-5:] == ["1", "1", "1.00", "1.00", "1.0m"]


def test_labels_that_name_none_of_the_files_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "one.csv", noise(10))
    (tmp_path / "labels").write_text("file,start,end\nother.csv,1,2\n", "utf-8")
    assert backtest(path, tmp_path / "out", "--labels", str(tmp_path / "labels")) == 1
    said = "other.csv: labelled, but no such file was replayed: name files by their path\n"
    assert capsys.readouterr().err.endswith(said)


def test_labels_of_absent_files_are_named_and_the_others_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "in" / "one.csv", with_spike())
    absent = "".join(f"gone{i}.csv,1,2\n" for i in range(5))
    text = f"file,start,end\none.csv,{START},{START + 36000}\n{absent}"
    (tmp_path / "labels").write_text(text, "utf-8")
    assert backtest(tmp_path / "in", tmp_path / "out", "--labels", str(tmp_path / "labels")) == 0
    said = capsys.readouterr()
    names = "gone0.csv, gone1.csv, gone2.csv and 2 more"
    assert said.err.startswith(f"{names}: labelled, but no such file was replayed")
    assert said.out.splitlines()[1].split()[-5:] == ["1", "1", "1.00", "1.00", "8.3h"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "no value in it: give lines of timestamp,value"),
        ([(i, "") for i in range(9)], "no value in it: give lines of timestamp,value"),
        ([(-i, i % 7) for i in range(300)], "its times go back, and values that are not newer"),
        (
            [(i % 150, i % 7) for i in range(300)],
            "its times go back, and values that are not newer",
        ),
        ([(i // 2, i % 7) for i in range(300)], "its lines of one time are taken once"),
        ([(i, 5e301 if i % 9 == 0 else i % 7) for i in range(300)], "values of 1e+16 and beyond"),
        ([(i, i % 7) for i in range(60)], "nothing was scored, because it ends before --grace"),
        ([(60 * i, i % 7) for i in range(9)], "there are too few values to learn from"),
    ],
    ids=[
        "empty",
        "no value",
        "backwards",
        "two series",
        "twice",
        "huge",
        "shorter than grace",
        "few",
    ],
)
def test_of_a_file_that_gives_no_scores_it_is_said_why_and_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: list[tuple[int, object]], said: str
) -> None:
    rows = "".join(f"{START + STEP * at},{value}\n" for at, value in lines)
    for name in ("one.csv", "two.csv"):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_text(f"timestamp,value\n{rows}", "utf-8")
    write(tmp_path / "in" / "good.csv", noise(100))
    assert backtest(tmp_path / "in", tmp_path / "out") == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("one.csv, two.csv: ")
    assert said in line


def test_more_values_or_a_shorter_grace_is_what_helps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "one.csv", noise(50))
    assert backtest(path, tmp_path / "out") == 0
    assert "or e.g. --grace 10m" in capsys.readouterr().err
    assert backtest(path, tmp_path / "out", "--grace", "10m") == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.splitlines()[1].split()[2] == "40"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,start,end\none.csv,1,soon\n", "line 2: not a timestamp: 'soon'"),
        ("file,start,end\none.csv,5,4\n", "line 2: it ends before it begins; exchange the two"),
        ("one.csv;1;2\n", "line 1: not a label: 'one.csv;1;2'; give lines of file,start,end"),
        ("\n", "no label in it; give lines of file,start,end or JSON like"),
        ("{}", "no label in it; give lines of file,start,end or JSON like"),
        ('{"one.csv": [[5, 4]]}', "one.csv: it ends before it begins; exchange the two"),
        ('{"one.csv": 7}', "give lines of file,start,end or JSON like"),
    ],
)
def test_wrong_labels_are_said_with_the_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    path = write(tmp_path / "one.csv", noise(10))
    (tmp_path / "labels").write_text(text, "utf-8")
    assert backtest(path, tmp_path / "out", "--labels", str(tmp_path / "labels")) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_several_sensitivities_are_compared_and_stand_in_folders_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "one.csv", with_spike())
    assert backtest(path, tmp_path / "out", "--sensitivity", "low,.5") == 0
    assert (tmp_path / "out" / "low" / "one.csv").exists()
    assert (tmp_path / "out" / "0.5" / "one.csv").exists()
    table = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in table[-2:]] == ["low", ".5"]


def test_a_wrong_sensitivity_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        backtest(tmp_path, tmp_path / "out", "--sensitivity", "extreme")
    assert "write low, medium or high, or the false alarms a week" in capsys.readouterr().err


def test_nothing_of_the_future_is_used(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.csv", with_spike())
    part = write(tmp_path / "part.csv", with_spike()[:550])
    for path in (whole, part):
        backtest(path, tmp_path / "out")
    assert rows(tmp_path / "out" / "part.csv") == rows(tmp_path / "out" / "whole.csv")[:550]


def test_the_files_hold_what_the_serving_code_says_of_each_value(tmp_path: Path) -> None:
    """Each series is fed to a scorer of its own, here, by hand."""
    series = {"one.csv": with_spike(200, 150), "two.csv": with_spike(300, 150)}
    for name, values in series.items():
        write(tmp_path / "in" / name, values)
    assert backtest(tmp_path / "in", tmp_path / "out") == 0
    for name, values in series.items():
        scorer, row = Scorer(1), np.array([0])
        scorer.wipe(row)
        for i, (value, found) in enumerate(zip(values, rows(tmp_path / "out" / name), strict=True)):
            time = np.array([float(START + i * STEP)])
            said = scorer.score(row, np.array([value]), time, Rule(STEP), np.array([1.0]))
            score = said.score
            scores = (said.verdict.score, score.deviation, score.novelty)
            columns = (*scores, score.expected, score.lower, score.upper)
            cells = [float(cell) if cell else np.nan for cell in list(found.values())[2:]]
            np.testing.assert_allclose(cells, [column[0] for column in columns], rtol=1e-5)


def test_unsorted_repeated_and_missing_values_have_a_row_and_no_score(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    plain = noise(300)
    lines = [f"{START + i * STEP},{value}" for i, value in enumerate(plain)]
    clean = write(tmp_path / "clean.csv", plain)
    late = [f"{START + 150 * STEP},9", f"{START + 199 * STEP},9", f"{START + 199 * STEP},"]
    text = "\n".join(["timestamp,value", *lines[:200], *late, *lines[200:]])
    path.write_text(text, "utf-8")
    for one in (path, clean):
        assert backtest(one, tmp_path / "out") == 0
    result = rows(tmp_path / "out" / "one.csv")
    assert {row["anomaly_score"] for row in result[200:203]} == {""}
    assert result[:200] + result[203:] == rows(tmp_path / "out" / "clean.csv")
