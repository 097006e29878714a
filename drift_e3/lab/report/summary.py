"""The numbers of a report as one plain document: what JSON holds and the page draws.

Pure. Money is USD, times are UTC ms, fractions are fractions. A figure that is not defined is null, and the
object that holds it says why under ``undefined``.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from math import fsum
from typing import Any

from drift_e3.core.account import PnlParts
from drift_e3.core.strategies import Leg
from drift_e3.core.terms import MS_PER_DAY, MS_PER_MINUTE, Direction, Reason, Regime, Strategy, Verdict
from drift_e3.lab.history import History
from drift_e3.lab.metrics import Curve, Drawdown, Figure, Performance, daily_equity, grown, performance
from drift_e3.lab.metrics_trades import (
    FinishedTrade,
    Source,
    added,
    exposure,
    grouped,
    trade_figures,
    turnover,
)
from drift_e3.lab.report.benchmark import buy_and_hold
from drift_e3.lab.report.warnings import warnings_of

Document = dict[str, Any]
SPLITS = ("regime", "strategy", "source", "direction", "exit")
"""By what the result is attributed; each split adds up to the whole."""


def summarise(history: History, notes: Sequence[str] = ()) -> Document:
    """The whole report in numbers; `notes` are what else a person should know, said among the warnings."""
    curve = without_moves(history)
    told = performance(curve, history.account.initial_usd, history.begins_ts)
    summary: Document = {
        "period": _period(history),
        "pnl": _pnl(history),
        "performance": performance_document(told),
        "trades": plain(trade_figures(history.trades)._asdict()),
        "activity": _activity(history),
        "benchmarks": _benchmarks(history),
        "attribution": {split: _split(history, split) for split in SPLITS},
        "months": _months(curve, history.account.initial_usd),
        "regimes": _regimes(history),
        "decisions": _decisions(history),
        "advice": _advice(history),
        "modes": [step._asdict() for step in history.modes],
    }
    summary["warnings"] = [*warnings_of(history, told), *notes]
    return summary


def without_moves(history: History) -> list[tuple[int, float]]:
    """The equity curve as it would be without deposits and withdrawals."""
    return grown(history.curve, history.moves, history.account.initial_usd)


def trade_document(trade: FinishedTrade) -> Document:
    """A finished trade as a flat record."""
    return {
        "trade_id": trade.trade_id,
        "entry_ts": trade.entry_ts,
        "exit_ts": trade.exit_ts,
        "strategy": trade.strategy.label,
        "regime": trade.regime.label,
        "source": trade.source.value,
        "direction": trade.direction.label,
        "exit": trade.reason.label,
        "size_base": trade.size_base,
        "entry_usd": trade.entry_usd,
        "exit_usd": trade.exit_usd,
        "notional_usd": trade.notional_usd,
        "net_usd": trade.net_usd,
        "return_frac": trade.return_frac,
        **parts_document(trade.pnl),
        "worst_frac": None if trade.worst_frac != trade.worst_frac else trade.worst_frac,
        "best_frac": None if trade.best_frac != trade.best_frac else trade.best_frac,
        "equity_usd": trade.equity_usd,
    }


def plain(figures: dict[str, Any]) -> Document:
    """Figures by name as values, and under ``undefined`` the reasons of those that have none."""
    values: Document = {}
    reasons: dict[str, str] = {}
    for name, value in figures.items():
        match value:
            case Figure():
                values[name] = value.value
                if value.value is None:
                    reasons[name] = value.reason
            case PnlParts():
                values |= parts_document(value)
            case Drawdown():
                values["drawdown"] = value._asdict()
            case _:
                values[name] = value
    return values | {"undefined": reasons}


def parts_document(parts: PnlParts) -> Document:
    """PnL parts by name: costs positive, funding positive when received."""
    return {
        "price_pnl_usd": parts.price_usd,
        "slippage_usd": parts.slippage_usd,
        "fees_usd": parts.fees_usd,
        "funding_usd": parts.funding_usd,
    }


def performance_document(told: Performance) -> Document:
    """The figures of a curve by name."""
    return plain(told._asdict())


def _period(history: History) -> Document:
    return {
        "symbol": history.instrument.symbol,
        "frame_minutes": history.feed.frame_ms / MS_PER_MINUTE,
        "begins_ts": history.begins_ts,
        "ends_ts": history.ends_ts,
        "days": (history.ends_ts - history.begins_ts) / MS_PER_DAY,
        "candles": len(history.candles.open_ts),
        "decisions": len(history.marks.ts),
        "starts": history.starts,
    }


def _pnl(history: History) -> Document:
    """The result in its parts. `residual_usd` is equity's change less paid in money less the parts: rounding
    of floats and nothing else."""
    account, total = history.account, history.total
    end_usd = account.equity_usd(history.price_usd)
    change_usd = end_usd - account.initial_usd - account.moved_usd
    return {
        "equity_start_usd": account.initial_usd,
        "equity_end_usd": end_usd,
        "paid_in_usd": account.moved_usd,
        "net_usd": total.net_usd,
        **parts_document(total),
        "residual_usd": change_usd - total.net_usd,
        "position_base": account.position_base,
        "open_net_usd": history.open_parts.net_usd,
    }


def _activity(history: History) -> Document:
    since_ts = history.open_trade.entry_ts if history.open_trade is not None else None
    traded_usd = fsum(fill.size_base * fill.price_usd for fill in history.fills)
    turned = turnover(traded_usd, [usd for _, usd in daily_equity(history.curve)])
    days = (history.ends_ts - history.begins_ts) / MS_PER_DAY
    return plain(
        {
            "exposure_frac": exposure(history.trades, since_ts, history.begins_ts, history.ends_ts),
            "turnover_x": turned,
            "turnover_x_year": Figure(turned.value * 365.0 / days) if turned.value and days else turned,
            "traded_usd": traded_usd,
            "fills": len(history.fills),
            "trades_per_day": Figure(len(history.trades) / days) if days else Figure(None, "no time"),
            "liquidations": history.liquidations,
        }
    )


def _benchmarks(history: History) -> Document:
    held = buy_and_hold(history)
    initial_usd = history.account.initial_usd
    return {
        "buy_and_hold": performance_document(performance(held, initial_usd, history.begins_ts)),
        "flat": {"return_frac": 0.0, "drawdown": Drawdown()._asdict()},
    }


def _split(history: History, split: str) -> Document:
    """The result by one attribute of the trades. With what is open, and what was booked beside any trade,
    the groups add up to the whole: `residual_usd` is rounding."""
    key, order = {
        "regime": (lambda trade: trade.regime.label, [regime.label for regime in Regime]),
        "strategy": (lambda trade: trade.strategy.label, [strategy.label for strategy in Strategy]),
        "source": (lambda trade: trade.source.value, [source.value for source in Source]),
        "direction": (lambda trade: trade.direction.label, [way.label for way in Direction]),
        "exit": (lambda trade: trade.reason.label, [reason.label for reason in Reason]),
    }[split]
    groups = {word: trade_figures(trades) for word, trades in grouped(history.trades, key, order).items()}
    whole = added([*(group.parts for group in groups.values()), history.open_parts, history.booked_aside])
    return {
        "groups": {word: plain(group._asdict()) for word, group in groups.items() if group.trades},
        "open": parts_document(history.open_parts) | {"net_usd": history.open_parts.net_usd},
        "aside": parts_document(history.booked_aside) | {"net_usd": history.booked_aside.net_usd},
        "residual_usd": history.total.net_usd - whole.net_usd,
    }


def _months(curve: Curve, initial_usd: float) -> list[Document]:
    """The return of each calendar month (UTC) over the end of the month before; first and last may be parts
    of months."""
    ends: dict[str, float] = {}
    for day_ts, usd in daily_equity(curve):
        ends[datetime.fromtimestamp(day_ts / 1_000, UTC).strftime("%Y-%m")] = usd
    months: list[Document] = []
    before_usd = initial_usd
    for month, usd in ends.items():
        months.append(
            {
                "month": month,
                "return_frac": usd / before_usd - 1.0 if before_usd > 0.0 else None,
                "net_usd": usd - before_usd,
            }
        )
        before_usd = usd
    return months


def _regimes(history: History) -> Document:
    marks = history.marks
    counts = Counter(marks.regime)
    advised = Counter(
        regime for regime, rule in zip(marks.regime, marks.rule_regime, strict=True) if regime != rule
    )
    changes = sum(marks.regime[row] != marks.regime[row - 1] for row in range(1, len(marks.regime)))
    whole = len(marks.regime)
    return {
        "changes": changes,
        "shares": {
            regime.label: {
                "candles": counts[regime],
                "share_frac": counts[regime] / whole if whole else None,
                "by_advice": advised[regime],
            }
            for regime in Regime
        },
    }


def _decisions(history: History) -> Document:
    def by(labels: Sequence[str], table: Sequence[Sequence[int]]) -> Document:
        return {
            label: {verdict.label: row[verdict] for verdict in Verdict}
            for label, row in zip(labels, table, strict=True)
        }

    return {
        "by_regime": by([regime.label for regime in Regime], history.verdicts),
        "by_strategy": by([strategy.label for strategy in Strategy], history.verdicts_by_strategy),
        "refused": dict(_ranked(history.refused)),
        "no_signal": dict(_ranked(history.no_signal)),
        "unfilled": dict(_ranked(Counter(history.unfilled.values()))),
        "skipped_legs": [leg.label for leg in Leg if history.skipped_legs >> leg & 1],
    }


def _advice(history: History) -> Document:
    return {
        "answers": history.advice_taken,
        "used_in_decisions": history.advice_used,
        "missed": dict(_ranked(history.advice_missed)),
        "models": dict(_ranked(history.models)),
    }


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
