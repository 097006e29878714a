"""What people are told of events, notes and commands that a paper run on a tape does not bring about."""

import pytest

from drift_e3.core.commands import CancelOrder, Command, Stop
from drift_e3.core.events import (
    CandleClosed,
    Event,
    FlattenRequested,
    HaltRequested,
    OrderCancelled,
    OrderRejected,
    ResumeRequested,
)
from drift_e3.core.notes import DataStale, Note, OrderRefused
from drift_e3.core.terms import UNKNOWN, Intent, OrderKind, Reason, Side, Strategy
from drift_e3.core.turn import Outcome
from drift_e3.lab.backtest import backtest
from drift_e3.live.story import Line, story
from drift_e3.log_events import LOG_EVENTS
from tests.live.markets import settings, tape_market

CANDLE = CandleClosed(seen_ts=1, open_ts=0, open=1.0, high=1.0, low=1.0, close=1.0, volume=1.0)
INTENT = Intent(
    side=Side.SELL,
    kind=OrderKind.IOC,
    size_base=1.5,
    price_usd=99.0,
    reference_usd=100.0,
    reason=Reason.FLATTEN,
    strategy=Strategy.E3,
    reduce_only=True,
)


def lines(event: Event, *said: Note | Command) -> list[Line]:
    chosen = settings()
    state = backtest(tape_market(chosen, count=2), chosen.trading(), 1_000.0).state
    commands = tuple(one for one in said if isinstance(one, Command))
    notes = tuple(one for one in said if not isinstance(one, Command))
    return list(story(event, Outcome(commands, notes), state))


@pytest.mark.parametrize(
    ("event", "said", "line"),
    [
        (
            OrderRejected(seen_ts=1, order_id="a", reason="margin"),
            (),
            ("warning", "order.rejected", {"order_id": "a", "reason": "margin"}),
        ),
        (
            OrderCancelled(seen_ts=1, order_id="a", reason="limit_price"),
            (),
            ("info", "order.cancelled", {"order_id": "a", "reason": "limit_price"}),
        ),
        (
            OrderCancelled(seen_ts=1, order_id="a", reason="requested"),
            (),
            ("debug", "order.cancelled", {"order_id": "a", "reason": "requested"}),
        ),
        (
            HaltRequested(seen_ts=1, by="ops"),
            (),
            ("warning", "operator.asked", {"request": "halt", "by": "ops"}),
        ),
        (
            ResumeRequested(seen_ts=1, by="ops"),
            (),
            ("warning", "operator.asked", {"request": "resume", "by": "ops"}),
        ),
        (
            FlattenRequested(seen_ts=1, by="ops"),
            (),
            ("warning", "operator.asked", {"request": "flatten", "by": "ops"}),
        ),
        (
            CANDLE,
            (OrderRefused(intent=INTENT, code="nothing_to_reduce"),),
            (
                "warning",
                "order.refused",
                {"reason": "flatten", "refused": "nothing_to_reduce", "size_base": 1.5},
            ),
        ),
        (
            CANDLE,
            (DataStale(what="oracle_stale", age_s=12.0, limit_s=10.0, stale=True),),
            ("warning", "market.stalled", {"channel": "oracle_stale", "age_s": 12.0, "limit_s": 10.0}),
        ),
        (
            CANDLE,
            (DataStale(what="oracle_stale", age_s=1.0, limit_s=10.0, stale=False),),
            ("info", "market.recovered", {"channel": "oracle_stale", "age_s": 1.0, "limit_s": 10.0}),
        ),
    ],
)
def test_it_tells(event: Event, said: tuple[Note, ...], line: tuple[str, str, dict[str, object]]) -> None:
    (told,) = lines(event, *said)
    assert told == Line(*line)
    assert set(told.fields) <= set(LOG_EVENTS[told.name].fields)


def test_cancels_and_the_stop_itself_are_told_by_what_follows_them() -> None:
    assert lines(CANDLE, CancelOrder(order_id="a"), Stop(halted=False, reason="stop_asked")) == []


def test_what_has_not_come_yet_is_told_without_a_warning() -> None:
    (told,) = lines(CANDLE, DataStale(what="book_stale", age_s=UNKNOWN, limit_s=90.0, stale=True))
    assert (told.level, told.name) == ("info", "market.stalled")
