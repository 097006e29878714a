"""Looking for planted secrets in everything that an error, an object or a log could show."""

import base64
import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager


def shown(error: BaseException) -> str:
    """All that can be got out of an error: words, arguments, attributes, the errors behind it, and the
    tracebacks of all of them with every local variable."""
    parts: list[str] = []
    todo: list[BaseException | None] = [error]
    seen: set[int] = set()
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        parts += [str(one), repr(one), repr(one.args), repr(vars(one) if hasattr(one, "__dict__") else "")]
        parts += [getattr(one, "url", ""), str(getattr(one, "__notes__", ""))]
        parts += _frames(one)
        todo += [one.__cause__, one.__context__]
    parts += traceback.format_exception(error)
    return "\n".join(map(str, parts))


def _frames(error: BaseException) -> Iterator[str]:
    """The local variables of the frames that raised it, but for the test's own, which planted the secret."""
    trace = error.__traceback__
    while trace is not None:
        if "/tests/" not in trace.tb_frame.f_code.co_filename:
            yield repr(trace.tb_frame.f_locals)
        trace = trace.tb_next


def forms(secret: bytes) -> list[str]:
    """The ways in which bytes are written down."""
    return [
        secret.hex(),
        secret.hex().upper(),
        base64.b64encode(secret).decode(),
        base64.urlsafe_b64encode(secret).decode().rstrip("="),
        repr(secret)[2:-1],
        ", ".join(map(str, secret)),
        ",".join(map(str, secret)),
    ]


@contextmanager
def everything_logged() -> Iterator[list[str]]:
    """What any library logs meanwhile, at any level, with the errors that it adds."""
    lines: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.name} {record.getMessage()} {record.args!r} {record.exc_info!r}")

    root, ear = logging.getLogger(), Ear(logging.DEBUG)
    # Libraries that other tests have imported may have quietened the HTTP client's loggers, or all of them.
    names = [name for name in root.manager.loggerDict if name.partition(".")[0] in {"httpx", "httpcore"}]
    loggers = [root, *map(logging.getLogger, names)]
    before = [(logger, logger.level, logger.disabled) for logger in loggers]
    switched_off = root.manager.disable
    logging.disable(logging.NOTSET)
    for logger in loggers:
        logger.disabled = False
        logger.setLevel(logging.DEBUG)
    root.addHandler(ear)
    try:
        yield lines
    finally:
        root.removeHandler(ear)
        for logger, level, disabled in before:
            logger.setLevel(level)
            logger.disabled = disabled
        logging.disable(switched_off)
