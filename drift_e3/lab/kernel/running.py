"""Runs over a prepared tape: one in full detail, or many parameter sets with what a search needs of each.

Both go by rules alone, or by recorded answers with the advisor's weight fixed: `Unsupported` says what they
refuse, and `lab.backtest` plays that. What a run's numbers mean in the core's own words is `retelling`'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from drift_e3.core.events import Settings
from drift_e3.core.modes import Trigger
from drift_e3.core.params import check_limits, check_params
from drift_e3.core.regime import new_regime_state
from drift_e3.core.terms import CHOP, MS_PER_DAY, UNKNOWN, Mode, WeightMode
from drift_e3.lab.kernel.answering import Answers, silence
from drift_e3.lab.kernel.books import (
    BOOKS,
    DECISION,
    ENTRIES_MAX,
    EVENT,
    FAULT_EVENTS,
    FAULT_IN_FLIGHT,
    FAULT_ORDERS,
    FAULT_TRANSITION,
    ORDERS_MAX,
    TRADE,
)
from drift_e3.lab.kernel.compiling import loops
from drift_e3.lab.kernel.entering import NOT_ASKED
from drift_e3.lab.kernel.entry_points import Kept
from drift_e3.lab.kernel.layout import INSTRUMENT_FIELDS, RULES, Floats, Integers, Row, Table, table
from drift_e3.lab.kernel.preparing import Prepared, Unsupported
from drift_e3.venues.sim.venue import IN_FLIGHT_MAX

FAULTS: Final = {
    FAULT_IN_FLIGHT: f"{IN_FLIGHT_MAX} commands are in flight",
    FAULT_ORDERS: f"more than {ORDERS_MAX} orders are open",
    FAULT_TRANSITION: "a fact about an order that cannot be true",
    FAULT_EVENTS: "more happens in one candle than there is room for",
}


class LoopFault(RuntimeError):
    """The loop has lost track, or the trader has gone wild: a bug, as it is where the backtest raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: its last books and what was kept of it.

    Tables as in `layout`: `trades` and, of a run in detail, `fills` and `decisions`. `equity_usd` is marked
    when a candle is decided on, `ts` are the closes of those candles (UTC, ms).
    """

    settings: Settings
    answers: Answers
    books: Row
    trades: Table
    fills: Table
    decisions: Table
    ts: Integers
    equity_usd: Floats


class Runner:
    """Many parameter sets over one tape, played on as far as asked for: what has been played to some candle
    goes on from there, to the very same end as in one go."""

    def __init__(
        self,
        prepared: Prepared,
        settings: Sequence[Settings],
        equity_usd: float,
        answers: Answers | None = None,
    ) -> None:
        """Begin with `equity_usd` in each; without `answers` the advisor is silent.

        Raises `Unsupported` for settings that are not played here.
        """
        self.prepared = prepared
        self.settings = tuple(settings)
        self._rules = _rules(prepared, self.settings)
        self._books = _books(len(self.settings), equity_usd)
        self._answers = silence() if answers is None else answers
        count, candles = len(self.settings), prepared.candles
        self._kept = _tables(count, _trades_max(prepared, self.settings), 0, candles)

    def play(self, until_ts: int | None = None) -> None:
        """Play on to the last candle that closes by `until_ts` (UTC, ms), or to the tape's end."""
        prepared = self.prepared
        until_row = len(prepared.bars) if until_ts is None else prepared.row_after(until_ts)
        _play(prepared, self._rules, self._answers.table, self._books, self._kept, until_row, ends=False)

    def runs(self) -> list[Run]:
        """What came of each set so far; an open position is marked and stays open."""
        return [
            _run(self.prepared, settings, self._answers, self._books[k], self._kept, k)
            for k, settings in enumerate(self.settings)
        ]


def run(prepared: Prepared, settings: Settings, equity_usd: float, answers: Answers | None = None) -> Run:
    """One run in full detail to the tape's end; without `answers` an advisor that is enabled is silent.

    Raises `Unsupported`.
    """
    answers = silence() if answers is None else answers
    rules = _rules(prepared, (settings,))
    books = _books(1, equity_usd)
    books["keeps_all"] = True
    rows = prepared.candles + 1
    # Of a candle's fills one is an entry, the others take the position away; room costs nothing.
    kept = _tables(1, rows, 8 * rows, rows)
    _play(prepared, rules, answers.table, books, kept, len(prepared.bars), ends=True)
    return _run(prepared, settings, answers, books[0], kept, 0)


def run_many(
    prepared: Prepared,
    settings: Sequence[Settings],
    equity_usd: float,
    until_ts: int | None = None,
    answers: Answers | None = None,
) -> list[Run]:
    """Trades and equity of every set up to `until_ts` (UTC, ms; the tape's end by default).

    Memory is some bytes for each set and candle: hand over a chunk of sets at a time. The lock of the
    interpreter is free meanwhile, so chunks may run in threads. Raises `Unsupported`.
    """
    runner = Runner(prepared, settings, equity_usd, answers)
    runner.play(until_ts)
    return runner.runs()


def _play(
    prepared: Prepared, rules: Table, answers: Table, books: Table, kept: Kept, until_row: int, *, ends: bool
) -> None:
    loops().play_sets(
        prepared.bars, prepared.funding, prepared.first_live, rules, answers, books, kept, until_row, ends
    )
    check_faults(books)


def check_faults(books: Table) -> None:
    """Raise `LoopFault` where a run has one."""
    for fault in books["fault"]:
        if fault:
            raise LoopFault(FAULTS[int(fault)])


def _rules(prepared: Prepared, settings: Sequence[Settings]) -> Table:
    rules = table(len(settings), RULES)
    rules["instrument"] = tuple(getattr(prepared.instrument, name) for name in INSTRUMENT_FIELDS)
    rules["sim"] = tuple(prepared.sim)
    rules["needs_premium"] = prepared.feed.premium
    rules["frame_ms"] = prepared.feed.frame_ms
    rules["start_ts"], rules["begins_ts"] = prepared.start_ts, prepared.begins_ts
    entries_a_day = MS_PER_DAY // prepared.feed.frame_ms
    for row, one in zip(rules, settings, strict=True):
        check_params(one.params)
        limits = check_limits(one.limits)
        if one.ai_enabled and one.params.ai_weightMode != WeightMode.FIXED:
            raise Unsupported("an advisor whose weight is earned is not played by the compiled loop")
        if min(limits.trades_per_day_max, entries_a_day) >= ENTRIES_MAX:
            raise Unsupported(f"{ENTRIES_MAX} trades a day and more are not counted by the compiled loop")
        row.params, row.limits = tuple(one.params), tuple(limits)
        row.ai_enabled, row.ai_deadline_ms = one.ai_enabled, one.ai_deadline_ms
    return rules


def _books(count: int, equity_usd: float) -> Table:
    """Traders that have seen nothing, and venues without orders."""
    books = table(count, BOOKS)
    for name in ("initial_usd", "equity_usd", "collateral_usd"):
        books[name] = equity_usd
    for name in ("price_usd", "mark_usd", "bar_usd"):
        books[name] = UNKNOWN
    for name in ("day", "last_exit_ts", "unprotected_since_ts", "bar_ts", "question_row", "asked_ts"):
        books[name] = -1
    books["pending_row"] = books["halt_cause"] = -1
    books["missed"] = NOT_ASKED
    books["machine"] = new_regime_state()
    books["rule_regime"] = books["regime"] = CHOP
    books["mode"], books["cause"] = Mode.WARMING, Trigger.RESTARTED
    books["pause_cause"] = Trigger.LOSS_STREAK
    return books


def _tables(count: int, trades: int, details: int, candles: int) -> Kept:
    """Room for what is to be kept; memory that is not written to is not taken."""
    return Kept(
        table((count, trades), TRADE),
        table((count, details), EVENT),
        table((count, details), DECISION),
        np.zeros((count, candles)),
    )


def _trades_max(prepared: Prepared, settings: Sequence[Settings]) -> int:
    """More trades than there can be: one for each entry, of which there is one a candle at most."""
    days = (prepared.ends_ts - prepared.begins_ts) // MS_PER_DAY + 2
    a_day = max((one.limits.trades_per_day_max for one in settings), default=1)
    return int(min(prepared.candles, days * a_day)) + 1


def _run(prepared: Prepared, settings: Settings, answers: Answers, books: Row, kept: Kept, k: int) -> Run:
    made = int(books.decisions_kept)
    closes = prepared.bars["open_ts"][prepared.first_live :] + prepared.feed.frame_ms
    return Run(
        settings=settings,
        answers=answers,
        books=books,
        trades=kept.trades[k, : books.trades_kept],
        fills=kept.fills[k, : books.fills_kept],
        decisions=kept.decisions[k, :made],
        ts=closes[:made],
        equity_usd=kept.equity_usd[k, :made],
    )
