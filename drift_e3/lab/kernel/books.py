"""All that a run remembers, as one record: trader and venue, orders, and what is to be kept.

What the fields mean is said where they are in the core and in `venues.sim`, whose names they have.
"""

from typing import Any, Final

import numpy as np

from drift_e3.core.modes import TRANSITIONS as MODE_TRANSITIONS
from drift_e3.core.modes import Trigger
from drift_e3.core.orders import TRANSITIONS as ORDER_TRANSITIONS
from drift_e3.core.orders import OrderFact, OrderState
from drift_e3.core.regime import new_regime_state
from drift_e3.core.terms import Mode, Regime, Verdict
from drift_e3.lab.kernel.layout import BAR, Integers, record
from drift_e3.venues.sim.prices import LIQUIDITY_CELLS
from drift_e3.venues.sim.venue import IN_FLIGHT_MAX, OPEN_ORDERS_MAX

NOWHERE: Final = -1
"""In place of a transition that is not allowed."""
FAULT_IN_FLIGHT: Final = 1
"""More commands on their way than a venue takes: `SimVenue` raises."""
FAULT_ORDERS: Final = 2
"""More open orders than there is room for."""
FAULT_TRANSITION: Final = 3
"""A fact about an order that cannot be true: the trader raises `IllegalTransition`."""
FAULT_EVENTS: Final = 4
"""More happens in one candle than there is room for."""

ANSWER: Final = record(
    [
        ("row", np.int64),
        ("ts", np.int64),
        ("latency_ms", np.int64),
        ("is_failure", np.bool_),
        ("missed", np.int64),
        ("regime", np.int64),
        ("direction", np.int64),
        ("confidence", np.float64),
        ("multiplier", np.float64),
    ]
)
"""An answer to the question about the candle of `row`, heard at `ts`: advice, or with `missed` above zero a
word for why there is none. `is_failure`: nobody has answered at all."""
ANSWERS_MAX: Final = 256
"""Answers on their way at a time: more have been asked for than a candle's frame leaves room for."""

ORDER: Final = record(
    [
        # What the intent says; `decided_ts` and `number` make the id.
        ("serial", np.int64),
        ("decided_ts", np.int64),
        ("number", np.int64),
        ("side", np.int64),
        ("kind", np.int64),
        ("size_base", np.float64),
        ("price_usd", np.float64),
        ("reference_usd", np.float64),
        ("reason", np.int64),
        ("reduce_only", np.bool_),
        ("triggers_above", np.bool_),
        # On its way to the venue; a cancel has but these and the serial.
        ("is_cancel", np.bool_),
        ("submitted_ts", np.int64),
        ("active_ts", np.int64),
        # In the trader's books: `OrderState`. `filled_base` is the venue's as well.
        ("state", np.int64),
        ("filled_base", np.float64),
        # At the venue: size and price as rounded.
        ("open_base", np.float64),
        ("open_usd", np.float64),
        ("is_reached", np.bool_),
    ]
)
"""An order, wherever it stands: among the trader's, on its way, or at the venue."""


ORDERS_MAX: Final = IN_FLIGHT_MAX + 2 * OPEN_ORDERS_MAX
"""Open orders of the trader: on their way, at the venue, or told of in the events that he is hearing."""
EVENTS_MAX: Final = 2 * IN_FLIGHT_MAX + OPEN_ORDERS_MAX
"""What the venue may have to say of one step."""
FILLS_MAX: Final = 2 * OPEN_ORDERS_MAX
"""Fills within one candle."""

EVENT: Final = record(
    [
        ("kind", np.int64),
        ("ts", np.int64),
        ("serial", np.int64),
        ("decided_ts", np.int64),
        ("number", np.int64),
        ("order_reason", np.int64),
        ("side", np.int64),
        ("size_base", np.float64),
        ("price_usd", np.float64),
        ("reference_usd", np.float64),
        ("fee_usd", np.float64),
        ("reason", np.int64),
    ]
)
"""An event of the venue. Of a fill all fields count; of a funding payment `fee_usd` is what was paid."""
ACCEPTED, REJECTED, CANCELLED, FILLED, FUNDED = range(5)
"""Kinds of the venue's events."""
CANDLE, PUBLISHED, ADVISED, ENDED = range(5, 9)
"""What else the trader hears: a closed candle, published funding, the advisor, the market's end."""

TRADE: Final = record(
    [
        ("entry_ts", np.int64),
        ("opened_ts", np.int64),
        ("exit_ts", np.int64),
        ("strategy", np.int64),
        ("regime", np.int64),
        ("direction", np.int64),
        ("reason", np.int64),
        ("price_usd", np.float64),
        ("slippage_usd", np.float64),
        ("fees_usd", np.float64),
        ("funding_usd", np.float64),
        ("net_usd", np.float64),
        ("equity_usd", np.float64),
    ]
)
"""A finished trade: `entry_ts` is the decision's candle close, the parts are those of `PnlParts`."""

DECISION: Final = record(
    [
        ("row", np.int64),
        ("price_usd", np.float64),
        ("rule_regime", np.int64),
        ("rule_confidence", np.float64),
        ("regime", np.int64),
        ("strategy", np.int64),
        ("direction", np.int64),
        ("signal_confidence", np.float64),
        ("confidence", np.float64),
        ("skipped_legs", np.int64),
        ("failed_leg", np.int64),
        ("advice", np.int64),
        ("advice_age_ms", np.int64),
        ("used_advice", np.bool_),
        ("missed", np.int64),
        ("leverage_x_max", np.float64),
        ("verdict", np.int64),
        ("why", np.int64),
        ("detail", np.int64),
        ("limit", np.float64),
        ("value", np.float64),
        ("size_base", np.float64),
        ("bound", np.int64),
        ("equity_usd", np.float64),
        ("position_base", np.float64),
    ]
)
"""A decision: `row` is its candle, `why` one of the reasons in `entering`, `advice` the row of the candle
whose answer is at hand, -1 for none, `missed` a word for why none counts; `bound` is a `risk.Bound` or -1."""
DECISIONS_MAX: Final = 2
"""Within a candle: on the one that waited for advice, and on its own."""
TRADES_MAX: Final = 4
"""Finished within a candle: the one that was open, and one that advice has opened in it."""
ENTRIES_MAX: Final = 2_048
"""Entries within a day that can be counted."""

LEDGER: Final = ("cash_usd", "slippage_usd", "fees_usd", "funding_usd")

BOOKS: Final = record(
    [
        # The market as the trader sees it.
        ("has_begun", np.bool_),
        ("row", np.int64),
        ("now", np.int64),
        ("price_usd", np.float64),
        ("close_ts", np.int64),
        ("machine", np.float64, (len(new_regime_state()),)),
        ("rule_regime", np.int64),
        ("rule_confidence", np.float64),
        ("rule_regime_changed", np.bool_),
        ("regime", np.int64),
        ("warmed", np.bool_),
        # `Account`, with its ledgers of all time and of this trade.
        ("initial_usd", np.float64),
        ("equity_usd", np.float64),
        ("position_base", np.float64),
        ("entry_usd", np.float64),
        *((f"total_{name}", np.float64) for name in LEDGER),
        *((f"trade_{name}", np.float64) for name in LEDGER),
        # `Breakers`.
        ("day", np.int64),
        ("day_open_usd", np.float64),
        ("high_water_usd", np.float64),
        ("loss_streak", np.int64),
        ("paused_until_ts", np.int64),
        ("pause_cause", np.int64),
        ("last_exit_ts", np.int64),
        ("entry_ts", np.int64, (ENTRIES_MAX,)),
        ("entries", np.int64),
        ("entries_before_hour", np.int64),
        ("entries_before_day", np.int64),
        # `ModeState`.
        ("mode", np.int64),
        ("cause", np.int64),
        ("halted", np.bool_),
        ("halt_cause", np.int64),
        # `Tally`.
        ("decisions", np.int64, (len(Regime), len(Verdict))),
        ("fills", np.int64),
        ("trades", np.int64),
        ("wins", np.int64),
        ("peak_usd", np.float64),
        ("drawdown_frac_max", np.float64),
        ("unprotected_ms", np.int64),
        ("unprotected_ms_max", np.int64),
        ("unprotected_since_ts", np.int64),
        # `Consultation`; the candle that it is about and that waits for it, -1 for none.
        ("question_row", np.int64),
        ("deadline_ts", np.int64),
        ("asked_ts", np.int64),
        ("has_advice", np.bool_),
        ("held", ANSWER),
        ("missed", np.int64),
        ("pending_row", np.int64),
        ("pending", BAR),
        # The entry on its way (serial 0 for none) and the open trade.
        ("serial", np.int64),
        ("entry_serial", np.int64),
        ("entry_strategy", np.int64),
        ("entry_regime", np.int64),
        ("entry_direction", np.int64),
        ("entry_decided_ts", np.int64),
        ("in_trade", np.bool_),
        ("strategy", np.int64),
        ("trade_regime", np.int64),
        ("direction", np.int64),
        ("decided_ts", np.int64),
        ("opened_ts", np.int64),
        ("open_usd", np.float64),
        ("peak_price_usd", np.float64),
        ("stop_usd", np.float64),
        ("trailing_usd", np.float64),
        ("target_usd", np.float64),
        ("orders_sent", np.int64),
        ("stop_serial", np.int64),
        ("target_serial", np.int64),
        ("armed_base", np.float64),
        ("armed_stop_usd", np.float64),
        ("arm_after_ts", np.int64),
        ("exit_after_ts", np.int64),
        # The venue's account and the candle that it plays.
        ("collateral_usd", np.float64),
        ("venue_base", np.float64),
        ("venue_entry_usd", np.float64),
        ("mark_usd", np.float64),
        ("bar_ts", np.int64),
        ("bar_usd", np.float64),
        ("liquidations", np.int64),
        ("liquidity", np.float64, (LIQUIDITY_CELLS,)),
        # Orders among the trader's, at the venue and on their way, what the venue has said, answers to come.
        ("orders", ORDER, (ORDERS_MAX,)),
        ("orders_open", np.int64),
        ("resting", ORDER, (OPEN_ORDERS_MAX + 1,)),
        ("at_venue", np.int64),
        ("flying", ORDER, (IN_FLIGHT_MAX + 1,)),
        ("in_flight", np.int64),
        ("events", EVENT, (EVENTS_MAX,)),
        ("events_told", np.int64),
        ("answers", ANSWER, (ANSWERS_MAX,)),
        ("answers_due", np.int64),
        # What is to be kept of the present candle; decisions have but their equity unless all is kept.
        ("keeps_all", np.bool_),
        ("finished", TRADE, (TRADES_MAX,)),
        ("trades_new", np.int64),
        ("filled", EVENT, (FILLS_MAX,)),
        ("fills_new", np.int64),
        ("made", DECISION, (DECISIONS_MAX,)),
        ("decisions_new", np.int64),
        ("trades_kept", np.int64),
        ("fills_kept", np.int64),
        ("decisions_kept", np.int64),
        ("fault", np.int64),
    ]
)
"""All that trader and venue remember of one run; what follows a name of the core is that object's own."""


def transition_table(
    rows: type[Mode] | type[OrderState],
    columns: type[Trigger] | type[OrderFact],
    transitions: dict[Any, Any],
) -> Integers:
    """A table of transitions by number; `NOWHERE` where there is none."""
    table = np.full((len(rows), len(columns)), NOWHERE, np.int64)
    for (before, fact), after in transitions.items():
        table[before, fact] = after
    return table


MODES: Final = transition_table(Mode, Trigger, MODE_TRANSITIONS)
ORDERS: Final = transition_table(OrderState, OrderFact, ORDER_TRANSITIONS)
