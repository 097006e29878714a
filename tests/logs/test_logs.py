"""The log as it comes out: one JSON object a line, times of events, columns on a terminal, no secrets."""

import io
import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from drift_e3 import logs
from drift_e3.logs.lines import iso


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _clean_structlog() -> Iterator[None]:
    handlers = list(logging.getLogger().handlers)
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers = handlers


@pytest.fixture
def out() -> io.StringIO:
    stream = io.StringIO()
    logs.configure("auto", "info", stream)
    return stream


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().removesuffix("\n").split("\n")]


def test_each_event_is_one_json_object_on_one_line(out: io.StringIO) -> None:
    log = structlog.get_logger()
    log.info("order.filled", order_id="o-1", size_base=1.25, note="two\nlines")
    log.warning("tape.warned", count=3)
    first, second = lines(out)
    assert first["note"] == "two\nlines"
    assert (first["event"], first["level"], first["size_base"]) == ("order.filled", "info", 1.25)
    assert (second["event"], second["level"]) == ("tape.warned", "warning")


def test_a_line_has_the_events_time_and_the_walls(out: io.StringIO) -> None:
    structlog.get_logger().info("order.filled", order_id="o-1", ts=1_722_470_700_007)
    (line,) = lines(out)
    assert list(line)[:4] == ["ts", "wall", "level", "event"]
    assert line["ts"] == "2024-08-01T00:05:00.007Z"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["wall"])


def test_what_is_no_time_of_an_event_is_left_as_it_is(out: io.StringIO) -> None:
    log = structlog.get_logger()
    log.info("daemon.started")
    log.info("daemon.started", ts=-1)
    log.info("daemon.started", ts=10**18)
    assert [line.get("ts") for line in lines(out)] == [None, -1, 10**18]


def test_times_count_milliseconds_from_1970() -> None:
    assert iso(0) == "1970-01-01T00:00:00.000Z"
    assert iso(253_402_300_799_999) == "9999-12-31T23:59:59.999Z"


def test_unknown_numbers_are_null(out: io.StringIO) -> None:
    structlog.get_logger().info("decision.made", confidence=float("nan"), size_base=float("inf"))
    assert (lines(out)[0]["confidence"], lines(out)[0]["size_base"]) == (None, None)


def test_no_value_can_break_a_line(out: io.StringIO) -> None:
    log = structlog.get_logger()
    log.info("advice.received", text="half \ud83d", deep=[{"\udc00": 1.5}, None])
    log.info("advice.received", text="\u2028\r\n\0", big=2**70)
    first, second = lines(out)
    assert (first["text"], first["deep"]) == ("half \\ud83d", [{"\\udc00": 1.5}, None])
    assert (second["text"], second["big"]) == ("\u2028\r\n\0", 2**70)


def test_an_exception_is_told_without_its_secrets(out: io.StringIO) -> None:
    try:
        raise RuntimeError("no answer from https://rpc.example.com/?api-key=hunter2")
    except RuntimeError as error:
        structlog.get_logger().exception("advisor.unreachable", token="hunter2", error=error)
    (line,) = lines(out)
    assert "RuntimeError" in line["exception"]
    assert line["level"] == "error"
    assert "hunter2" not in out.getvalue()


def test_less_than_the_level_is_not_logged() -> None:
    stream = io.StringIO()
    logs.configure("json", "warning", stream)
    structlog.get_logger().info("daemon.started")
    assert stream.getvalue() == ""


def test_a_terminal_gets_columns_and_files_never_do() -> None:
    terminal = Terminal()
    logs.configure("auto", "info", terminal)
    structlog.get_logger().info("order.filled", ts=0, price_usd=145.20000000000002, text="a\x1b[2Jb")
    shown = terminal.getvalue()
    assert "order.filled" in shown
    assert "1970-01-01T00:00:00.000Z" in shown
    assert "145.2\x1b" in shown
    assert "\x1b[2J" not in shown
    assert "wall" not in shown


def test_columns_without_a_terminal_have_no_colours() -> None:
    stream = io.StringIO()
    logs.configure("console", "info", stream)
    try:
        raise RuntimeError("password=hunter2")
    except RuntimeError:
        structlog.get_logger().exception("advisor.unreachable", confidence=float("nan"))
    assert "\x1b" not in stream.getvalue()
    assert "RuntimeError" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal()
    logs.configure("auto", "info", terminal)
    structlog.get_logger().info("order.filled")
    assert "\x1b" not in terminal.getvalue()


def test_what_libraries_warn_of_comes_out_in_the_same_form(out: io.StringIO) -> None:
    library = logging.getLogger("some.library")
    library.info("not this")
    library.warning("retrying %s", "https://user:hunter2@host/x")
    (line,) = lines(out)
    assert (line["event"], line["logger"], line["level"]) == ("library.warned", "some.library", "warning")
    assert line["message"] == "retrying https://[redacted]@host/x"


def test_a_library_that_logs_wrongly_stops_nothing(out: io.StringIO) -> None:
    (handler,) = (known for known in logging.getLogger().handlers if type(known).__module__ == logs.__name__)
    handler.handle(logging.LogRecord("some.library", logging.WARNING, "x.py", 1, "%d", ("no number",), None))
    assert lines(out)[0]["message"] == "%d"


def test_configuring_twice_does_not_double_lines(out: io.StringIO) -> None:
    logs.configure("json", "info", out)
    logging.getLogger("some.library").warning("once")
    assert len(lines(out)) == 1


def test_standard_output_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    structlog.get_logger().info("daemon.started")
    assert json.loads(capsys.readouterr().out)["event"] == "daemon.started"


def test_a_bug_shows_its_traceback_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise KeyError("https://rpc.example.com/?api-key=hunter2")
    except KeyError as error:
        logs.show_bug(KeyError, error, sys.exc_info()[2])
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "hunter2" not in shown


def test_a_reader_that_leaves_does_not_end_the_program() -> None:
    """As `drift-e3 run | head` does: what is logged afterwards goes nowhere, and the program goes on."""
    program = (
        "import structlog\n"
        "from drift_e3.logs import configure\n"
        "configure('json')\n"
        "log = structlog.get_logger()\n"
        "for n in range(20_000):\n"
        "    log.info('daemon.started', version=str(n))\n"
        "import sys\n"
        "sys.stderr.write('went on')\n"
    )
    done = subprocess.run(
        ["bash", "-c", '"$0" -c "$1" | head -2 >/dev/null; exit "${PIPESTATUS[0]}"', sys.executable, program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "went on")
