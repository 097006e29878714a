"""The synthetic market as a feed: what it tells, in which order, and that it always tells the same."""

import hashlib
import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_e3.core.events import BookSeen, CandleClosed, FundingPublished, OracleTick
from drift_e3.core.market import new_market
from drift_e3.core.params import Params
from drift_e3.core.regime import advance_regime, new_regime_state
from drift_e3.core.strategies import Needs, e3_signal
from drift_e3.core.terms import Regime
from drift_e3.ports import DataError
from drift_e3.venues.sim.steps import BarOpened, BarRange, Step
from drift_e3.venues.synthetic import DEFAULT_SEED, DEFAULT_START_TS, SyntheticFeed

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = DEFAULT_START_TS


def take(feed: SyntheticFeed, count: int) -> list[Step]:
    return [feed.advance() for _ in range(count)]


def until(feed: SyntheticFeed, ts: int) -> list[Step]:
    steps: list[Step] = []
    while feed.next_ts() < ts:
        steps.append(feed.advance())
    return steps


def at_start(seed: int = DEFAULT_SEED) -> SyntheticFeed:
    """A feed whose history has been told, the close of its last candle included."""
    feed = SyntheticFeed(seed)
    while not isinstance(step := feed.advance(), CandleClosed) or step.seen_ts < START:
        pass
    return feed


def digest(steps: list[Step]) -> str:
    return hashlib.sha256("\n".join(map(repr, steps)).encode()).hexdigest()


@pytest.fixture(scope="module")
def history() -> list[Step]:
    """All that the default market tells before its start."""
    feed = SyntheticFeed()
    steps = until(feed, START)
    return [*steps, *take(feed, 2)]


@pytest.fixture(scope="module")
def hours() -> list[Step]:
    """The default market's first three hours."""
    feed = at_start()
    steps = until(feed, START + 3 * HOUR)
    return [*steps, *take(feed, 2)]


@pytest.fixture(scope="module")
def start_state() -> bytes:
    return at_start().checkpoint()


def test_the_same_seed_tells_the_same_bytes() -> None:
    assert digest(take(SyntheticFeed(5), 13_000)) == digest(take(SyntheticFeed(5), 13_000))


def test_another_seed_tells_another_market() -> None:
    assert digest(take(SyntheticFeed(5), 300)) != digest(take(SyntheticFeed(6), 300))


def test_another_start_moves_the_same_market() -> None:
    one = take(SyntheticFeed(5), 300)
    other = take(SyntheticFeed(5, START + 7 * HOUR), 300)
    assert [s.seen_ts + 7 * HOUR for s in one if isinstance(s, CandleClosed)] == [
        s.seen_ts for s in other if isinstance(s, CandleClosed)
    ]
    assert [s.close for s in one if isinstance(s, CandleClosed)] == [
        s.close for s in other if isinstance(s, CandleClosed)
    ]


def test_the_market_is_the_one_that_its_version_promises(history: list[Step], hours: list[Step]) -> None:
    """A change of the model changes these and must raise the version, or old checkpoints go on wrongly."""
    assert digest(history)[:16] == "1544260080ba6f95"
    assert digest(hours)[:16] == "e7742c2a9ad2f4ed"


def test_the_history_is_eight_days_of_funding_and_seven_of_candles(history: list[Step]) -> None:
    funding = [step for step in history if isinstance(step, FundingPublished)]
    candles = [step for step in history if isinstance(step, CandleClosed)]
    assert len(funding) + len(candles) == len(history)
    assert all(step.history for step in funding)
    assert all(step.history for step in candles)
    assert [step.publish_ts for step in funding] == [START - 8 * DAY + HOUR * (i + 1) for i in range(192)]
    assert [step.open_ts for step in candles] == [START - 7 * DAY + MINUTE * i for i in range(10_080)]
    assert candles[-1].seen_ts == START


def test_history_goes_over_into_ticks_without_a_jump(history: list[Step], hours: list[Step]) -> None:
    last, first = history[-1], hours[0]
    assert isinstance(last, CandleClosed)
    assert isinstance(first, OracleTick)
    assert first.publish_ts == START
    assert abs(first.price_usd / last.close - 1.0) < 0.002


def test_ticks_come_every_second_books_every_five_candles_every_minute(hours: list[Step]) -> None:
    ticks = [step.publish_ts for step in hours if isinstance(step, OracleTick)]
    books = [step.publish_ts for step in hours if isinstance(step, BookSeen)]
    candles = [step.open_ts for step in hours if isinstance(step, CandleClosed)]
    funding = [step.publish_ts for step in hours if isinstance(step, FundingPublished)]
    assert ticks == list(range(START, START + 3 * HOUR, 1_000))
    assert books == list(range(START, START + 3 * HOUR, 5_000))
    assert candles == list(range(START, START + 3 * HOUR, MINUTE))
    assert funding == [START + HOUR, START + 2 * HOUR, START + 3 * HOUR]
    assert not any(isinstance(step, BarOpened | BarRange) for step in hours)


def test_time_never_runs_back_and_funding_is_known_at_the_close_of_its_hour(hours: list[Step]) -> None:
    feed = at_start()
    times = []
    for step in hours:
        times.append(feed.next_ts())
        assert feed.advance() == step
        assert step.seen_ts == times[-1]  # type: ignore[union-attr]
    assert times == sorted(times)
    for step, following in pairwise(hours):
        if isinstance(step, FundingPublished):
            assert isinstance(following, CandleClosed)
            assert following.seen_ts == step.publish_ts


def test_candles_are_exactly_what_their_ticks_did(hours: list[Step]) -> None:
    prices: list[float] = []
    for step in hours:
        if isinstance(step, OracleTick):
            prices.append(step.price_usd)
        if isinstance(step, CandleClosed):
            assert (step.open, step.high, step.low, step.close) == (
                prices[0],
                max(prices),
                min(prices),
                prices[-1],
            )
            assert len(prices) == 60
            assert not step.history
            prices.clear()


def test_prices_and_volumes_lie_on_their_grids(hours: list[Step]) -> None:
    for step in hours:
        if isinstance(step, OracleTick):
            assert step.price_usd == round(step.price_usd, 4)
        if isinstance(step, CandleClosed):
            assert step.volume == round(step.volume, 2)
            assert step.taker_buy_volume is not None
            assert 0.0 < step.taker_buy_volume < step.volume


def test_books_are_sorted_positive_and_around_the_mark(hours: list[Step]) -> None:
    price = 0.0
    for step in hours:
        if isinstance(step, OracleTick):
            price = step.price_usd
        if isinstance(step, BookSeen):
            assert len(step.bids) == len(step.asks) == 20
            assert all(better > worse > 0.0 for (better, _), (worse, _) in pairwise(step.bids))
            assert all(0.0 < better < worse for (better, _), (worse, _) in pairwise(step.asks))
            assert all(size > 0.0 for _, size in (*step.bids, *step.asks))
            middle = (step.bids[0][0] + step.asks[0][0]) / 2.0
            assert 1.9e-4 < (step.asks[0][0] - step.bids[0][0]) / middle < 8.2e-4
            assert abs(middle / price - 1.0) < 0.0041


def test_the_books_within_a_minute_lean_to_where_it_has_gone(hours: list[Step]) -> None:
    agreeing = other = 0
    opened = price = 0.0
    bids = asks = 0.0
    for step in hours:
        match step:
            case OracleTick():
                price = step.price_usd
                opened = opened or price
            case BookSeen():
                bids = math.fsum(size for _, size in step.bids)
                asks = math.fsum(size for _, size in step.asks)
            case CandleClosed():
                if abs(step.close / step.open - 1.0) > 1e-3:
                    agreeing += (bids > asks) == (step.close > step.open)
                    other += (bids > asks) != (step.close > step.open)
            case _:
                pass
    assert agreeing > 5 * other
    assert agreeing > 10


def test_the_feed_says_what_it_delivers() -> None:
    feed = SyntheticFeed()
    assert feed.instrument.symbol == "SOL-PERP"
    assert (feed.feed.frame_ms, feed.feed.oracle_ticks, feed.feed.book) == (MINUTE, True, True)
    assert (feed.feed.premium, feed.feed.live) == (True, False)


def test_the_default_market_opens_in_a_bull_trend_with_something_to_do() -> None:
    feed = SyntheticFeed()
    market = new_market(feed.instrument, feed.feed)
    machine = new_regime_state()
    regimes, signals = [], []
    for step in until(feed, START + 20 * MINUTE + 1):
        assert not isinstance(step, BarOpened | BarRange)
        if isinstance(step, CandleClosed) and step.seen_ts > START:
            features = market.observe(step)
            assert features is not None
            regimes.append(advance_regime(machine, features, Params(), MINUTE, step.seen_ts))
            signals.append(e3_signal(features, Params(), Needs(book=True, premium=True)))
        elif (features := market.observe(step)) is not None:
            advance_regime(machine, features, Params(), MINUTE, step.seen_ts)
    assert len(regimes) == 20
    assert set(regimes) <= {Regime.BULL_TREND, Regime.HIGH_VOL}
    assert len([signal for signal in signals if signal.direction and signal.confidence >= 0.7]) >= 2


@settings(max_examples=25)
@given(steps=st.integers(0, 3_000))
def test_a_restored_market_goes_on_with_the_same_bytes_from_anywhere(start_state: bytes, steps: int) -> None:
    feed = SyntheticFeed()
    feed.restore(start_state)
    take(feed, steps)
    state = feed.checkpoint()
    again = SyntheticFeed()
    again.restore(state)
    assert again.checkpoint() == state
    assert again.next_ts() == feed.next_ts()
    assert take(again, 150) == take(feed, 150)


@settings(max_examples=10)
@given(steps=st.integers(0, 700))
def test_a_market_restored_within_its_history_goes_on_too(steps: int) -> None:
    feed = SyntheticFeed(3)
    take(feed, steps)
    again = SyntheticFeed(3)
    again.restore(feed.checkpoint())
    assert take(again, 150) == take(feed, 150)


def test_a_checkpoint_is_small(start_state: bytes) -> None:
    assert len(start_state) < 200


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (SyntheticFeed(DEFAULT_SEED + 1), f"has seed {DEFAULT_SEED}, this market {DEFAULT_SEED + 1}"),
        (SyntheticFeed(start_ts=START + HOUR), f"has start {START}, this market {START + HOUR}"),
    ],
)
def test_a_checkpoint_of_another_market_is_refused(
    start_state: bytes, other: SyntheticFeed, words: str
) -> None:
    with pytest.raises(DataError, match=words):
        other.restore(start_state)


def test_a_checkpoint_of_another_model_is_refused(start_state: bytes) -> None:
    with pytest.raises(DataError, match="has model 99, this market 1"):
        SyntheticFeed().restore(b"\x63" + start_state[1:])
    with pytest.raises(DataError, match="not one of a synthetic market"):
        SyntheticFeed().restore(start_state[:-1])


@pytest.mark.parametrize(("seed", "start"), [(-1, START), (1 << 63, START), (1, START + MINUTE)])
def test_an_impossible_seed_or_start_is_refused(seed: int, start: int) -> None:
    with pytest.raises(ValueError, match=f"seed {seed} must be 0 or more, start {start} a full hour"):
        SyntheticFeed(seed, start)
