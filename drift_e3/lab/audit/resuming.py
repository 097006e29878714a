"""Where an audit begins when retention has deleted the journal's beginning: at the snapshot that is left.

What was before is the trader's word, there is no other; from there on the books are the audit's own.
"""

from drift_e3.core.account import Ledger
from drift_e3.core.breakers import UNTIL_RESUMED_TS
from drift_e3.core.modes import Trigger
from drift_e3.core.orders import OrderState
from drift_e3.core.state import TraderState
from drift_e3.core.terms import STOPPING
from drift_e3.journal.beginning import oldest_state, started
from drift_e3.journal.reader import JournalReader
from drift_e3.lab.audit.books import Books, Sums, begin
from drift_e3.lab.audit.latches import Losses, Pace, People
from drift_e3.lab.audit.orders import OpenOrder
from drift_e3.lab.audit.scene import Scene


def first_scene(reader: JournalReader) -> Scene:
    """How things stand before the first event that is kept. Raises `JournalUnreadable` where nobody knows."""
    state = oldest_state(reader)
    return Scene(begin(started(reader))) if state is None else scene_of(state)


def scene_of(state: TraderState) -> Scene:
    """How things stand by the trader's memory."""
    breakers, mode, trade = state.breakers, state.mode, state.trade
    asked = breakers.pause_cause is Trigger.REDUCE_ASKED and breakers.paused_until_ts == UNTIL_RESUMED_TS
    ruined = mode.halted and mode.halt_cause is not Trigger.HALT_ASKED
    scene = Scene(
        _books(state),
        losses=Losses(
            day=breakers.day,
            day_open_usd=breakers.day_open_usd,
            high_water_usd=breakers.high_water_usd,
            streak=breakers.loss_streak,
            halted=ruined,
            paused_until_ts=0 if asked else breakers.paused_until_ts,
            why="a loss before the journal's beginning",
        ),
        people=People(
            halt=mode.halted and not ruined,
            reduce=asked,
            stop=mode.mode is STOPPING,
            flatten=state.flatten_asked,
        ),
        mode=mode.mode,
        regime=state.regime,
        exit_after_ts=0 if trade is None else trade.exit_after_ts,
        arm_after_ts=0 if trade is None else trade.arm_after_ts,
        unprotected_since_ts=state.unprotected_since_ts,
    )
    scene.pace = Pace()
    for ts in breakers.entry_ts:
        scene.pace.enter(ts)
    for order in state.orders.by_id.values():
        scene.ids.is_new(order.order_id)
        scene.orders.by_id[order.order_id] = OpenOrder(
            order.order_id,
            order.intent,
            filled_base=order.filled_base,
            accepted=order.state is not OrderState.SENT,
            cancel_asked=order.state is OrderState.CANCELLING,
        )
    return scene


def _books(state: TraderState) -> Books:
    account, market = state.account, state.market
    return Books(
        limits=state.settings.limits,
        instrument=state.instrument,
        feed=state.feed,
        initial_usd=account.initial_usd,
        moved_usd=account.moved_usd,
        position_base=account.position_base,
        price_usd=market.price_usd,
        candle_seen_ts=market.candle_seen_ts,
        oracle_publish_ts=market.oracle_publish_ts,
        book_seen_ts=market.book_seen_ts,
        last_exit_ts=state.breakers.last_exit_ts,
        barred=state.barred,
        total=_sums(account.total),
        trade=_sums(account.trade),
    )


def _sums(ledger: Ledger) -> Sums:
    return Sums(
        cash_usd=ledger.reference_cash_usd - ledger.slippage_usd,
        slippage_usd=ledger.slippage_usd,
        fees_usd=ledger.fees_usd,
        funding_usd=ledger.funding_usd,
    )
