from collections.abc import Callable

import pytest
from aiohttp import ClientSession

from receiver.channels.teams import LONGEST_BODY, Teams
from receiver.model import SendError, Status
from receiver.severity import SEVERITIES
from tests.fakes.alerts import make_message
from tests.fakes.teams import SIGNATURE, FakeTeams


@pytest.fixture
def workflow(teams: FakeTeams, secret_file: Callable[[str, str], str]) -> Teams:
    return Teams.model_validate({"type": "teams", "url_file": secret_file("url", teams.url)})


@pytest.mark.parametrize(
    ("severity", "status", "color"),
    [
        ("critical", Status.FIRING, "Attention"),
        ("warning", Status.FIRING, "Warning"),
        ("info", Status.FIRING, "Default"),
        ("critical", Status.RESOLVED, "Good"),
    ],
)
async def test_a_message_is_a_card_with_a_block_for_each_paragraph(
    *,
    severity: str,
    status: Status,
    color: str,
    workflow: Teams,
    teams: FakeTeams,
    http: ClientSession,
) -> None:
    body = "a title\n\n**summary**\n\n- one\n- two"
    await workflow.send(make_message(body, severity=SEVERITIES[severity], status=status), http)
    title, summary, facts = teams.cards[0]["body"]
    assert (title["text"], title["weight"], title["color"]) == ("a title", "Bolder", color)
    assert (summary["text"], facts["text"], facts["wrap"]) == ("**summary**", "- one\n- two", True)


async def test_a_picture_stands_below_the_title(
    workflow: Teams, teams: FakeTeams, http: ClientSession
) -> None:
    address = "https://tocsin.example.com/picture/4f"
    await workflow.send(make_message("a title\n\nmore", link=address), http)
    picture = teams.cards[0]["body"][1]
    assert (picture["type"], picture["url"]) == ("Image", address)


async def test_the_first_links_are_buttons_and_the_others_stay_in_the_text(
    workflow: Teams, teams: FakeTeams, http: ClientSession
) -> None:
    links = tuple((f"Handle as {n}", f"https://tocsin.example.com/act/{n}?a&b") for n in range(8))
    line = " · ".join(f"[{words}]({url})" for words, url in links)
    await workflow.send(make_message(f"a title\n\n{line}", links=links), http)
    (card,) = teams.cards
    assert card["actions"] == [
        {"type": "Action.OpenUrl", "title": words, "url": url} for words, url in links[:6]
    ]
    left = " · ".join(f"[{words}]({url})" for words, url in links[6:])
    assert [block["text"] for block in card["body"]] == ["a title", left]


@pytest.mark.parametrize(
    ("status", "text", "reason", "permanent", "retry_after"),
    [
        (200, "1", "", False, None),
        (
            *(200, "failed with error: Microsoft Teams endpoint returned HTTP error 413"),
            *("rejected", True, None),
        ),
        (200, "Microsoft Teams endpoint returned HTTP error 429 with", "throttled", False, 60),
        (400, '{"error":{"code":"WorkflowTriggerIsNotEnabled"}}', "gone", False, None),
        (404, '{"error":{"code":"WorkflowNotFound"}}', "gone", False, None),
        (400, '{"error":{"code":"TriggerInputSchemaMismatch"}}', "rejected", True, None),
        (401, '{"error":{"code":"DirectApiAuthorizationRequired"}}', "rejected", False, None),
        (429, '{"error":{"code":"TooManyRequests"}}', "throttled", False, 7),
    ],
)
async def test_an_answer_is_read_beyond_its_status(
    *,
    status: int,
    text: str,
    reason: str,
    permanent: bool,
    retry_after: float | None,
    workflow: Teams,
    teams: FakeTeams,
    http: ClientSession,
) -> None:
    teams.answers.append((status, text))
    if not reason:
        await workflow.send(make_message(), http)
        return
    with pytest.raises(SendError) as caught:
        await workflow.send(make_message(), http)
    error = caught.value
    assert (error.reason, error.permanent, error.retry_after) == (reason, permanent, retry_after)
    assert SIGNATURE not in error.detail


async def test_more_than_four_a_second_are_throttled(
    workflow: Teams, teams: FakeTeams, http: ClientSession
) -> None:
    teams.burst, teams.clock = 4, lambda: 1.0
    for _ in range(4):
        await workflow.send(make_message(), http)
    with pytest.raises(SendError) as caught:
        await workflow.send(make_message(), http)
    assert (caught.value.reason, caught.value.retry_after) == ("throttled", 7)


async def test_a_long_body_is_cut_to_what_teams_really_takes(
    workflow: Teams, teams: FakeTeams, http: ClientSession
) -> None:
    await workflow.send(make_message("- 一行十分严重的告警文字🔴\n" * 3_000), http)
    (request,) = teams.seen
    assert LONGEST_BODY - 300 < int(request.headers["Content-Length"]) <= LONGEST_BODY
    assert "more lines left out" in teams.texts[0]
