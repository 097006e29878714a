"""Logs for people: one JSON object a line, or columns on a terminal, on standard output, without secrets.

Here lives the set-up. Code that logs asks structlog itself (``structlog.get_logger()``), so no floor below
depends on this one; the names it may log are in `log_events`.
"""

import logging
import os
import sys
import traceback
from types import TracebackType
from typing import Literal, TextIO, cast

import structlog
from structlog.typing import Processor

from drift_e3.logs.lines import readable, render_json, stamp
from drift_e3.logs.redaction import redact, redact_text, redact_value

__all__ = ["configure", "discard", "redact_text", "redact_value", "show_bug"]

Format = Literal["auto", "json", "console"]
Level = Literal["debug", "info", "warning", "error"]


def configure(style: Format = "auto", level: Level = "info", stream: TextIO | None = None) -> None:
    """Set structlog up for the process; `auto` is readable on a terminal and JSON elsewhere.

    What libraries log through the standard module, from warnings on, appears as ``library.warned``.
    """
    out = cast("TextIO", _Unbroken(sys.stdout if stream is None else stream))
    console = style == "console" or (style == "auto" and out.isatty())
    shared: list[Processor] = [structlog.processors.format_exc_info, redact, stamp]
    if console:
        shared += [readable, _columns(colors=out.isatty() and "NO_COLOR" not in os.environ)]
    else:
        shared.append(render_json)
    structlog.configure(
        processors=shared,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    for handler in [known for known in root.handlers if isinstance(known, _Libraries)]:
        root.removeHandler(handler)
    root.addHandler(_Libraries(logging.WARNING))


def show_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """An `excepthook` that writes the traceback to standard error without secrets."""
    sys.stderr.write(redact_text("".join(traceback.format_exception(kind, error, trace))))


def discard(stream: TextIO) -> None:
    """Send what is still to be said on a stream, and what is buffered, nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class _Unbroken:
    """A stream whose reader may leave: a daemon with a position does not die with its `tail`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def isatty(self) -> bool:
        return self._stream.isatty()

    def write(self, text: str) -> None:
        try:
            self._stream.write(text)
        except BrokenPipeError:
            discard(self._stream)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            discard(self._stream)


class _Libraries(logging.Handler):
    """Hands what libraries log on to structlog, so that it comes out in the same form and redacted."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001  # the values do not fit the text: a library's fault, no reason to stop
            message = str(record.msg)
        structlog.get_logger().log(
            record.levelno, "library.warned", logger=record.name, message=message, exc_info=record.exc_info
        )


def _columns(*, colors: bool) -> Processor:
    return structlog.dev.ConsoleRenderer(
        colors=colors,
        pad_event_to=20,
        sort_keys=False,
        timestamp_key="ts",
        # Never the default: it prints the frames' local variables.
        exception_formatter=structlog.dev.plain_traceback,
    )
