"""What was really traded against a backtest of the same market: where they part, and why.

The journal's run and its `rerun` hear the same market, people and advisors, so they differ by what the venue
did (prices, fees, delays, refusals) and by what followed from that. Here are the differences; each is the
journal's value less the backtest's, and together they are the difference of the results. Nothing is judged.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import fsum
from typing import Any, NamedTuple

from drift_e3.core.account import PnlParts
from drift_e3.core.decision import Decision
from drift_e3.core.events import Event
from drift_e3.core.notes import DecisionMade
from drift_e3.core.terms import BPS, Verdict
from drift_e3.core.turn import Outcome
from drift_e3.journal.beginning import started
from drift_e3.journal.codec import KINDS
from drift_e3.journal.reader import JournalReader
from drift_e3.lab.historian import Historian
from drift_e3.lab.history import History
from drift_e3.lab.metrics_trades import FinishedTrade
from drift_e3.lab.report.summary import parts_document
from drift_e3.lab.rerun import MakeMarket, rerun
from drift_e3.lab.traded import Traded, traded

Document = dict[str, Any]
NO_DECISION = "no decision on that candle"


class Word(NamedTuple):
    """What was decided on a candle, in words: for comparing, and for saying why a trade was not made."""

    regime: str
    strategy: str
    direction: str
    verdict: str
    reason: str


@dataclass(slots=True)
class Decisions:
    """The decisions of both runs, compared as they come in order of their candles.

    `told` and `again` keep the words of the candles with a signal; `different` counts by what differs first.
    """

    compared: int = 0
    alone: int = 0
    different: Counter[str] = field(default_factory=Counter)
    first: Document | None = None
    told: dict[int, Word] = field(default_factory=dict)
    again: dict[int, Word] = field(default_factory=dict)


class Comparison(NamedTuple):
    """Both runs and how their decisions compare."""

    told: Traded
    again: History
    decisions: Decisions


def compare(
    reader: JournalReader, make_market: MakeMarket, progress: Callable[[int, int], None] | None = None
) -> Comparison:
    """Read the journal, trade its market once more, and set one against the other.

    Raises `JournalUnreadable` at a damaged row, and for a journal without an event.
    """
    told = traded(reader)
    historian, decisions = Historian(), Decisions()
    if reader.first_seq > 1:
        historian.tell(started(reader), ())
    journaled = _journaled(reader, told.last_seq)
    waiting = next(journaled, None)

    def watch(event: Event, outcome: Outcome) -> None:
        nonlocal waiting
        historian.tell(event, outcome.notes)
        for note in outcome.notes:
            if isinstance(note, DecisionMade):
                made = note.decision
                while waiting is not None and waiting.ts < made.ts:
                    _keep(decisions.told, waiting)
                    decisions.alone += 1
                    waiting = next(journaled, None)
                _keep(decisions.again, made)
                if waiting is not None and waiting.ts == made.ts:
                    _keep(decisions.told, waiting)
                    _set_against(decisions, waiting, made)
                    waiting = next(journaled, None)
                else:
                    decisions.alone += 1

    rerun(reader, make_market, watch, progress, until_seq=told.last_seq)
    while waiting is not None:
        _keep(decisions.told, waiting)
        decisions.alone += 1
        waiting = next(journaled, None)
    return Comparison(told, historian.history, decisions)


def document(comparison: Comparison) -> Document:
    """The differences as plain values: journal less backtest, USD and UTC ms."""
    told, again, decisions = comparison.told.history, comparison.again, comparison.decisions
    matched = _matched(told, again)
    missed = [_missing(trade, told, decisions.told) for trade in _only(again, told)]
    extra = [_missing(trade, again, decisions.again) for trade in _only(told, again)]
    trades = [_trade_difference(one, other) for one, other in matched]
    open_usd = told.open_parts.net_usd - again.open_parts.net_usd
    aside_usd = told.booked_aside.net_usd - again.booked_aside.net_usd
    net_usd = told.total.net_usd - again.total.net_usd
    sums = {
        "in_both_usd": fsum(each["net_usd"] for each in trades),
        "missed_usd": -fsum(each["net_usd"] for each in missed),
        "extra_usd": fsum(each["net_usd"] for each in extra),
        "open_usd": open_usd,
        "aside_usd": aside_usd,
    }
    return {
        "kind": comparison.told.kind,
        "journal": _side(told),
        "backtest": _side(again),
        "difference": {
            **parts_document(_less(told.total, again.total)),
            "net_usd": net_usd,
            **sums,
            "residual_usd": net_usd - fsum(sums.values()),
        },
        "in_both": {
            "trades": len(trades),
            **{
                name: fsum(each[name] for each in trades)
                for name in ("price_pnl_usd", "slippage_usd", "fees_usd", "funding_usd", "net_usd")
            },
            "entry_worse_bps": _mean([each["entry_worse_bps"] for each in trades]),
            "exit_worse_bps": _mean([each["exit_worse_bps"] for each in trades]),
            "entry_later_ms": _mean([float(each["entry_later_ms"]) for each in trades]),
            "other_exit": sum(each["exit"] != each["backtest_exit"] for each in trades),
        },
        "decisions": {
            "compared": decisions.compared,
            "different": sum(decisions.different.values()),
            "by_what": dict(sorted(decisions.different.items())),
            "in_one_only": decisions.alone,
            "first": decisions.first,
        },
        "first_fill": _first_fill(told, again),
        "missed": missed,
        "extra": extra,
        "trades": trades,
    }


def _journaled(reader: JournalReader, until_seq: int) -> Iterator[Decision]:
    for row in reader.rows_of([KINDS[DecisionMade]]):
        if row.seq > until_seq:
            # A daemon is writing on: what came later belongs to a later comparison.
            return
        note = reader.message(row)
        if isinstance(note, DecisionMade):
            yield note.decision


def _word(decision: Decision) -> Word:
    return Word(
        decision.regime.label,
        decision.strategy.label,
        decision.direction.label,
        decision.verdict.label,
        decision.reason.partition(": ")[0],
    )


def _keep(kept: dict[int, Word], decision: Decision) -> None:
    if decision.verdict is not Verdict.NONE:
        kept[decision.ts] = _word(decision)


def _set_against(decisions: Decisions, told: Decision, again: Decision) -> None:
    decisions.compared += 1
    one, other = _word(told), _word(again)
    if one == other:
        return
    what = next(name for name in Word._fields if getattr(one, name) != getattr(other, name))
    decisions.different[what] += 1
    if decisions.first is None:
        decisions.first = {
            "ts": told.ts,
            "what": what,
            "journal": one._asdict(),
            "backtest": other._asdict(),
            "journal_equity_usd": told.equity_usd,
            "backtest_equity_usd": again.equity_usd,
        }


def _side(history: History) -> Document:
    return {
        "net_usd": history.total.net_usd,
        **parts_document(history.total),
        "equity_end_usd": history.account.equity_usd(history.price_usd),
        "trades": len(history.trades),
        "fills": len(history.fills),
    }


def _matched(told: History, again: History) -> list[tuple[FinishedTrade, FinishedTrade]]:
    by_id = {trade.trade_id: trade for trade in again.trades}
    return [(trade, by_id[trade.trade_id]) for trade in told.trades if trade.trade_id in by_id]


def _only(one: History, other: History) -> list[FinishedTrade]:
    """The finished trades of one run that the other has not finished."""
    known = {trade.trade_id for trade in other.trades}
    return [trade for trade in one.trades if trade.trade_id not in known]


def _missing(trade: FinishedTrade, absent_in: History, words: dict[int, Word]) -> Document:
    """A trade that the other run has not, and what that run's own decision says of it."""
    return {
        "trade_id": trade.trade_id,
        "entry_ts": trade.entry_ts,
        "strategy": trade.strategy.label,
        "regime": trade.regime.label,
        "direction": trade.direction.label,
        "net_usd": trade.net_usd,
        "why": _why(trade.trade_id, absent_in, words),
    }


def _why(trade_id: str, absent_in: History, words: dict[int, Word]) -> str:
    open_trade = absent_in.open_trade
    if open_trade is not None and open_trade.opened.trade_id == trade_id:
        return "still open there"
    word = words.get(int(trade_id)) if trade_id.isdigit() else None
    if word is None:
        return "no signal there" if trade_id.isdigit() else "found on the account, not decided"
    if word.verdict == Verdict.APPROVED.label:
        said = absent_in.unfilled.get(f"{trade_id}-entry")
        return f"approved there, not filled: {said or 'no word from the venue'}"
    return f"refused there: {word.reason}"


def _trade_difference(told: FinishedTrade, again: FinishedTrade) -> Document:
    sign = float(told.direction)
    return {
        "trade_id": told.trade_id,
        "entry_ts": told.entry_ts,
        **parts_document(_less(told.pnl, again.pnl)),
        "net_usd": told.net_usd - again.net_usd,
        "entry_worse_bps": sign * (told.entry_usd / again.entry_usd - 1.0) / BPS,
        "exit_worse_bps": -sign * (told.exit_usd / again.exit_usd - 1.0) / BPS,
        "entry_later_ms": told.entry_ts - again.entry_ts,
        "size_base": told.size_base - again.size_base,
        "exit": told.reason.label,
        "backtest_exit": again.reason.label,
    }


def _less(one: PnlParts, other: PnlParts) -> PnlParts:
    return PnlParts(
        price_usd=one.price_usd - other.price_usd,
        slippage_usd=one.slippage_usd - other.slippage_usd,
        fees_usd=one.fees_usd - other.fees_usd,
        funding_usd=one.funding_usd - other.funding_usd,
    )


def _first_fill(told: History, again: History) -> Document | None:
    """The first fill in which they differ; None where all are equal. Ids of fills are the venues' own."""
    for place in range(max(len(told.fills), len(again.fills))):
        one, other = (
            None
            if place >= len(fills)
            else {
                "ts": fills[place].seen_ts,
                "order_id": fills[place].order_id,
                "side": fills[place].side.label,
                "size_base": fills[place].size_base,
                "price_usd": fills[place].price_usd,
                "fee_usd": fills[place].fee_usd,
            }
            for fills in (told.fills, again.fills)
        )
        if one != other:
            return {"number": place + 1, "journal": one, "backtest": other}
    return None


def _mean(values: list[float]) -> float | None:
    return fsum(values) / len(values) if values else None
