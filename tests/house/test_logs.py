import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from surveillance import logs


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers, root.level)
    yield
    root.handlers, root.level = before
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_an_event_is_one_line_of_json_with_its_moment_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(as_json=True)
    structlog.get_logger("worker").info("tick done", sent=3)
    (line,) = lines(capsys)
    assert (line["event"], line["sent"], line["level"], line["logger"]) == ("tick done", 3, "info", "worker")
    assert str(line["timestamp"]).endswith("Z")


@pytest.mark.parametrize(
    "private", ["name", "phone", "email", "mrn", "token", "secret", "patient_name", "auth_token", "Phone"]
)
def test_private_values_never_reach_the_log(capsys: pytest.CaptureFixture[str], private: str) -> None:
    logs.configure(as_json=True)
    structlog.get_logger().info("x", **{private: "Ada Fiction", "inner": {private: ["Ada Fiction"]}})
    logging.getLogger("library").warning("y", extra={})
    assert "Ada Fiction" not in capsys.readouterr().err


def test_the_secret_of_a_feed_is_hidden_in_the_lines_of_libraries_too(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(as_json=True)
    logging.getLogger("uvicorn.error").info('"GET %s"', "/calendar/aB3-x_9.ics?x=1 and /p/s3cr3t/visit")
    (line,) = lines(capsys)
    assert line["event"] == '"GET /calendar/[hidden].ics?x=1 and /p/[hidden]/visit"'


@pytest.mark.parametrize("as_json", [True, False])
def test_a_line_break_in_a_value_cannot_forge_a_line(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    logs.configure(as_json=as_json)
    structlog.get_logger().info("reply\nforged", reason="a\r\nlevel=error b")
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_tells_the_place_and_not_the_values(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    logs.configure(as_json=as_json)
    patient = "Ada" + " Fiction"
    try:
        raise RuntimeError(f"{len(patient)} letters")
    except RuntimeError:
        structlog.get_logger().exception("failed")
    shown = capsys.readouterr().err
    assert "RuntimeError" in shown
    assert "Ada Fiction" not in shown


def test_the_providers_library_cannot_log_numbers_and_texts(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(as_json=True)
    logging.getLogger("twilio.http_client").info("Body: To=+12025550100")
    assert capsys.readouterr().err == ""
