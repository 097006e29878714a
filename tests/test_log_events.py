"""The table of log events against the program: whatever is logged is in it, and the other way round."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import drift_e3
from drift_e3.log_events import LOG_EVENTS

PACKAGE = Path(drift_e3.__file__).parent
METHODS = {"debug", "info", "warning", "error", "critical", "exception", "log"}
LOGGERS = {"log", "logger", "_log", "get_logger"}
OF_ANY_LINE = {"ts", "wall", "level", "event", "exc_info", "exception"}


def called_on(function: ast.expr) -> str:
    """The name of what a method is called on, or of the function that gives it."""
    match function:
        case ast.Attribute(value=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name
        case ast.Attribute(value=ast.Call(func=ast.Attribute(attr=name))):
            return name
    return ""


def logged(source: str) -> Iterator[tuple[str, set[str]]]:
    """The literal event names of a module's log calls and lines to be told, with their literal fields."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id="Line"), args=[_, ast.Constant(value=str(name)), *rest]):
                keys = rest[0].keys if rest and isinstance(rest[0], ast.Dict) else []
                yield name, {str(key.value) for key in keys if isinstance(key, ast.Constant)}
            case ast.Call(func=ast.Attribute(attr=method), args=arguments, keywords=keywords):
                if method not in METHODS or called_on(node.func) not in LOGGERS:
                    continue
                for argument in arguments[: 2 if method == "log" else 1]:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield argument.value, {keyword.arg for keyword in keywords if keyword.arg is not None}


def sources() -> Iterator[tuple[Path, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE), path.read_text(encoding="utf-8")


def logged_in_the_package() -> Iterator[tuple[Path, str, set[str]]]:
    for path, source in sources():
        for name, fields in logged(source):
            yield path, name, fields


def test_every_name_that_is_logged_is_in_the_table() -> None:
    assert [(path, name) for path, name, _ in logged_in_the_package() if name not in LOG_EVENTS] == []


def test_every_field_that_is_logged_is_in_the_table() -> None:
    unknown = [
        (path, name, sorted(extra))
        for path, name, fields in logged_in_the_package()
        if (extra := fields - OF_ANY_LINE - set(LOG_EVENTS[name].fields))
    ]
    assert unknown == []


def test_every_name_in_the_table_is_logged_somewhere() -> None:
    constants = {
        node.value
        for path, source in sources()
        if path.name != "log_events.py"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant)
    }
    assert [name for name in LOG_EVENTS if name not in constants] == []


def test_the_scan_finds_log_calls_of_every_form() -> None:
    source = """
log.info("a.one", x=1, **more)
self._log.warning("a.two")
structlog.get_logger().log(level, "a.three", y=2)
yield Line("info", "a.four", {"z": 3})
yield Line(level, "a.five", fields)
console.info("not.ours")
math.log("nor.this")
log.info(name)
"""
    assert sorted(logged(source)) == [
        ("a.five", set()),
        ("a.four", {"z"}),
        ("a.one", {"x"}),
        ("a.three", {"y"}),
        ("a.two", set()),
    ]


def test_names_are_noun_dot_past_verb_and_meanings_are_told() -> None:
    for name, event in LOG_EVENTS.items():
        assert re.fullmatch(r"[a-z]+\.[a-z]+", name), name
        assert event.meaning, name
        assert len(set(event.fields)) == len(event.fields), name
        assert not OF_ANY_LINE & set(event.fields), name
