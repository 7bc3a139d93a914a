import logging

import pytest

from receiver.logs import Masking

URL = "https://oapi.dingtalk.com/robot/send?access_token=0123456789abcdef"


@pytest.fixture
def masking() -> Masking:
    it = Masking()
    it.know(["s3cret-token", URL, "abc"])
    return it


def record(text: str, *args: object, error: BaseException | None = None) -> logging.LogRecord:
    info = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord("x", logging.ERROR, __file__, 1, text, args, info)


def test_a_secret_is_masked_in_whatever_line_it_stands(masking: Masking) -> None:
    line = masking.format(record("cannot send %s to %s", "s3cret-token", URL))
    assert line.endswith("cannot send *** to ***")
    assert "0123456789abcdef" not in masking.format(record("?access_token=0123456789abcdef&x=1"))


def test_a_traceback_is_masked_too(masking: Masking) -> None:
    try:
        int("s3cret-token")
    except ValueError as error:
        line = masking.format(record("failed", error=error))
    assert "Traceback" in line
    assert "ValueError" in line
    assert "s3cret-token" not in line


def test_what_ends_the_process_is_masked(
    masking: Masking, capsys: pytest.CaptureFixture[str]
) -> None:
    error = ExceptionGroup("in a group", [ValueError("s3cret-token")])
    masking.tell(ExceptionGroup, error, None)
    said = capsys.readouterr().err
    assert "ExceptionGroup" in said
    assert "s3cret-token" not in said


def test_a_secret_that_was_replaced_stays_masked(masking: Masking) -> None:
    masking.know(["an0ther-token"])
    assert masking.format(record("s3cret-token an0ther-token")).endswith("*** ***")


def test_a_secret_of_three_letters_hides_no_words(masking: Masking) -> None:
    assert masking.format(record("abcissa")).endswith("abcissa")
