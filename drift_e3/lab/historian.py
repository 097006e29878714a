"""Gathers a `History` from the events and notes of a run: a backtest's as they come, a journal's as read.

Listens only: nothing here decides, reads files or draws.
"""

from collections.abc import Iterable
from dataclasses import replace

from drift_e3.core.account import Account
from drift_e3.core.decision import Decision
from drift_e3.core.events import (
    AccountOpened,
    AdviceReceived,
    CandleClosed,
    CollateralMoved,
    Event,
    Fill,
    FundingPaid,
    FundingPublished,
    OracleTick,
    OrderCancelled,
    OrderRejected,
    SettingsChanged,
    Started,
)
from drift_e3.core.market import ORACLE_SILENT_MS
from drift_e3.core.notes import (
    AdviceMissed,
    AdviceTaken,
    DecisionMade,
    ModeChanged,
    Note,
    PositionClosed,
    PositionOpened,
)
from drift_e3.core.terms import Direction, Verdict
from drift_e3.lab.history import History, ModeStep, OpenTrade
from drift_e3.lab.metrics_trades import FinishedTrade, Source


class Historian:
    """Makes a `History` of events and notes told in order, the first of them a `Started`."""

    def __init__(self) -> None:
        self._history: History | None = None
        self._sources: dict[str, Source] = {}
        self._unfilled: set[str] = set()
        self._tick_ts = 0

    @property
    def history(self) -> History:
        """What is known by now; a bug to ask before the first event."""
        assert self._history is not None, "nothing has been told yet"
        return self._history

    def tell(self, event: Event, notes: Iterable[Note]) -> None:
        """Take one event and the notes it led to."""
        if self._history is None:
            assert isinstance(event, Started), "a history begins with a start"
            self._history = History(
                instrument=event.instrument,
                feed=event.feed,
                settings=event.settings,
                account=Account(initial_usd=event.equity_usd, step_base=event.instrument.step_base),
                begins_ts=event.seen_ts,
                ends_ts=event.seen_ts,
            )
        self._take_event(self._history, event)
        for note in notes:
            self._take_note(self._history, note, event.seen_ts)

    def _take_event(self, history: History, event: Event) -> None:
        match event:
            case CandleClosed():
                self._take_candle(history, event)
            case OracleTick():
                history.price_usd, self._tick_ts = event.price_usd, event.publish_ts
                if history.open_trade is not None:
                    history.open_trade.see(event.price_usd, event.price_usd)
            case Fill():
                history.fills.append(event)
                history.account.book_fill(event)
                self._unfilled.discard(event.order_id)
                history.liquidations += event.order_id.startswith("liquidation")
                if history.open_trade is not None:
                    history.open_trade.book(event.side, event.size_base, event.price_usd)
            case FundingPublished():
                if not event.history:
                    history.published.append((event.seen_ts, event.rate_frac_1h * event.hours))
            case FundingPaid():
                history.account.book_funding(event)
                self._book_aside(history, funding_usd=event.amount_usd)
            case CollateralMoved():
                history.account.book_move(event)
                if event.traded:
                    self._book_aside(history, slippage_usd=-event.amount_usd)
                else:
                    history.moves.append((event.seen_ts, event.amount_usd))
            case AccountOpened():
                history.account.book_opening(event)
                history.begins_ts = event.seen_ts
            case OrderRejected() | OrderCancelled():
                if event.order_id in self._unfilled:
                    self._unfilled.remove(event.order_id)
                    history.unfilled[event.order_id] = event.reason
            case AdviceReceived():
                history.models[event.model] += 1
            case Started():
                history.starts += 1
                history.settings, history.instrument = event.settings, event.instrument
            case SettingsChanged():
                history.settings = event.settings
            case _:
                pass
        history.ends_ts = max(history.ends_ts, event.seen_ts)

    def _take_candle(self, history: History, candle: CandleClosed) -> None:
        if candle.history and not history.candles.open_ts:
            return
        if not history.marks.ts:
            history.begins_ts = candle.open_ts
        rows = history.candles
        rows.open_ts.append(candle.open_ts)
        rows.open.append(candle.open)
        rows.high.append(candle.high)
        rows.low.append(candle.low)
        rows.close.append(candle.close)
        close_ts = candle.open_ts + history.feed.frame_ms
        if close_ts - self._tick_ts > ORACLE_SILENT_MS:
            # As the core sees it: without an oracle, or while it is silent, the candle has the price.
            history.price_usd = candle.close
            trade = history.open_trade
            if trade is not None and close_ts - trade.entry_ts > 1:
                trade.see(candle.low, candle.high)

    def _take_note(self, history: History, note: Note, ts: int) -> None:
        match note:
            case DecisionMade():
                self._take_decision(history, note.decision)
            case PositionOpened():
                source = self._sources.pop(note.trade_id, Source.OTHER)
                trade = history.open_trade = OpenTrade(opened=note, source=source, entry_ts=ts)
                fill = history.fills[-1]
                trade.book(fill.side, fill.size_base, fill.price_usd)
            case PositionClosed():
                if history.open_trade is not None:
                    history.trades.append(_finished(history.open_trade, note, ts))
                history.open_trade = None
            case ModeChanged():
                history.modes.append(
                    ModeStep(ts, note.before.label, note.after.label, note.cause.name.lower())
                )
            case AdviceTaken():
                history.advice_taken += 1
            case AdviceMissed():
                history.advice_missed[note.reason] += 1
            case _:
                pass

    def _take_decision(self, history: History, decision: Decision) -> None:
        marks = history.marks
        marks.ts.append(decision.ts)
        marks.equity_usd.append(decision.equity_usd)
        marks.position_base.append(decision.position_base)
        marks.regime.append(decision.regime)
        marks.rule_regime.append(decision.rule_regime)
        history.verdicts[decision.regime][decision.verdict] += 1
        history.verdicts_by_strategy[decision.strategy][decision.verdict] += 1
        history.skipped_legs |= decision.skipped_legs
        advised = decision.advice is not None or decision.regime is not decision.rule_regime
        history.advice_used += decision.advice is not None
        if decision.verdict is Verdict.APPROVED:
            self._sources[str(decision.ts)] = Source.AI if advised else Source.RULE
            self._unfilled.add(decision.order_id)
        elif decision.verdict is Verdict.REFUSED:
            history.refused[decision.reason.partition(": ")[0]] += 1
        else:
            history.no_signal[decision.reason.removeprefix("no_signal:")] += 1

    def _book_aside(self, history: History, *, slippage_usd: float = 0.0, funding_usd: float = 0.0) -> None:
        """Note what is booked while no trade is open, so that no dollar is without a place."""
        if history.open_trade is None:
            aside = history.booked_aside
            history.booked_aside = replace(
                aside,
                slippage_usd=aside.slippage_usd + slippage_usd,
                funding_usd=aside.funding_usd + funding_usd,
            )


def _finished(trade: OpenTrade, closed: PositionClosed, ts: int) -> FinishedTrade:
    direction = closed.direction
    entry_usd = trade.entered_usd / trade.entered_base
    lowest_frac, highest_frac = 1.0 - trade.lowest_usd / entry_usd, trade.highest_usd / entry_usd - 1.0
    worst_frac, best_frac = (
        (lowest_frac, highest_frac) if direction is Direction.LONG else (highest_frac, lowest_frac)
    )
    return FinishedTrade(
        trade_id=closed.trade_id,
        entry_ts=trade.entry_ts,
        exit_ts=ts,
        strategy=closed.strategy,
        regime=closed.regime,
        direction=direction,
        source=trade.source,
        reason=closed.reason,
        size_base=trade.entered_base,
        entry_usd=entry_usd,
        exit_usd=trade.left_usd / trade.left_base,
        notional_usd=trade.entered_usd,
        equity_usd=closed.equity_usd,
        pnl=closed.pnl,
        net_usd=closed.net_usd,
        worst_frac=max(worst_frac, 0.0),
        best_frac=max(best_frac, 0.0),
    )
