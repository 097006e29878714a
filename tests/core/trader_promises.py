"""What must hold of the trader after every event, whatever it is told."""

from collections import Counter

from drift_e3.core.commands import AskAdvisor, CancelOrder, Stop, SubmitOrder
from drift_e3.core.events import (
    Event,
    Fill,
    FlattenRequested,
    ResumeRequested,
    SettingsChanged,
    Started,
    StopRequested,
)
from drift_e3.core.orders import OrderState
from drift_e3.core.params import Limits
from drift_e3.core.risk import EXPOSURE_TOLERANCE
from drift_e3.core.terms import Instrument, Mode, OrderKind, Reason, StopPolicy
from drift_e3.core.trader import Trader, tighter_limits
from drift_e3.core.turn import Outcome
from tests.core.builders import (
    EQUITY_USD,
    QUIET_USD,
    START_TS,
    bytes_of,
    decisions,
    immediate,
    submitted,
)
from tests.core.scripted_venue import ScriptedVenue

INSTRUMENT = Instrument(step_base=0.1, min_base=0.1)
STANDING = (OrderState.SENT, OrderState.RESTING)


class Promises:
    """A trader, a twin of it that is restarted from snapshots, and what must hold when both were told."""

    def __init__(self) -> None:
        self.trader, self.twin = Trader(), Trader()
        self.now = START_TS
        self.price = QUIET_USD
        self.sent: set[str] = set()
        self.asked: list[str] = []
        self.venue = ScriptedVenue(step_base=INSTRUMENT.step_base, fee_frac=1e-3)
        self.flattening = False
        self.seen: Counter[str] = Counter()

    def tell(self, event: Event) -> Outcome:
        state = self.trader.state
        before = state.account.position_base
        limits, halted = state.settings.limits, state.mode.halted
        outcome = self.trader.process(event)
        assert bytes_of(outcome) == bytes_of(self.twin.process(event)), "the twin says the same"
        self.check_limits_kept(event, before, limits)
        self.check_modes(event, outcome, halted)
        self.check_orders(outcome)
        self.check_books(event)
        self.check_exposure(outcome)
        self.check_protection()
        return outcome

    def check_limits_kept(self, event: Event, position: float, limits: Limits) -> None:
        now = self.trader.state.settings.limits
        if position != 0.0 and isinstance(event, SettingsChanged | Started):
            assert tighter_limits(limits, now)[0] == now, "no limit is loosened while a position is open"
        elif not isinstance(event, SettingsChanged | Started):
            assert now == limits

    def check_modes(self, event: Event, outcome: Outcome, halted: bool) -> None:
        state = self.trader.state
        mode, breakers, limits = state.mode, state.breakers, state.settings.limits
        equity = state.account.equity_usd(state.market.price_usd)
        if halted and not isinstance(event, ResumeRequested):
            assert mode.halted, "only a person lifts a halt"
        if breakers.drawdown_frac(equity) >= limits.drawdown_max:
            assert mode.halted
        if breakers.daily_loss_frac(equity) >= limits.daily_loss_max or self.now < breakers.paused_until_ts:
            assert mode.mode is not Mode.TRADING
        if mode.halted:
            assert mode.mode in (Mode.HALTED, Mode.STOPPING)
        if isinstance(event, FlattenRequested) or (
            isinstance(event, StopRequested) and event.policy is StopPolicy.FLATTEN
        ):
            self.flattening = True
        entering = [order for order in state.orders.by_id.values() if not order.intent.reduce_only]
        if state.trade is None and not entering:
            self.flattening = False
        if (mode.halted or self.flattening) and not self.exits_pause():
            assert state.orders.closing_base() >= abs(state.account.position_base) - 1e-9
        if mode.mode is not Mode.TRADING:
            assert all(order.state is OrderState.CANCELLING for order in entering)
        if growing(outcome):
            assert mode.mode is Mode.TRADING
            [made] = [decision for decision in decisions(outcome) if decision.order_id]
            assert made.signal_confidence > 0.0, "a strategy's signal stands behind every entry"
        for command in outcome.commands:
            if isinstance(command, Stop):
                self.seen["stops"] += 1
                assert command.halted is mode.halted
                assert (
                    state.trade is None and not state.orders.by_id
                ) or state.stop_policy is StopPolicy.HOLD
        self.seen[mode.mode.label] += 1

    def check_orders(self, outcome: Outcome) -> None:
        state = self.trader.state
        position = state.account.position_base
        for command in outcome.commands:
            match command:
                case SubmitOrder(order_id=order_id, approved=approved):
                    assert order_id not in self.sent, "an order id is used once"
                    self.sent.add(order_id)
                    intent = approved.intent
                    assert intent.size_base >= INSTRUMENT.min_base
                    assert intent.reduce_only or not self.venue.orders, "an entry is alone"
                    assert approved.leverage_x_max == state.settings.limits.leverage_caps[state.regime]
                    if intent.reduce_only:
                        assert intent.side * position < 0.0, "reducing is against the position"
                        assert intent.size_base <= abs(position), "reducing never flips"
                    self.venue.take(command)
                    self.seen[intent.reason.label] += 1
                case CancelOrder(order_id=order_id):
                    assert order_id in state.orders.by_id
                    self.venue.take(command)
                    taken = self.venue.orders[order_id].intent
                    if position != 0.0 and taken.kind is OrderKind.TRIGGER_MARKET:
                        assert any(
                            not order.cancel_asked and order.intent.triggers_above is taken.triggers_above
                            for order in self.venue.orders.values()
                            if order.intent.kind is OrderKind.TRIGGER_MARKET
                        ), "a position is never without"
                case AskAdvisor(question=question):
                    assert question.question_id not in self.asked, "a question id is used once"
                    self.asked.append(question.question_id)
                case Stop():
                    pass
        assert state.orders.by_id.keys() == self.venue.orders.keys()

    def check_books(self, event: Event) -> None:
        account, price = self.trader.state.account, self.trader.state.market.price_usd
        assert account.position_base == self.venue.position_base, "the position is the sum of the fills"
        parts = account.total.parts(account.position_base, price)
        size = sum(map(abs, (parts.price_usd, parts.slippage_usd, parts.fees_usd, parts.funding_usd)))
        change = self.venue.cash_usd + self.venue.position_base * price
        assert abs(parts.net_usd - change) <= 1e-9 * size + 1e-12 * self.venue.turnover_usd
        assert abs(account.equity_usd(price) - EQUITY_USD - change) <= 1e-9 * (size + EQUITY_USD)
        if isinstance(event, Fill):
            self.seen["fills"] += 1

    def check_exposure(self, outcome: Outcome) -> None:
        state = self.trader.state
        price, position = state.market.price_usd, abs(state.account.position_base)
        cap_usd = max(
            state.settings.limits.leverage_caps[state.regime] * state.account.equity_usd(price), 0.0
        )
        leaving = state.orders.closing_base()
        if growing(outcome):
            total = position + sum(
                order.remaining_base for order in state.orders.by_id.values() if not order.intent.reduce_only
            )
            assert total * price <= cap_usd * (1.0 + 1e-12), "open orders counted, within the cap"
        if position * price > cap_usd * EXPOSURE_TOLERANCE:
            self.seen["overexposed"] += 1
        if position * price > cap_usd * EXPOSURE_TOLERANCE and not self.exits_pause():
            assert (position - leaving) * price <= cap_usd + INSTRUMENT.step_base * price * 1e-6
        if immediate(outcome) and leaving > 0.0:
            assert leaving <= position + 1e-9, "what leaves is never more than there is"

    def exits_pause(self) -> bool:
        """Whether the venue has refused an exit a moment ago."""
        trade = self.trader.state.trade
        return trade is not None and self.now < trade.exit_after_ts

    def check_protection(self) -> None:
        state = self.trader.state
        trade, position = state.trade, abs(state.account.position_base)
        resting = [
            order
            for order in state.orders.by_id.values()
            if order.intent.kind is OrderKind.TRIGGER_MARKET and order.state in STANDING
        ]
        assert (trade is not None) is (position > 0.0)
        if trade is None:
            assert resting == [], "what rests is swept when flat"
            return
        if self.now < trade.arm_after_ts:
            return
        standing = {order.order_id for order in resting}
        assert {trade.stop_order_id, trade.target_order_id} <= standing
        for order in resting:
            if order.order_id in {trade.stop_order_id, trade.target_order_id}:
                assert is_near(order.intent.size_base, position)
            else:
                is_target = order.intent.reason is Reason.TAKE_PROFIT
                successor = trade.target_order_id if is_target else trade.stop_order_id
                assert not state.orders.rests(successor), "the old goes when the new one is there"


def is_near(a: float, b: float) -> bool:
    return abs(a - b) < INSTRUMENT.step_base * 1e-6


def growing(outcome: Outcome) -> list[SubmitOrder]:
    return [order for order in submitted(outcome) if not order.approved.intent.reduce_only]
