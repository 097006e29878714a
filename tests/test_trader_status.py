"""What people are told of the trader: each number against the state it comes from."""

from dataclasses import replace

import pytest

from drift_e3.core.events import AccountOpened, EntriesBarred, Feed, HaltRequested
from drift_e3.core.params import Limits, Params
from drift_e3.core.skill import Record
from drift_e3.core.terms import REGIMES, WeightMode
from drift_e3.live.control_wire import decode_answer, encode
from drift_e3.operating import Answer
from drift_e3.status import DaemonStatus, Status
from drift_e3.trader_status import Circumstances, status
from tests.core.builders import EQUITY_USD, an_answer, decisions, submitted
from tests.core.stories import Story, a_cold_story, a_story, in_position

DAEMON = DaemonStatus(pid=7, version="0", venue="velocity", speed=None, started_ts=1, uptime_s=2.5)


def told(story: Story, after_ms: int = 0) -> Status:
    """The status some time after the story's last event."""
    decided = [decision for outcome in story.outcomes for decision in decisions(outcome)]
    return status(
        story.state,
        Circumstances(
            seq=len(story.outcomes),
            now_ts=story.now + after_ms,
            event_ts=story.now,
            decision=decided[-1] if decided else None,
        ),
    )


def test_flat_there_is_no_position_and_equity_is_what_it_was() -> None:
    seen = told(a_story())
    assert (seen.mode, seen.halted, seen.halt_cause) == ("trading", False, "")
    assert (seen.position, seen.orders, seen.decision, seen.barred) == (None, (), None, ())
    assert seen.equity_usd == EQUITY_USD
    assert (seen.account, seen.live_feed, seen.daemon) == ("paper", False, None)
    assert seen.limits.daily_loss_frac == seen.limits.drawdown_frac == 0.0
    assert not seen.advisor.enabled


@pytest.mark.parametrize(("close", "side", "sign"), [(100.5, "long", 1.0), (99.5, "short", -1.0)])
def test_a_position_is_told_with_its_stop_its_result_and_its_leverage(
    close: float, side: str, sign: float
) -> None:
    story = in_position(close)
    moved = close + sign * 0.4
    story.tick(moved)
    seen = told(story)
    position, account = seen.position, story.state.account
    assert position is not None
    assert position.side == side
    assert position.size_base == abs(account.position_base)
    assert position.entry_usd == account.entry_usd
    assert position.unrealised_usd == pytest.approx(position.size_base * 0.4)
    assert position.net_usd == pytest.approx(account.equity_usd(moved) - EQUITY_USD)
    assert position.stop_usd == pytest.approx(close * (1.0 - sign * 0.01))
    assert position.stop_distance_frac == pytest.approx(sign * (moved - (position.stop_usd or 0.0)) / moved)
    assert (position.stop_distance_frac or 0.0) > 0.0
    assert seen.equity_usd is not None
    assert position.leverage_x == pytest.approx(position.size_base * moved / seen.equity_usd)
    cap = story.state.settings.limits.leverage_caps[REGIMES[story.state.regime]]
    assert position.leverage_x_max == cap
    assert (position.leverage_x or 99.0) <= position.leverage_x_max
    assert seen.decision is not None
    assert (seen.decision.direction, seen.decision.verdict) == (side, "approved")


def test_open_orders_are_told_as_they_stand() -> None:
    seen = told(in_position())
    assert {order.reason for order in seen.orders} == {"stop", "take_profit"}
    for order in seen.orders:
        assert (order.kind, order.state, order.side, order.reduce_only) == (
            "trigger_market",
            "resting",
            "sell",
            True,
        )
        assert (order.size_base, order.filled_base) == (seen.position and seen.position.size_base, 0.0)


def test_a_stop_that_the_venue_has_not_confirmed_does_not_count_and_its_seconds_do() -> None:
    story = a_story()
    [entry] = submitted(story.rally())
    story.fill(entry.order_id)
    seen = told(story, after_ms=1_500)
    assert seen.position is not None
    assert not seen.position.stop_rests
    assert (seen.unprotected_s, seen.unprotected_s_max, seen.unprotected_s_total) == (1.5, 1.5, 1.5)
    story.beat(2_000)
    story.accept(str(story.state.trade and story.state.trade.stop_order_id))
    seen = told(story, after_ms=60_000)
    assert seen.position is not None
    assert seen.position.stop_rests
    assert (seen.unprotected_s, seen.unprotected_s_max, seen.unprotected_s_total) == (0.0, 2.0, 2.0)


def test_losses_are_told_against_their_limits() -> None:
    story = in_position()
    story.tick(100.1)
    seen = told(story)
    assert seen.equity_usd is not None
    lost = 1.0 - seen.equity_usd / EQUITY_USD
    assert lost > 0.0
    assert seen.limits.daily_loss_frac == pytest.approx(lost)
    assert seen.limits.drawdown_frac == pytest.approx(lost)
    assert seen.limits.drawdown_frac_max == pytest.approx(lost)
    assert (seen.limits.daily_loss_max, seen.limits.drawdown_max) == (0.05, 0.2)


def test_a_pause_is_told_until_it_is_over() -> None:
    story = in_position(limits=Limits(loss_streak_max=1))
    trade = story.state.trade
    assert trade is not None
    story.tick(99.0)
    story.fill(trade.stop_order_id, price_usd=99.0)
    until_ts = story.state.breakers.paused_until_ts
    seen = told(story)
    assert (seen.mode, seen.mode_cause) == ("reducing", "loss_streak")
    assert seen.limits.paused_until_ts == until_ts > 0
    assert told(story, after_ms=until_ts - story.now).limits.paused_until_ts == 0


def test_a_halt_and_what_bars_entries_are_told() -> None:
    story = a_story()
    story.process(EntriesBarred(seen_ts=story.now, reasons=("paused: fill", "oracle_old")))
    story.process(HaltRequested(seen_ts=story.now, by="test"))
    seen = told(story)
    assert (seen.mode, seen.halted, seen.halt_cause) == ("halted", True, "halt_asked")
    assert seen.barred == ("paused: fill", "oracle_old")


def test_feeds_have_an_age_and_a_live_one_its_limit() -> None:
    story = a_story()
    story.tick(100.0)
    [candle, oracle] = told(story, after_ms=3_000).feeds
    assert (candle.name, oracle.name) == ("candle", "oracle")
    assert (oracle.age_s, oracle.limit_s) == (3.0, None)
    live = Feed(frame_ms=60_000, oracle_ticks=True, book=True, live=True)
    story = a_story(feed=live)
    story.tick(100.0)
    feeds = {feed.name: feed for feed in told(story, after_ms=3_000).feeds}
    limits = story.state.settings.limits
    assert (feeds["oracle"].age_s, feeds["oracle"].limit_s) == (3.0, limits.oracle_age_max_s)
    assert (feeds["book"].age_s, feeds["book"].limit_s) == (None, limits.data_age_max_s)
    assert feeds["candle"].limit_s == limits.data_age_max_s + 60.0
    assert told(story).stale == "book_stale"


def test_an_account_on_a_chain_is_live() -> None:
    story = a_story()
    story.process(
        AccountOpened(
            seen_ts=story.now, account="user", equity_usd=5.0, ledger=0, funding=0, fees=0, tokens=5
        )
    )
    seen = told(story)
    assert (seen.account, seen.equity_usd) == ("live", 5.0)


def test_what_the_advisor_has_earned_is_told_where_weight_is_earned() -> None:
    fixed = a_story(ai_enabled=True)
    assert told(fixed).advisor.share_frac is None
    story = a_story(params=Params(ai_weightMode=WeightMode.EARNED), ai_enabled=True)
    assert (told(story).advisor.share_frac, told(story).advisor.counted) == (0.0, 0)
    story.state.skill.records = {"before": Record(), "now": Record(row=1, counted=312)}
    assert (told(story).advisor.share_frac, told(story).advisor.counted) == (0.25, 312)


def test_the_advisors_word_is_told_with_its_age_or_why_there_is_none() -> None:
    story = a_story(ai_enabled=True)
    story.rally()
    asking = told(story).advisor
    assert (asking.enabled, asking.asking, asking.age_s) == (True, True, None)
    story.answer(an_answer().replace('"reasoning": ""', '"reasoning": "up it goes"'))
    held = told(story, after_ms=5_000).advisor
    assert (held.asking, held.age_s) == (False, 5.0)
    assert held.regime
    assert held.direction
    assert held.confidence is not None
    assert held.reasoning == "up it goes"


def test_before_there_is_a_price_it_is_unknown_and_not_a_number_that_is_none() -> None:
    seen = told(a_cold_story(0))
    assert seen.price_usd is None
    assert [feed.age_s for feed in seen.feeds] == [None] * len(seen.feeds)
    assert decode_answer(encode(Answer(status=seen))).status == seen


@pytest.mark.parametrize(
    "story", [a_story(), in_position(), in_position(99.5)], ids=["flat", "long", "short"]
)
def test_it_comes_over_the_wire_as_it_was(story: Story) -> None:
    seen = replace(told(story), daemon=DAEMON, notes=("a note",), written_ts=9)
    answer = Answer(seq=3, flat=True, lifted="halt", ending=True, status=seen)
    assert decode_answer(encode(answer)) == answer


def test_an_equity_that_is_gone_has_no_leverage() -> None:
    story = in_position()
    story.state.account.moved_usd = -10.0 * EQUITY_USD
    position = told(story).position
    assert position is not None
    assert position.leverage_x is None


def test_an_entry_on_its_way_is_an_order_without_a_position() -> None:
    story = a_story()
    story.rally()
    seen = told(story)
    assert seen.position is None
    assert [(order.reason, order.state, order.reduce_only) for order in seen.orders] == [
        ("entry", "sent", False)
    ]
