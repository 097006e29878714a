"""A progress bar on standard error for long work, and nothing where that is no terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress

EVERY = 500
"""Candles between two looks at how far it has come."""


@contextmanager
def meter(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far `what` has come; call what is given back with (done, total)."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def candle_meter(what: str, position: Callable[[], tuple[int, int]]) -> Iterator[Callable[[], None]]:
    """The same for work on candles: `position` gives (done, total). Call what is given back once a candle."""
    with meter(what) as show:
        calls = 0

        def candle() -> None:
            nonlocal calls
            calls += 1
            if calls % EVERY == 0:
                show(*position())

        yield candle
