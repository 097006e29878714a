"""What a reader is warned of, sentence by sentence."""

import pytest

from drift_e3.core.account import Account
from drift_e3.core.events import Feed, Settings
from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import MS_PER_DAY, Instrument, Strategy
from drift_e3.lab.history import History, ModeStep
from drift_e3.lab.metrics import performance
from drift_e3.lab.report.decimate import bars
from drift_e3.lab.report.figures import plots
from drift_e3.lab.report.summary import summarise
from drift_e3.lab.report.tables import decisions_table, lasted, months_table, verdict
from drift_e3.lab.report.warnings import warnings_of
from tests.lab.trades import finished

YEAR = 400 * MS_PER_DAY


def a_history(*, days: int = 400, ai: bool = False) -> History:
    """A history of a year and more with trades enough, so that nothing is to be warned of."""
    history = History(
        instrument=Instrument(),
        feed=Feed(frame_ms=60_000),
        settings=Settings(params=Params(), limits=Limits(), ai_enabled=ai),
        account=Account(initial_usd=1_000.0, step_base=0.01),
        begins_ts=0,
        ends_ts=days * MS_PER_DAY,
    )
    history.trades = [finished(1.0, strategy=Strategy.FUNDING_FADE) for _ in range(40)]
    return history


def told(history: History, *equity_usd: float) -> list[str]:
    curve = [(row * MS_PER_DAY, usd) for row, usd in enumerate(equity_usd, 1)]
    return list(warnings_of(history, performance(curve, 1_000.0, 0)))


def test_there_may_be_nothing_to_warn_of() -> None:
    assert told(a_history()) == []


def test_a_halt_says_when_and_why_and_how_far_it_came() -> None:
    history = a_history()
    history.modes = [
        ModeStep(0, "warming", "trading", "warmed"),
        ModeStep(100 * MS_PER_DAY, "trading", "halted", "daily_loss"),
    ]
    assert told(history) == [
        "Trading was halted on 1970-04-11 00:00 UTC (daily loss), after 25% of the period."
    ]


@pytest.mark.parametrize(("count", "word"), [(1, "once"), (3, "3 times")])
def test_liquidations_are_counted(count: int, word: str) -> None:
    history = a_history()
    history.liquidations = count
    assert told(history) == [f"The account was liquidated {word}."]


def test_few_days_and_few_trades_prove_little() -> None:
    history = a_history(days=30)
    history.trades = history.trades[:7]
    short, few = told(history)
    assert short.startswith("The period has 30 days")
    assert few == "7 finished trades are too few for figures by group to mean much."


@pytest.mark.parametrize(
    ("taken", "missed", "says"),
    [(0, 9, "None of 9 questions"), (7, 3, "3 of 10 questions"), (9, 1, "")],
)
def test_an_advisor_that_was_not_heard_is_told_of(taken: int, missed: int, says: str) -> None:
    history = a_history(ai=True)
    history.advice_taken = taken
    history.advice_missed["timeout"] = missed
    sentences = told(history)
    assert [sentence.startswith(says) for sentence in sentences] == ([True] if says else [])
    # Rules alone are no shortcoming where nobody was to be asked.
    alone = a_history()
    alone.advice_missed["off"] = missed
    assert told(alone) == []


def test_an_account_that_lost_everything_is_told_of() -> None:
    assert told(a_history(), 500.0, 0.0) == ["All equity was lost on the way."]


def test_a_history_without_candles_has_tables_and_the_plots_of_its_trades() -> None:
    history = a_history()
    summary = summarise(history)
    assert months_table(summary) == ""
    assert [plot.name for plot in plots(history, summary)] == [
        "parts",
        "groups",
        "distribution",
        "excursions",
    ]
    assert bars(history.candles, 60_000, 10).ts == []
    assert "came out even" in verdict(summary)
    assert summary["benchmarks"]["buy_and_hold"]["return_frac"] == 0.0


def test_advice_has_its_place_among_the_decisions() -> None:
    history = a_history(ai=True)
    history.advice_taken, history.advice_used = 1_200, 300
    history.advice_missed["timeout"] = 5
    shown = decisions_table(summarise(history))
    assert "1,200 answers were understood and weighed in 300 decisions" in shown
    assert "timeout" in shown
    alone = a_history()
    alone.advice_missed["off"] = 3
    assert "Advice" not in decisions_table(summarise(alone))


def test_lengths_of_time_have_their_largest_unit() -> None:
    assert [lasted(ms) for ms in (None, 5_000, 90_000, 5_400_000, 129_600_000)] == [
        "—",
        "5 s",
        "1.5 min",
        "1.5 h",
        "1.5 d",
    ]
