"""A run of the compiled loop in the core's own words: the very `Backtest` that `lab.backtest` gives."""

from types import SimpleNamespace

from drift_e3.core.account import Account, Ledger, PnlParts
from drift_e3.core.breakers import Breakers
from drift_e3.core.decision import NO_SIGNAL, Decision
from drift_e3.core.events import Fill, Started
from drift_e3.core.features import Features
from drift_e3.core.modes import ModeState, Trigger
from drift_e3.core.notes import PositionClosed
from drift_e3.core.risk import Bound, Breach
from drift_e3.core.state import TraderState, new_state
from drift_e3.core.tally import Tally
from drift_e3.core.terms import (
    REGIMES,
    STRATEGIES,
    Direction,
    Liquidity,
    Mode,
    Reason,
    Refused,
    Side,
    Verdict,
)
from drift_e3.lab.backtest import Backtest
from drift_e3.lab.kernel.books import DECISION, LEDGER
from drift_e3.lab.kernel.entering import Why
from drift_e3.lab.kernel.layout import Row
from drift_e3.lab.kernel.preparing import Prepared
from drift_e3.lab.kernel.running import Run

CODES = {
    Why.POSITION_OPEN: "position_open",
    Why.EQUITY_UNKNOWN: "equity_unknown",
    Why.CONFIDENCE: "risk_minConfidence",
    Why.ORDERS_OPEN: "orders_open",
    Why.COOLDOWN: "cooldown_minutes",
    Why.HOUR: "trades_per_hour_max",
    Why.DAY: "trades_per_day_max",
}
"""What the core calls a refusal."""


def retell(prepared: Prepared, run: Run) -> Backtest:
    """Decisions, fills, trades and equity of a run in detail, and the trader's account, tally and breakers.

    What else a trader remembers is not told: orders that are still open, windows, the last advice.
    """
    names = DECISION.names or ()
    rows = [SimpleNamespace(**dict(zip(names, row, strict=True))) for row in run.decisions.tolist()]
    features = prepared.bars[list(Features._fields)].tolist()
    closes = (prepared.bars["open_ts"] + prepared.feed.frame_ms).tolist()
    decisions = [_decision(run, row, closes[row.row], features[row.row]) for row in rows]
    return Backtest(
        state=_state(prepared, run),
        candles=len(decisions),
        first_ts=decisions[0].ts if decisions else 0,
        last_ts=decisions[-1].ts if decisions else 0,
        decisions=decisions,
        fills=[_fill(row) for row in run.fills],
        trades=[_trade(row) for row in run.trades],
        equity=list(zip(run.ts.tolist(), run.equity_usd.tolist(), strict=True)),
    )


def _decision(run: Run, row: SimpleNamespace, ts: int, features: tuple[float, ...]) -> Decision:
    verdict = Verdict(row.verdict)
    regime = REGIMES[row.regime]
    no_advice = "" if row.used_advice else "off"
    if run.settings.ai_enabled and not row.used_advice:
        no_advice = run.answers.words[row.missed]
    return Decision(
        ts=ts,
        price_usd=row.price_usd,
        features=Features._make(features),
        rule_regime=REGIMES[row.rule_regime],
        rule_confidence=row.rule_confidence,
        regime=regime,
        strategy=STRATEGIES[row.strategy],
        direction=Direction(row.direction),
        signal_confidence=row.signal_confidence,
        confidence=row.confidence,
        skipped_legs=row.skipped_legs,
        advice=run.answers.advice[row.advice] if row.used_advice else None,
        advice_age_ms=row.advice_age_ms,
        no_advice=no_advice,
        leverage_x_max=run.settings.limits.leverage_caps[regime],
        verdict=verdict,
        reason=_reason(row),
        size_base=float(row.size_base),
        size_bound=Bound(row.bound).label if row.bound >= 0 else "",
        order_id=f"{ts}-entry" if verdict is Verdict.APPROVED else "",
        equity_usd=float(row.equity_usd),
        position_base=row.position_base,
    )


def _reason(row: SimpleNamespace) -> str:
    why = Why(row.why)
    code: str
    match why:
        case Why.ENTERED:
            return Reason.ENTRY.label
        case Why.NO_SIGNAL:
            return NO_SIGNAL[int(row.failed_leg)]
        case Why.VETOED:
            return "vetoed_by_advice"
        case Why.SUPERSEDED:
            return "superseded"
        case Why.MODE:
            code = f"mode_{Mode(row.detail).label}"
        case Why.BELOW_MINIMUM:
            code = f"below_minimum:{Bound(row.detail).label}"
        case Why.BREACH:
            code = Breach(row.detail).label
        case _:
            code = CODES[why]
    return Refused(code=code, limit=float(row.limit), value=float(row.value)).text


def _fill(row: Row) -> Fill:
    reason = Reason(row.order_reason)
    if reason is Reason.LIQUIDATION:
        order_id = f"liquidation-{row.number}"
    elif reason is Reason.ENTRY:
        order_id = f"{row.decided_ts}-entry"
    else:
        order_id = f"{row.decided_ts}-{reason.label}-{row.number}"
    return Fill(
        seen_ts=int(row.ts),
        fill_id=f"{order_id}#1",
        order_id=order_id,
        side=Side(row.side),
        size_base=float(row.size_base),
        price_usd=float(row.price_usd),
        reference_usd=float(row.reference_usd),
        fee_usd=float(row.fee_usd),
        liquidity=Liquidity.TAKER,
        reason=Reason(row.reason),
    )


def _trade(row: Row) -> PositionClosed:
    pnl = PnlParts(
        price_usd=float(row.price_usd),
        slippage_usd=float(row.slippage_usd),
        fees_usd=float(row.fees_usd),
        funding_usd=float(row.funding_usd),
    )
    return PositionClosed(
        trade_id=str(row.entry_ts),
        strategy=STRATEGIES[row.strategy],
        regime=REGIMES[row.regime],
        direction=Direction(row.direction),
        reason=Reason(row.reason),
        pnl=pnl,
        net_usd=float(row.net_usd),
        held_ms=int(row.exit_ts - row.opened_ts),
        equity_usd=float(row.equity_usd),
    )


def _state(prepared: Prepared, run: Run) -> TraderState:
    books = run.books
    started = Started(
        seen_ts=prepared.start_ts,
        settings=run.settings,
        instrument=prepared.instrument,
        feed=prepared.feed,
        equity_usd=float(books.initial_usd),
    )
    state = new_state(started)
    state.market.price_usd = float(books.price_usd)
    state.market.candle_close_ts = state.market.price_ts = int(books.close_ts)
    state.account = Account(
        initial_usd=float(books.initial_usd),
        step_base=prepared.instrument.step_base,
        position_base=float(books.position_base),
        entry_usd=float(books.entry_usd),
        total=_ledger(books, "total"),
        trade=_ledger(books, "trade"),
    )
    state.tally = Tally(
        decisions=books.decisions.tolist(),
        fills=int(books.fills),
        trades=int(books.trades),
        wins=int(books.wins),
        peak_usd=float(books.peak_usd),
        drawdown_frac_max=float(books.drawdown_frac_max),
        unprotected_ms=int(books.unprotected_ms),
        unprotected_ms_max=int(books.unprotected_ms_max),
    )
    state.breakers = Breakers(
        day=int(books.day),
        day_open_usd=float(books.day_open_usd),
        high_water_usd=float(books.high_water_usd),
        loss_streak=int(books.loss_streak),
        paused_until_ts=int(books.paused_until_ts),
        pause_cause=Trigger(books.pause_cause),
        last_exit_ts=int(books.last_exit_ts),
    )
    state.mode = ModeState(
        mode=Mode(books.mode),
        cause=Trigger(books.cause),
        halted=bool(books.halted),
        halt_cause=Trigger(books.halt_cause) if books.halted else None,
    )
    state.warmed = bool(books.warmed)
    state.rule_regime, state.regime = REGIMES[books.rule_regime], REGIMES[books.regime]
    return state


def _ledger(books: Row, of: str) -> Ledger:
    cash_usd, slippage_usd, fees_usd, funding_usd = (float(books[f"{of}_{name}"]) for name in LEDGER)
    return Ledger(
        reference_cash_usd=cash_usd, slippage_usd=slippage_usd, fees_usd=fees_usd, funding_usd=funding_usd
    )
