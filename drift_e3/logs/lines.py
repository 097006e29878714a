"""From a log call to a line: times, order of fields, JSON for machines and columns for a terminal.

structlog processors only; what is logged and when is the callers' business, secrets are `logs.redaction`'s.
"""

import time
from functools import lru_cache
from math import isfinite
from typing import Any

import msgspec
from structlog.typing import WrappedLogger

_LAST_TS = 253_402_300_799_999
"""The end of the year 9999 in ms: what lies beyond is no time."""

_encode = msgspec.json.Encoder().encode


def iso(ts: int) -> str:
    """A time (UTC, ms) as ISO 8601 with milliseconds, for example ``2024-08-01T00:05:00.000Z``."""
    seconds, rest = divmod(ts, 1_000)
    return f"{_second(seconds)}.{rest:03d}Z"


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def stamp(_logger: WrappedLogger, method: str, line: Any) -> Any:
    """The line in reading order: `ts`, the time of the event it tells of where it has one (given as UTC in
    ms); `wall`, when it was written; `level` and `event`; then its fields as they came."""
    ts = line.pop("ts", None)
    stamped: dict[str, Any] = {}
    if ts is not None:
        stamped["ts"] = iso(ts) if type(ts) is int and 0 <= ts <= _LAST_TS else ts
    stamped["wall"] = iso(time.time_ns() // 1_000_000)
    stamped["level"] = method
    stamped["event"] = line.pop("event")
    stamped.update(line)
    return stamped


def render_json(_logger: WrappedLogger, _method: str, line: Any) -> str:
    """One JSON object on one line. Text that is no Unicode (half a surrogate pair) is escaped, not lost."""
    try:
        return _encode(line).decode()
    except UnicodeEncodeError:
        return _encode(_encodable(line)).decode()


def readable(_logger: WrappedLogger, _method: str, line: Any) -> Any:
    """The line for a terminal: no second time, short numbers, nothing that could steer the terminal."""
    wall = line.pop("wall")
    shown = {"ts": line.pop("ts", wall)}
    for name, value in line.items():
        if type(value) is float and isfinite(value):
            shown[name] = f"{value:.8g}"
        elif type(value) is str and name != "exception" and not value.isprintable():
            shown[name] = value.encode("unicode_escape").decode()
        else:
            shown[name] = value
    return shown


def _encodable(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {_encodable(key): _encodable(item) for key, item in value.items()}
        case list():
            return [_encodable(item) for item in value]
        case _:
            return value
