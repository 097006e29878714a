"""Journals with one thing wrong in each, and the rule that finds it."""

from collections.abc import Sequence
from dataclasses import replace

from drift_e3.core.commands import SubmitOrder
from drift_e3.core.events import (
    CandleClosed,
    EntriesBarred,
    Fill,
    FlattenRequested,
    FundingPaid,
    HaltRequested,
    OracleTick,
    ReduceRequested,
    Started,
)
from drift_e3.core.modes import Trigger
from drift_e3.core.notes import DecisionMade, ModeChanged, PositionClosed, PositionOpened, RegimeChanged
from drift_e3.core.terms import REDUCING, TRADING, Liquidity, Reason, Regime, Side
from drift_e3.journal.codec import Message
from drift_e3.lab.audit.findings import Rule
from tests.lab.audit.journals import (
    Fault,
    Told,
    change,
    entry_at,
    find,
    plant,
    sends,
    silence,
    under,
    with_intent,
)


def entry_of(story: Told, place: int) -> SubmitOrder:
    [entry] = sends(story[place][1], entry=True)
    return entry


def reason_of(order: SubmitOrder) -> Reason:
    return order.approved.intent.reason


def decision_at(story: Told, place: int) -> DecisionMade:
    [made] = [output for output in story[place][1] if isinstance(output, DecisionMade)]
    return made


def in_position(story: Told, nth: int = 0) -> int:
    """The nth event at which a position was opened."""
    return find(story, lambda _, outputs: any(isinstance(one, PositionOpened) for one in outputs), nth)


def on_a_cap_that_had_fallen(story: Told) -> Told:
    place = entry_at(story, 2)
    at = find(story, lambda _, outputs: any(isinstance(one, RegimeChanged) for one in outputs))
    [changed] = [one for one in story[at][1] if isinstance(one, RegimeChanged)]
    event, outputs = story[place - 1]
    story[place - 1] = event, [*outputs, replace(changed, after=Regime.BEAR_TREND)]
    return story[: place + 1]


def with_a_larger_entry(story: Told) -> Told:
    place = entry_at(story)
    entry, made = entry_of(story, place), decision_at(story, place)
    size_base = entry.approved.intent.size_base * 3.0
    change(story, place, entry, with_intent(entry, size_base=size_base))
    change(story, place, made, DecisionMade(decision=made.decision._replace(size_base=size_base)))
    return story[: place + 1]


def at_another_price(story: Told) -> Told:
    place = entry_at(story)
    entry = entry_of(story, place)
    reference_usd = entry.approved.intent.reference_usd * 1.01
    change(story, place, entry, with_intent(entry, reference_usd=reference_usd))
    return story


def without_a_reduction(story: Told) -> Told:
    def reduces(outputs: Sequence[Message]) -> list[SubmitOrder]:
        return [one for one in sends(outputs, entry=False) if reason_of(one) is Reason.REDUCE]

    place = find(story, lambda _, outputs: reduces(outputs))
    change(story, place, reduces(story[place][1])[0], None)
    return story[: place + 2]


def without_a_stop(story: Told) -> Told:
    place = in_position(story)
    stops = [one for one in sends(story[place][1], entry=False) if reason_of(one) is Reason.STOP]
    change(story, place, stops[0], None)
    return story[: place + 1]


def with_a_stop_for_half(story: Told) -> Told:
    place = in_position(story)
    [stop] = [one for one in sends(story[place][1], entry=False) if reason_of(one) is Reason.STOP]
    half = with_intent(stop, size_base=stop.approved.intent.size_base / 2.0)
    change(story, place, stop, half)
    return story[: place + 2]


def stays_unprotected(story: Told) -> Told:
    def leaves(outputs: Sequence[Message]) -> list[SubmitOrder]:
        return [one for one in sends(outputs, entry=False) if reason_of(one) is Reason.UNPROTECTED]

    place = find(story, lambda _, outputs: leaves(outputs))
    change(story, place, leaves(story[place][1])[0], None)
    return story[: place + 2]


def live(story: Told, **limits: object) -> Told:
    """The journal as if its market had been a live one, whose ages count."""
    start = story[0][0]
    assert isinstance(start, Started)
    story[0] = replace(start, feed=replace(start.feed, live=True)), story[0][1]
    return under(story, **limits)


def on_a_late_candle(story: Told) -> Told:
    place = entry_at(live(story))
    event, outputs = story[place]
    assert isinstance(event, CandleClosed)
    story[place] = replace(event, seen_ts=event.seen_ts + 91_000), outputs
    return story


def on_a_silent_oracle(story: Told) -> Told:
    place = entry_at(live(story, oracle_age_max_s=10.0))
    ticks = [at for at in range(place) if isinstance(story[at][0], OracleTick)]
    silence(story, ticks[-1])
    return story[: place + 1]


def barred(story: Told) -> Told:
    place = entry_at(story)
    plant(story, place, EntriesBarred(seen_ts=story[place][0].seen_ts, reasons=("fills are paused",)))
    return story[: place + 3]


def after_a_daily_loss(story: Told) -> Told:
    """The trader did not say, and did not heed, that it had lost too much on that day."""

    def pauses(outputs: Sequence[Message]) -> list[ModeChanged]:
        return [one for one in outputs if isinstance(one, ModeChanged) and one.cause is Trigger.DAILY_LOSS]

    place = find(story, lambda _, outputs: pauses(outputs))
    change(story, place, pauses(story[place][1])[0], None)
    return story[: place + 3]


def beyond_a_drawdown(story: Told) -> Told:
    return under(story, drawdown_max=0.01)


def too_often(story: Told) -> Told:
    return under(story, trades_per_day_max=1)


def too_soon(story: Told) -> Told:
    return under(story, cooldown_minutes=100_000.0)


def after(request: HaltRequested | ReduceRequested) -> Fault:
    """An entry after a person's word; nothing else."""

    def fault(story: Told) -> Told:
        place = entry_at(story)
        plant(story, place, replace(request, seen_ts=story[place][0].seen_ts))
        return story[: place + 3]

    return fault


def while_reducing(story: Told) -> Told:
    place = entry_at(story)
    made = decision_at(story, place).decision
    mode = ModeChanged(
        before=TRADING, after=REDUCING, cause=Trigger.LOSS_STREAK, equity_usd=made.equity_usd, until_ts=0
    )
    event, outputs = story[place - 1]
    story[place - 1] = event, [*outputs, mode]
    return story[: place + 1]


def stays_after_a_flatten(story: Told) -> Told:
    place = in_position(story) + 1
    plant(story, place, FlattenRequested(seen_ts=story[place][0].seen_ts, by="somebody"))
    return story[: place + 2]


def sent_twice(story: Told) -> Told:
    place = entry_at(story)
    story[place][1].append(entry_of(story, place))
    return story


def sent_again_later(story: Told) -> Told:
    first, place = entry_of(story, entry_at(story)), entry_at(story, 1)
    made = decision_at(story, place)
    old, decision = entry_of(story, place), made.decision._replace(order_id=first.order_id)
    change(story, place, old, replace(old, order_id=first.order_id))
    change(story, place, made, DecisionMade(decision=decision))
    return story[: place + 1]


def without_its_decision(story: Told) -> Told:
    place = entry_at(story)
    change(story, place, decision_at(story, place), None)
    return story


def filled_without_an_order(story: Told) -> Told:
    place = entry_at(story)
    change(story, place, entry_of(story, place), None)
    return story


def with_a_larger_target(story: Told) -> Told:
    place = in_position(story)
    target = sends(story[place][1], entry=False)[-1]
    assert reason_of(target) is Reason.TAKE_PROFIT
    change(story, place, target, with_intent(target, size_base=target.approved.intent.size_base + 1.0))
    return story[: place + 2]


def grown_by_a_stranger(story: Told) -> Told:
    place = in_position(story)
    fill = story[place][0]
    assert isinstance(fill, Fill)
    foreign = replace(fill, order_id="theirs", fill_id="theirs", reason=Reason.FOREIGN, size_base=1.0)
    plant(story, place + 1, foreign)
    return story[: place + 2]


def turned(story: Told) -> Told:
    place = in_position(story)
    fill = story[place][0]
    assert isinstance(fill, Fill)
    liquidated = Fill(
        seen_ts=fill.seen_ts,
        fill_id="theirs",
        order_id="theirs",
        side=Side(-fill.side),
        size_base=fill.size_base + 1.0,
        price_usd=fill.price_usd,
        reference_usd=fill.price_usd,
        fee_usd=0.0,
        liquidity=Liquidity.TAKER,
        reason=Reason.LIQUIDATION,
    )
    plant(story, place + 1, liquidated)
    return story[: place + 2]


def told_otherwise(story: Told) -> Told:
    def held(outputs: Sequence[Message]) -> list[DecisionMade]:
        return [one for one in outputs if isinstance(one, DecisionMade) and one.decision.position_base]

    place = find(story, lambda _, outputs: held(outputs))
    [made] = held(story[place][1])
    half_base = made.decision.position_base / 2.0
    change(story, place, made, DecisionMade(decision=made.decision._replace(position_base=half_base)))
    return story


def without_a_fill(reason: Reason) -> Fault:
    """A fill's row is missing; what it led to is there."""

    def fault(story: Told) -> Told:
        silence(story, find(story, lambda event, _: isinstance(event, Fill) and event.reason is reason))
        return story

    return fault


def with_another_fee(story: Told) -> Told:
    place = in_position(story)
    fill = story[place][0]
    assert isinstance(fill, Fill)
    story[place] = replace(fill, fee_usd=fill.fee_usd + 0.001), story[place][1]
    return story


def without_its_funding(story: Told) -> Told:
    silence(story, find(story, lambda event, _: isinstance(event, FundingPaid)))
    return story


def with_another_result(story: Told) -> Told:
    place = find(story, lambda _, outputs: any(isinstance(one, PositionClosed) for one in outputs))
    [closed] = [one for one in story[place][1] if isinstance(one, PositionClosed)]
    pnl = replace(closed.pnl, slippage_usd=closed.pnl.slippage_usd + 0.01)
    change(story, place, closed, replace(closed, pnl=pnl))
    return story


FAULTS: list[tuple[Rule, str, Fault]] = [
    (Rule.LEVERAGE, "bound", on_a_cap_that_had_fallen),
    (Rule.LEVERAGE, "plain", with_a_larger_entry),
    (Rule.LEVERAGE, "plain", at_another_price),
    (Rule.LEVERAGE, "bound", without_a_reduction),
    (Rule.STOP, "plain", without_a_stop),
    (Rule.STOP, "plain", with_a_stop_for_half),
    (Rule.STOP, "ticks", stays_unprotected),
    (Rule.STALE_DATA, "plain", on_a_late_candle),
    (Rule.STALE_DATA, "ticks", on_a_silent_oracle),
    (Rule.BARRED, "plain", barred),
    (Rule.LOSSES, "unlucky", after_a_daily_loss),
    (Rule.LOSSES, "plain", beyond_a_drawdown),
    (Rule.PACE, "plain", too_often),
    (Rule.PACE, "plain", too_soon),
    (Rule.MODES, "plain", after(HaltRequested(seen_ts=0, by="somebody"))),
    (Rule.MODES, "plain", after(ReduceRequested(seen_ts=0, by="somebody"))),
    (Rule.MODES, "plain", while_reducing),
    (Rule.MODES, "plain", stays_after_a_flatten),
    (Rule.ONE_ORDER, "plain", sent_twice),
    (Rule.ONE_ORDER, "plain", sent_again_later),
    (Rule.ONE_ORDER, "plain", without_its_decision),
    (Rule.ONE_ORDER, "plain", filled_without_an_order),
    (Rule.REDUCE_ONLY, "plain", with_a_larger_target),
    (Rule.REDUCE_ONLY, "plain", grown_by_a_stranger),
    (Rule.REDUCE_ONLY, "plain", turned),
    (Rule.POSITION, "plain", told_otherwise),
    (Rule.POSITION, "plain", without_a_fill(Reason.ENTRY)),
    (Rule.POSITION, "plain", without_a_fill(Reason.STOP)),
    (Rule.EQUITY, "plain", with_another_fee),
    (Rule.EQUITY, "plain", without_its_funding),
    (Rule.EQUITY, "plain", with_another_result),
]
