"""What a reader must know before believing the figures: one plain sentence each.

Pure; the sentences are for people and steer nothing.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from drift_e3.core.strategies import Leg
from drift_e3.core.terms import MS_PER_DAY
from drift_e3.lab.history import History
from drift_e3.lab.metrics import Performance

FEW_TRADES = 30
SHORT_DAYS = 365.0


def warnings_of(history: History, told: Performance) -> Iterator[str]:
    """The sentences in the order of their weight."""
    yield from _halts(history)
    if history.liquidations:
        yield f"The account was liquidated {_times(history.liquidations)}."
    days = (history.ends_ts - history.begins_ts) / MS_PER_DAY
    if 0.0 < days < SHORT_DAYS:
        yield (
            f"The period has {days:.0f} days: figures by the year (CAGR, Sharpe, Sortino, Calmar) are "
            "extrapolated from less than one."
        )
    if len(history.trades) < FEW_TRADES:
        yield f"{len(history.trades)} finished trades are too few for figures by group to mean much."
    if history.open_trade is not None:
        yield (
            f"A position of {history.account.position_base:g} was still open at the end, "
            f"{history.open_parts.net_usd:+.2f} USD at the last price; it is in the equity and in no trade."
        )
    legs = [leg.label.replace("_", " ") for leg in Leg if history.skipped_legs >> leg & 1]
    if legs:
        yield f"Filters without data were skipped: {', '.join(legs)}. Live they may refuse entries made here."
    missed = history.advice_missed.total()
    asked = missed + history.advice_taken
    if asked and missed == asked and history.settings.ai_enabled:
        yield f"None of {asked} questions to the advisor was answered: this is the rules alone."
    elif missed > 0.2 * asked and history.settings.ai_enabled:
        yield f"{missed} of {asked} questions to the advisor were not answered in time or not understood."
    if told.days and told.drawdown.frac >= 1.0:
        yield "All equity was lost on the way."


def _halts(history: History) -> Iterator[str]:
    """Trading that a limit ended: the curve is flat from there, and its figures are those of a stop."""
    for step in history.modes:
        if step.after != "halted":
            continue
        when = datetime.fromtimestamp(step.ts / 1_000, UTC)
        whole = max(history.ends_ts - history.begins_ts, 1)
        share = (step.ts - history.begins_ts) / whole
        yield (
            f"Trading was halted on {when:%Y-%m-%d %H:%M} UTC ({step.cause.replace('_', ' ')}), "
            f"after {share:.0%} of the period."
        )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
