"""How a search shows itself: a bar on a terminal, words elsewhere."""

import io

import pytest
from rich.console import Console

from drift_e3.cli import search_progress
from drift_e3.cli.search_progress import search_meter


def shown(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> str:
    """What is written while some sets are traded."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=120)
    monkeypatch.setattr(search_progress, "Console", lambda **_: console)
    with search_meter() as meter:
        meter.stage("stage 1, 0.5 of the time", 40)
        meter.done(10)
        meter.best(0.4321)
        meter.done(20)
        meter.say("something to know")
        meter.stage("stage 2", 8)
    return out.getvalue()


def test_a_terminal_shows_stage_count_and_best(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, terminal=True)
    assert "something to know" in text
    assert "stage 2" in text
    assert "best 0.4321" in text


def test_elsewhere_there_are_only_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shown(monkeypatch, terminal=False).strip() == ""
    assert capsys.readouterr().err == "something to know\n"
