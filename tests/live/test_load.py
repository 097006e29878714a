"""Under load: a thousand messages a second and bursts of thousands. How fast is `tests.bench`'s to say."""

import asyncio
import sys
from pathlib import Path

import pytest

from drift_e3.live.streaming import ROOM
from drift_e3.live.turns import TURN_S
from tests.live.journals import audited
from tests.live.shouting import Shouted, shout


def check(shouted: Shouted, state: Path) -> None:
    """What must hold however fast the machine is."""
    arrivals = shouted.arrivals
    assert arrivals is not None
    assert shouted.waiting_most <= ROOM, "what waits is bounded"
    assert shouted.venue_said == shouted.trader_heard, "no fill and no answer of the venue is dropped"
    assert shouted.venue_said["Fill"] >= 2 * len(shouted.exits_ms) - 1, "the last may be on its way"
    assert shouted.candles_sent - shouted.candles_heard <= ROOM, "candles are late at most"
    assert audited(state).findings == ()


@pytest.mark.parametrize("burst", [0, 5_000])
def test_a_shouting_market_is_traded_and_nothing_that_happens_once_is_dropped(
    burst: int, tmp_path: Path
) -> None:
    before_s = sys.getswitchinterval()
    shouted = asyncio.run(shout(tmp_path, seconds=1.5, burst=burst))
    check(shouted, tmp_path)
    assert shouted.exits_ms, "positions were left in the midst of it"
    assert shouted.turn_s == pytest.approx(TURN_S), "the journal's thread does not wait long for its turn"
    assert sys.getswitchinterval() == before_s, "nobody else is concerned"
    assert shouted.arrivals is not None
    if burst:
        merged = sum(shouted.arrivals.merged.values())
        assert merged > burst / 2, "of a burst only the newest prices are worth the trader's time"
        assert merged < shouted.messages
