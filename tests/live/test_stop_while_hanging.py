"""A position is protected whatever the advisor does: its stop fires while a question hangs for a minute."""

from pathlib import Path

from drift_e3.config import Settings
from drift_e3.core.commands import AskAdvisor, SubmitOrder
from drift_e3.core.events import AdviceReceived
from drift_e3.core.notes import AdviceMissed, PositionClosed, PositionOpened
from drift_e3.core.terms import OrderKind, Reason, Regime
from drift_e3.venues.paper import PaperMarket
from drift_e3.venues.tape.feed import TapeFeed
from drift_e3.venues.tape.reading import read_candles, read_ticks
from drift_e3.wiring import paper_market
from tests.live.daemons import Bounded, ScriptedAdvisor, ScriptedClock, orders, run_on
from tests.live.journals import told
from tests.live.markets import settings
from tests.live.tapes import HOUR, START, Candle, random_walk, write_candles

HANGS_MS = 60_000
QUIET = 70
SECOND = 1_000


def plunging_market(folder: Path) -> PaperMarket:
    """A rally that is bought, an hour of calm, and then, 20 s into the next, a fall through the stop."""
    candles = random_walk(1, QUIET, minutes=60, wildness=0.3)
    price = candles[-1].close
    top = round(price * 1.02, 4)
    ts = START + QUIET * HOUR
    rally = Candle(ts, price, top, price, top, 2e6)
    calm = Candle(ts + HOUR, top, top, top, top, 2e4)
    fall = Candle(ts + 2 * HOUR, top, top, round(top * 0.97, 4), round(top * 0.97, 4), 2e4)
    rows = [(candle.ts_ms, candle.open) for candle in (*candles, rally)]
    rows += [(calm.ts_ms + second * SECOND, top) for second in range(0, 3600, 5)]
    rows += [(fall.ts_ms + second * SECOND, top) for second in range(0, 20, 5)]
    rows += [(fall.ts_ms + second * SECOND, fall.close) for second in range(20, 3600, 5)]
    ticks = folder / "ticks.csv"
    ticks.write_text("ts_ms,price\n" + "".join(f"{ts},{price}\n" for ts, price in rows))
    tape = read_candles(write_candles(folder / "tape.csv", [*candles, rally, calm, fall]))
    chosen = chosen_settings()
    return paper_market(chosen, TapeFeed(tape, None, chosen.instrument(), ticks=read_ticks(ticks)))


def chosen_settings() -> Settings:
    """E3 in every regime, on bursts of volume only, with an advisor."""
    routing = {f"ROUTING__{regime.name}": "e3" for regime in Regime}
    return settings(ADVISOR="ollama", STRATEGY__M_VOLUMEZ="5", **routing)


def test_the_exit_leaves_before_the_answer_comes(tmp_path: Path) -> None:
    clock = ScriptedClock()
    market = plunging_market(tmp_path)

    def wait_ms(_: int) -> int:
        return HANGS_MS if market.venue.state.position_base else 50

    advisor = ScriptedAdvisor(clock, wait_ms)
    how = orders(tmp_path / "state", chosen_settings().trading(), speed=1.0)
    began_ms = clock.now_ms()
    run_on(Bounded(market), how, advisor, clock)

    story: list[tuple[str, int]] = []
    for event, outputs in told(tmp_path / "state"):
        if isinstance(event, AdviceReceived):
            story.append(("answer", event.seen_ts))
        for output in outputs:
            match output:
                case PositionOpened() | PositionClosed() | AskAdvisor():
                    story.append((type(output).__name__, event.seen_ts))
                case AdviceMissed():
                    story.append((output.reason, event.seen_ts))
                case SubmitOrder() if output.approved.intent.reason is Reason.STOP:
                    kind = output.approved.intent.kind
                    name = "exit sent" if kind is OrderKind.IOC else "stop armed"
                    story.append((name, event.seen_ts))
    fell_ts = START + (QUIET + 2) * HOUR
    assert ("stop armed", fell_ts - HOUR + 5 * SECOND) in story
    assert [(name, ts - fell_ts) for name, ts in story if fell_ts <= ts < fell_ts + HOUR] == [
        ("AskAdvisor", 0),
        ("overdue", 10 * SECOND),  # the first tick after deadline and grace
        ("exit sent", 20 * SECOND),
        ("PositionClosed", 25 * SECOND),
        ("answer", HANGS_MS),
        ("late", HANGS_MS),
    ]
    # At real time nobody waited: the clock has gone exactly as far as the market.
    assert clock.now_ms() - began_ms == fell_ts + HOUR - START
