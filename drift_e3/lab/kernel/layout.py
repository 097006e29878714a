"""Where the compiled loop keeps things: one record for each object of the core and of the simulated venue.

Records made of the core's named tuples have their field names, so that rules written for these read the
records as they stand. All that a run remembers is one record with others in it, because a record is handed
from function to function as an address and nothing more. Nothing here computes anything.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from drift_e3.core.features import Features
from drift_e3.core.modes import TRANSITIONS as MODE_TRANSITIONS
from drift_e3.core.modes import Trigger
from drift_e3.core.orders import TRANSITIONS as ORDER_TRANSITIONS
from drift_e3.core.orders import OrderFact, OrderState
from drift_e3.core.params import Limits, Params
from drift_e3.core.regime import new_regime_state
from drift_e3.core.terms import Instrument, Mode, Regime, Verdict
from drift_e3.venues.sim.prices import LIQUIDITY_CELLS
from drift_e3.venues.sim.settings import SimSettings
from drift_e3.venues.sim.venue import IN_FLIGHT_MAX, OPEN_ORDERS_MAX

Row = Any
"""One record; numba and numpy both read its fields as attributes."""
Table = npt.NDArray[np.void]
"""Rows of records."""
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Fields = Sequence[tuple[Any, ...]]

WORD: Final = 8
NOWHERE: Final = -1
"""In place of a transition that is not allowed."""


def record(fields: Fields) -> np.dtype[Any]:
    """A record whose fields are attributes also where nothing is compiled, each at a multiple of a word."""
    names: list[str] = []
    formats: list[Any] = []
    offsets: list[int] = []
    end = 0
    for name, *form in fields:
        one = np.dtype((form[0], *form[1:]) if len(form) > 1 else form[0])
        names.append(name)
        formats.append(one)
        offsets.append(end)
        end += -(-one.itemsize // WORD) * WORD
    spaced = np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": end})
    return np.dtype((np.record, spaced))


def record_like(values: tuple[Any, ...], names: Sequence[str]) -> np.dtype[Any]:
    """A record for a named tuple of numbers and of tuples of numbers."""
    fields: list[tuple[Any, ...]] = []
    for name, value in zip(names, values, strict=True):
        if isinstance(value, tuple):
            fields.append((name, np.float64 if isinstance(value[0], float) else np.int64, (len(value),)))
        elif isinstance(value, bool):
            fields.append((name, np.bool_))
        else:
            fields.append((name, np.int64 if isinstance(value, int) else np.float64))
    return record(fields)


def table(rows: int | tuple[int, ...], dtype: np.dtype[Any]) -> Table:
    """A table of zeros; what is never written to takes no memory."""
    return np.zeros(rows, dtype)


# -- what a run goes by --------------------------------------------------------------------------------------

INSTRUMENT_FIELDS: Final = tuple(name for name in Instrument._fields if name != "symbol")
PARAMS: Final = record_like(Params(), Params._fields)
LIMITS: Final = record_like(Limits(), Limits._fields)
INSTRUMENT: Final = record_like(Instrument()[1:], INSTRUMENT_FIELDS)
SIM: Final = record_like(SimSettings(), SimSettings._fields)

RULES: Final = record(
    [
        ("params", PARAMS),
        ("limits", LIMITS),
        ("instrument", INSTRUMENT),
        ("sim", SIM),
        ("needs_premium", np.bool_),
        ("ai_enabled", np.bool_),
        ("ai_deadline_ms", np.int64),
        ("frame_ms", np.int64),
        ("start_ts", np.int64),
        ("begins_ts", np.int64),
    ]
)
"""What a run goes by. `start_ts` is when the trader starts, `begins_ts` when trading does (UTC, ms)."""

# -- the tape ------------------------------------------------------------------------------------------------

BAR: Final = record(
    [
        ("open_ts", np.int64),
        ("open", np.float64),
        ("high", np.float64),
        ("low", np.float64),
        ("close", np.float64),
        ("funding_from", np.int64),
        ("funding_to", np.int64),
        ("liquidity", np.float64, (LIQUIDITY_CELLS,)),
        *((name, np.float64) for name in Features._fields),
    ]
)
"""A candle with its features as of its close; `liquidity` are the fill model's cells as of its open, and the
funding up to its close is in the rows from `funding_from` on to before `funding_to`."""
FUNDING: Final = record([("ts", np.int64), ("rate_frac_1h", np.float64), ("hours", np.float64)])

# -- what a run remembers ------------------------------------------------------------------------------------

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
