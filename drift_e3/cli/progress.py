"""A progress bar on standard error for long work, and nothing where that is no terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress

EVERY = 500
"""Candles between two looks at how far it has come."""


@contextmanager
def bar(what: str, position: Callable[[], tuple[int, int]]) -> Iterator[Callable[[], None]]:
    """Show how far `what` has come; `position` gives (done, total). Call what is given back once a candle."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=position()[1])
        calls = 0

        def candle() -> None:
            nonlocal calls
            calls += 1
            if calls % EVERY == 0:
                progress.update(task, completed=position()[0])

        yield candle
