"""How a search shows itself while it runs: a bar with rate, best score and time left; stages in words."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class SearchMeter:
    """Implements `lab.search.runner.Progress` on standard error."""

    def __init__(self, bar: Progress, task: TaskID) -> None:
        self._bar = bar
        self._task = task
        self._best = "-"

    def stage(self, name: str, sets: int) -> None:
        """A stage begins."""
        self._bar.reset(self._task, total=sets, description=name, best=self._best, rate="")

    def done(self, sets: int) -> None:
        """Sets were traded."""
        speed = self._bar.tasks[0].speed
        rate = "" if speed is None else f"{speed:,.0f} sets/s"
        self._bar.update(self._task, advance=sets, rate=rate)

    def best(self, score: float) -> None:
        """The best score so far."""
        self._best = f"{score:.4f}"
        self._bar.update(self._task, best=self._best)

    def say(self, line: str) -> None:
        """A line of its own, above the bar."""
        if self._bar.disable:
            typer.echo(line, err=True)
        else:
            self._bar.console.print(line, markup=False, highlight=False)


@contextmanager
def search_meter() -> Iterator[SearchMeter]:
    """The progress of a search; only words where standard error is no terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("best {task.fields[best]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield SearchMeter(bar, bar.add_task("search", total=None, rate="", best="-"))
