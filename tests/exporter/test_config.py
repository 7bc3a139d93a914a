from pathlib import Path

import pytest
import yaml

from exporter.collectors import COLLECTORS
from exporter.config import Address, Config, defaults, load, parse_address
from exporter.model import ConfigError

KNOWN = ", ".join(COLLECTORS)
TOP = (
    "listen, interval, tokens, paths, collectors, prometheus, signals, scoring, state, "
    "models, groups"
)


def write(folder: Path, text: str) -> Path:
    path = folder / "exporter.yml"
    path.write_text(text, "utf-8")
    return path


def problems(folder: Path, text: str) -> list[str]:
    path = write(folder, text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


def test_without_a_file_everything_has_a_default() -> None:
    config = load(None)
    assert config.listen == Address("127.0.0.1", 9847)
    assert config.interval == 15
    assert config.enabled().keys() == COLLECTORS.keys()
    assert {section.deadline for section in config.enabled().values()} == {5.0}


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    assert load(write(tmp_path, "")).model_dump() == Config().model_dump()


def test_the_printed_defaults_are_a_configuration_that_means_the_defaults(tmp_path: Path) -> None:
    config = load(write(tmp_path, defaults()))
    assert config.model_dump() == Config().model_dump()
    assert yaml.safe_load(defaults())["scoring"] == {
        "grace": "1h",
        "hold": "5m",
        "sensitivity": "medium",
        "limit": 20_000,
    }


def test_every_key_is_taken(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/read.token").write_text("s3cret\n", "utf-8")
    config = load(
        write(
            tmp_path,
            """
            listen: '[::1]:9900'
            interval: 5s
            tokens: [{name: prometheus, file: secrets/read.token}]
            paths: {procfs: /host/proc, sysfs: /host/sys, rootfs: /host}
            collectors: {cpu: {deadline: 2s}, netdev: false, stat: , loadavg: true}
            prometheus:
              url: https://metrics.example.com/prometheus/
              authorization: {token_file: secrets/read.token}
              tls: {server_name: metrics, insecure_skip_verify: true}
              headers: {X-Scope-OrgID: a}
              deadline: 3s
            signals:
              - {name: depth, metric: app_depth, match: ['queue="mail"'], limit: 5}
              - {name: errors, promql: 'rate(errors_total[1m])', sensitivity: high}
            scoring: {grace: 10m, hold: 0s, sensitivity: 0.5}
            state: {folder: /var/lib/elsewhere}
            """,
        )
    )
    assert config.listen == Address("::1", 9900)
    assert config.tokens[0].token.get_secret_value() == "s3cret"
    assert config.paths.procfs == Path("/host/proc")
    assert config.enabled().keys() == COLLECTORS.keys() - {"netdev"}
    assert config.enabled()["cpu"].deadline == 2
    assert [str(matcher) for matcher in config.signals[0].match] == ['queue="mail"']
    assert (config.scoring.grace, config.scoring.hold) == (600, 0)
    assert (config.scoring.sensitivity, config.sensitivities()) == (0.5, {"errors": 7})
    assert config.state
    assert config.state.path == Path("/var/lib/elsewhere")


def test_state_is_in_the_home_and_may_be_turned_off(tmp_path: Path, home: Path) -> None:
    state = load(write(tmp_path, "state: {folder: kept}")).state
    assert state
    assert state.path == home / "kept"
    assert load(write(tmp_path, "state: false")).state is None


def test_a_secret_is_not_in_the_text_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("s3cret", "utf-8")
    config = load(write(tmp_path, "tokens: [{name: a, file: t}]"))
    assert "s3cret" not in repr(config) + config.model_dump_json()


BAD = {
    "listen: 9847": "listen: not an address: '9847'; write it like 127.0.0.1:9847",
    "listen: a:70000": "listen: not an address: 'a:70000'; write it like 127.0.0.1:9847",
    "interval: 15": "interval: not a duration: '15'; write it like 15s, 5m or 1h30m",
    "interval: 0s": "interval: too short; 100ms is the least",
    "colectors: {}": f"colectors: unknown key; known here: {TOP}",
    "collectors: {gpux: {}}": f"collectors.gpux: unknown key; known here: {KNOWN}",
    "collectors: {cpu: {x: 1}}": "collectors.cpu.x: unknown key; known here: deadline",
    "collectors: {cpu: 5}": (
        "collectors.cpu: a mapping is expected, or false for off; write keys with values"
    ),
    "state: maybe": "state: a mapping is expected, or false for off; write keys with values",
    "scoring: 5": "scoring: a mapping is expected; write keys with values",
    "scoring: {limit: 0}": "scoring.limit: too small; 1 is the least",
    "scoring: {limit: 1000001}": "scoring.limit: too large; 1000000 is the most",
    "scoring: {limit: 1.5}": "scoring.limit: a whole number is expected; write it like 100",
    "scoring: {limit: many}": "scoring.limit: a whole number is expected; write it like 100",
    "scoring: {limit: [1]}": "scoring.limit: a whole number is expected; write it like 100",
    "signals: [{name: a, promql: ''}]": (
        "signals.0.promql: is empty; write something, or leave the key out"
    ),
    "paths: {procfs: 5}": "paths.procfs: a path is expected; write it like /var/lib/tocsin",
    "collectors: {cpu: {deadline: 1ms}}": (
        "collectors.cpu.deadline: too short; 100ms is the least"
    ),
    "signals: 5": "signals: a list is expected; write it like [first, second]",
    "signals: [{metric: a}]": "signals.0.name: is missing; add it",
    "signals: [{name: a, metric: a, macht: []}]": (
        "signals.0.macht: unknown key; known here: name, metric, match, promql, limit, sensitivity"
    ),
    "signals: [{name: a-b, metric: a}]": (
        "signals.0.name: not a name; use letters, digits and underscores"
    ),
    "signals: [{name: disk_busy, metric: a}]": (
        "signals.0.name: disk_busy is one of the host's own signals; choose another name"
    ),
    "signals: [{name: a, metric: a}, {name: a, metric: b}]": (
        "signals: there twice: a; give each a name of its own"
    ),
    "signals: [{name: a, metric: a, match: [b]}]": (
        "signals.0.match.0: not a matcher: 'b'; write it like severity=\"critical\""
    ),
    "signals: [{name: a, metric: a, match: ['b=~\"(\"']}]": (
        "signals.0.match.0: not a regular expression: '(' "
        "(missing ), unterminated subpattern at position 0)"
    ),
    "signals: [{name: a}]": "signals.0: give either metric or promql",
    "signals: [{name: a, metric: a, promql: a}]": "signals.0: give either metric or promql",
    "{signals: [{name: a, promql: a, match: ['b=\"c\"']}], prometheus: {url: 'http://a'}}": (
        "signals.0: match goes with metric; write the matchers into the expression"
    ),
    "signals: [{name: a, promql: up}]": "signals: a need `prometheus`; add it with its url",
    "{signals: [{name: a, promql: 'sum(a'}], prometheus: {url: 'http://a'}}": (
        "signals.0.promql: the ( at character 4 is never closed; close it"
    ),
    "prometheus: {url: localhost}": (
        "prometheus.url: not an address; write it like http://127.0.0.1:9090"
    ),
    "scoring: {grace: soon}": (
        "scoring.grace: not a duration: 'soon'; write it like 15s, 5m or 1h30m"
    ),
    "scoring: {sensitivity: top}": (
        "scoring.sensitivity: not a sensitivity: 'top'; write low, medium or high, or the false "
        "alarms a week that you accept, 0.02 to 168"
    ),
    "- a": "a mapping of settings is expected at the top",
    "a: [1,\nb: 2": "not YAML: line 2, column 5: expected ',' or ']', but got '<stream end>'",
    "paths: {}\npaths: {}": "not YAML: line 2, column 1: the key 'paths' stands here twice",
}


GROUPS = {
    "[{signals: [a]}]": "0: give it a name, or the labels that make a group in `by`",
    "[{name: a-b}]": "0.name: not a name; use letters, digits and underscores",
    "[{by: [a], signals: ['(']}]": (
        "0.signals: not a regular expression: '(' "
        "(missing ), unterminated subpattern at position 0)"
    ),
    "[{by: [a, b]}, {by: [b, a]}]": (": two make the same groups; give one of them another name"),
}


@pytest.mark.parametrize("text", GROUPS)
def test_groups_that_cannot_be_are_refused(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, f"groups: {text}") == [f"groups.{GROUPS[text]}".replace(".:", ":")]


def test_the_hosts_own_signals_are_a_group_until_others_are_named(tmp_path: Path) -> None:
    (host,) = load(None).groups
    assert (host.name, host.takes("disk_busy"), host.takes("queue")) == ("host", True, False)
    assert load(write(tmp_path, "groups: []")).groups == ()


@pytest.mark.parametrize("text", BAD)
def test_what_is_wrong_is_said_with_its_place_and_the_remedy(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text) == [BAD[text]]


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    chosen = ("listen: 9847", "interval: 15", "colectors: {}", "signals: [{metric: a}]")
    assert sorted(problems(tmp_path, "\n".join(chosen))) == sorted(BAD[text] for text in chosen)


def test_a_missing_section_is_said_beside_a_wrong_one(tmp_path: Path) -> None:
    chosen = ("interval: 15", "signals: [{name: a, promql: up}]")
    assert problems(tmp_path, "\n".join(chosen)) == [BAD[text] for text in chosen]


def test_a_secret_that_cannot_be_read_names_the_file_and_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n", "utf-8")
    remedy = "write the secret alone into it"
    nowhere = f"cannot read {tmp_path}/nowhere: No such file or directory; {remedy}"
    (tmp_path / "lines").write_text("one\ntwo\nthree\n", "utf-8")
    files = enumerate(("nowhere", "empty", "lines"))
    text = f"tokens: [{', '.join(f'{{name: t{i}, file: {file}}}' for i, file in files)}]"
    assert problems(tmp_path, text) == [
        f"tokens.0.file: {nowhere}",
        f"tokens.1.file: {tmp_path}/empty is empty; {remedy}",
        f"tokens.2.file: {tmp_path}/lines has several lines; {remedy}",
    ]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9847", Address("127.0.0.1", 9847)),
        (":0", Address("", 0)),
        ("localhost:80", Address("localhost", 80)),
        ("[::1]:80", Address("::1", 80)),
    ],
)
def test_an_address_is_read_and_spelled_alike(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert str(address) == text


def test_a_model_of_no_configured_signal_may_be_of_observations_and_is_told(
    tmp_path: Path,
) -> None:
    path = tmp_path / "exporter.yml"
    path.write_text("models: {signals: [orders, disk_busy, 'network_.*']}\n")
    (doubt,) = load(path).doubts()
    assert doubt.startswith("models.signals: orders matches none of the configured signals")
    assert "cpu_utilisation" in doubt


@pytest.mark.parametrize(
    ("models", "problem"),
    [
        ("{methods: [pca]}", "models.methods.0: no such method; there are isolation_forest"),
        ("{methods: [one_class_svm, one_class_svm]}", "models.methods: one of them is there twice"),
        ("{signals: ['a(']}", "models.signals: not a regular expression: 'a(' (missing )"),
        ("{every: 1s}", "models.every: too short; 1m is the least"),
        ("{window: 2}", "models.window: too small; 4 is the least"),
    ],
)
def test_models_that_cannot_be_are_refused(tmp_path: Path, models: str, problem: str) -> None:
    (said,) = problems(tmp_path, f"models: {models}\n")
    assert said.startswith(problem)
