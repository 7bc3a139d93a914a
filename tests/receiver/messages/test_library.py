from pathlib import Path
from shutil import copytree

import pytest

from receiver.channels.contract import Format
from receiver.messages.checking import load
from receiver.messages.library import FILES, FOLDER, NAMES, Part
from receiver.messages.render import Style
from receiver.messages.samples import NOW, SAMPLES
from receiver.messages.writing import write as write_sample
from receiver.model import ConfigError, Language, Message

LABEL = '{{ view.alerts[0].label("team") }}: {{ view.alerts[0].annotation("impact") }}.'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for language in Language:
        (tmp_path / "own" / language).mkdir(parents=True)
    return tmp_path / "own"


def write(folder: Path, sample: str = "single", format_: Format = "text") -> Message:
    style = Style(format_, Language.EN, "UTC")
    templates = load(folder)
    rendered = write_sample(SAMPLES[sample], style, templates, NOW)
    assert not rendered.failures
    return rendered.message


def problems(folder: Path) -> list[str]:
    try:
        load(folder)
    except ConfigError as error:
        return list(error.problems)
    return []


def test_a_file_stands_in_place_of_the_built_in_one_of_its_name_and_language(
    folder: Path,
) -> None:
    (folder / "en/text.txt.j2").write_text(LABEL)
    message = write(folder)
    assert message.body == "shop: ."
    assert message.title == "[🔴 Critical] SlowAnswers on web-1:443"
    assert "shop: ." not in write(folder, format_="slack").body
    assert problems(folder) == []


def test_a_digest_has_templates_that_may_be_replaced_too(folder: Path) -> None:
    (folder / "en/digest_title.txt.j2").write_text("{{ digest.messages }} waited")
    (folder / "en/digest.j2").write_text(
        "{{ title | heading }}\n"
        "{% for kind in digest.kinds %}{{ bullet }}{{ kind.name or 'x' }}\n{% endfor %}"
    )
    assert problems(folder) == []
    message = write(folder, "digest that is over", "dingtalk")
    assert (message.title, message.body) == (
        "2 waited",
        "### 2 waited\n- SlowAnswers\n- SlowAnswers",
    )
    (folder / "en/digest.j2").write_text("{{ digest.kinds[0].name.nothing }}")
    (problem,) = problems(folder)
    assert "(on the samples 'digest', 'digest that is over' and 2 more)" in problem


def test_a_template_may_add_to_the_built_in_one(folder: Path) -> None:
    (folder / "en/slack.mrkdwn.j2").write_text("*Hi!*\n{% include 'builtin/slack.mrkdwn.j2' %}")
    assert problems(folder) == []
    assert write(folder, format_="slack").body.startswith("*Hi!*\n*web-1 answers slowly*")


def test_the_built_in_templates_pass_what_is_asked_of_others(tmp_path: Path) -> None:
    copytree(FOLDER, tmp_path / "own")
    assert problems(tmp_path / "own") == []


def test_every_part_has_a_file_in_every_language() -> None:
    for language in Language:
        assert {path.name for path in (FOLDER / language).iterdir()} == set(NAMES)


@pytest.mark.parametrize(
    ("name", "source", "said"),
    [
        (
            "en/title.txt.j2",
            "{{ view.state }}\n{{ view.nothing }}",
            "no attribute 'nothing' (on the samples 'single', 'reminder' and 23 more); ",
        ),
        ("zh/text.txt.j2", "x\n\n{{ a }}", "zh/text.txt.j2: line 3: UndefinedError: 'a' is undef"),
        ("en/text.txt.j2", "{{ 1 | loud }}", "line 1: No filter named 'loud'"),
        ("en/text.txt.j2", "{% if %}", "line 1: Expected an expression"),
        ("en/dingtalk.md.j2", "{{ view.alerts[3].name }}", "line 1: UndefinedError"),
        (
            "en/slack.mrkdwn.j2",
            "{% if view.single %}x{% endif %}",
            "(on the samples 'grouped', 'trunc",
        ),
        ("en/email.html.j2", "{{ view.__class__ }}", "SecurityError"),
        ("en/email.html.j2", "x\n{% include 'other' %}", "line 2: TemplateNotFound: other"),
        ("en/text.txt.j2", "{{ 'ab' * 600_000 }}", "at most 1000000 bytes"),
        ("en/text.txt.j2", "a{{ view.alerts[0].host[0] }}", "(on the sample 'bare'); README"),
        ("en/other.j2", "x", "no template is called so; there are title.txt.j2, email.html.j2, "),
        ("en/text.txt.j2", "x" * 300_000, "has 300000 bytes; a template has at most 262144"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    folder: Path, name: str, source: str, said: str
) -> None:
    (folder / name).write_text(source)
    (problem,) = problems(folder)
    assert problem.startswith(str(folder / name))
    assert said in problem


def test_all_that_is_wrong_in_a_folder_is_said_at_once(folder: Path) -> None:
    (folder / "fr").mkdir()
    (folder / "README").write_text("about")
    (folder / ".git").mkdir()
    (folder / "en/.swap").write_text("x")
    (folder / "en/title.txt.j2").write_bytes(b"\xff")
    assert sorted(problem.removeprefix(f"{folder}/") for problem in problems(folder)) == [
        "README: is none of the folders en, zh; put templates into those",
        "en/title.txt.j2: not UTF-8 at byte 0; save it as UTF-8",
        "fr: is none of the folders en, zh; put templates into those",
    ]
    (missing,) = problems(folder / "none")
    assert missing == f"{folder}/none: No such file or directory; make it, with en/ and zh/ in it"


MISTAKES = """{{ nmae }}
{% if view.single %}{{ view.alerts[0].hosst }}{% endif %}
{{ view.nothing.more | upper }} {{ view.state.loudly() }}
{{ view.first | localtime(zone) }}
{% for each in view.rows %}{{ each }}{% endfor %}
{{ view.state | duration }}
"""
MISSPELT = "{{ 1 + }}\nx {{ view.state | loud }}\n{% for a of b %}\n{% endfor %}{{ view.state }}"


def test_every_mistake_of_every_template_is_said_at_once(folder: Path) -> None:
    (folder / "en/text.txt.j2").write_text(MISTAKES)
    (folder / "en/chat.j2").write_text(MISSPELT)
    (folder / "zh/title.txt.j2").write_text("{{ view.state }}{% if %}")
    (folder / "zh/nothing.j2").write_text("x")
    said = [problem.removeprefix(f"{folder}/").split("; ")[0] for problem in problems(folder)]
    where = [": ".join(problem.split(": ")[:3]) for problem in said]
    assert where == [
        "zh/nothing.j2: no template is called so",
        "en/chat.j2: line 1: unexpected 'end of print statement'",
        "en/chat.j2: line 2: No filter named 'loud'.",
        "en/chat.j2: line 3: expected token 'in', got 'of'",
        "zh/title.txt.j2: line 1: Expected an expression, got 'end of statement block'",
        *(f"en/text.txt.j2: line {line}: UndefinedError" for line in (1, 2, 3, 3, 4, 5)),
        "en/text.txt.j2: line 6: ValueError",
    ]


@pytest.mark.parametrize("part", FILES)
def test_what_a_template_reads_by_name_is_escaped_for_its_format(folder: Path, part: Part) -> None:
    source = "x{% for a in view.alerts %}{{ a.annotation('impact') }}{{ a.label('team') }}"
    (folder / "en" / FILES[part]).write_text(source + "{% endfor %}")
    assert problems(folder) == []
    message = write(folder, "nasty", "email" if part in {"html", "title"} else part)  # type: ignore[arg-type]
    written = message.html if part == "html" else message.body
    forbidden = {
        "html": ("<script", "<b>"),
        "slack": ("<!channel>", "<@U123>"),
        "dingtalk": ("<script", "](http"),
        "feishu": ("<script", "](http"),
    }
    assert not [word for word in forbidden.get(part, ()) if word in written]


def test_a_link_of_the_authors_own_leads_to_the_web_or_nowhere(folder: Path) -> None:
    source = '{{ view.annotation("runbook_url") | link("Book") }} {{ "data:,x" | link("<No>") }}'
    for name in ("email.html.j2", "dingtalk.md.j2"):
        (folder / "en" / name).write_text(source)
    assert write(folder, format_="email").html == (
        '<a href="https://wiki.example.com/runbooks/latency">Book</a> &lt;No&gt;'
    )
    assert write(folder, format_="dingtalk").body.startswith("[Book](https://wiki.example.com/")
    assert "data:" not in write(folder, format_="dingtalk").body
