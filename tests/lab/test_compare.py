"""A journal against a backtest of its own market: equal on paper, explained to the last unit elsewhere."""

from collections.abc import Callable
from functools import partial
from math import fsum
from pathlib import Path
from typing import Any

import pytest

from drift_e3.config.sections import Settings
from drift_e3.core.events import Event
from drift_e3.core.terms import Regime
from drift_e3.drill.local_chain import EngineName, VenueName
from drift_e3.journal.reader import open_journal
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.lab.backtest import backtest
from drift_e3.lab.compare import Comparison, compare, document
from drift_e3.lab.historian import Historian
from drift_e3.lab.report.summary import summarise
from drift_e3.lab.rerun import JournalFeed, rerun
from drift_e3.lab.traded import traded
from drift_e3.venues.paper import PaperMarket
from drift_e3.venues.synthetic.feed import SyntheticFeed
from drift_e3.wiring import paper_market
from drift_e3.wiring.comparing import other_simulation, simulated
from tests.drill.stages import STAGES
from tests.live.daemons import Bounded, ScriptedAdvisor, ScriptedClock, orders, run_on
from tests.live.live_stage import a_stage
from tests.live.markets import settings, tape_market
from tests.live.virtual_time import run_virtually

CHOSEN = settings()
Document = dict[str, Any]


def compared(state: Path, by: Settings = CHOSEN) -> Comparison:
    with open_journal(state / JOURNAL_NAME) as reader:
        return compare(reader, partial(simulated, by))


def nothing_differs(state: Path, by: Settings = CHOSEN) -> Document:
    told = document(compared(state, by))
    assert told["first_fill"] is None, told["first_fill"]
    assert told["decisions"]["first"] is None
    assert told["decisions"]["in_one_only"] == told["decisions"]["different"] == 0
    assert told["journal"] == told["backtest"]
    assert told["missed"] == told["extra"] == []
    assert not any(told["difference"].values())
    return told


def adds_up(told: Document) -> None:
    less = told["difference"]
    size = fsum(map(abs, (*told["journal"].values(), *told["backtest"].values())))
    assert abs(less["residual_usd"]) <= 1e-9 * size
    parts = less["price_pnl_usd"] - less["slippage_usd"] - less["fees_usd"] + less["funding_usd"]
    assert abs(parts - less["net_usd"]) <= 1e-9 * size


@pytest.mark.parametrize(
    "market",
    [
        partial(tape_market, CHOSEN),
        partial(tape_market, CHOSEN, seed=3, count=900, minutes=5),
        partial(tape_market, CHOSEN, seed=5, count=700, minutes=5, each=10),
    ],
    ids=["60m", "5m", "5m with ticks"],
)
def test_a_paper_run_does_not_differ_from_its_backtest(
    market: Callable[[], PaperMarket], tmp_path: Path
) -> None:
    run_on(market(), orders(tmp_path / "state", CHOSEN.trading()))
    told = nothing_differs(tmp_path / "state")
    assert told["journal"]["trades"] > 3
    assert told["decisions"]["compared"] >= 240


def test_a_run_stopped_and_begun_again_does_not_differ_either(tmp_path: Path) -> None:
    first = tape_market(CHOSEN)
    begins_ts = first.next_ts() or 0
    run_on(Bounded(first, begins_ts + 130 * 3_600_000), orders(tmp_path / "state", CHOSEN.trading()))
    run_on(tape_market(CHOSEN), orders(tmp_path / "state", CHOSEN.trading()))
    told = nothing_differs(tmp_path / "state")
    assert told["journal"]["trades"] > 3


def test_a_synthetic_market_does_not_differ_either(tmp_path: Path) -> None:
    market = paper_market(CHOSEN, SyntheticFeed(seed=7, instrument=CHOSEN.instrument()))
    ends_ts = market.begins_ts + 3_600_000
    run_on(Bounded(market, ends_ts), orders(tmp_path / "state", CHOSEN.trading()))
    assert nothing_differs(tmp_path / "state")["journal"]["equity_end_usd"] > 0.0


def test_answers_are_heard_again_at_their_time(tmp_path: Path) -> None:
    asking = settings(ADVISOR="ollama")
    clock = ScriptedClock()
    advisor = ScriptedAdvisor(clock, lambda _: 0, latency_ms=700)
    run_on(tape_market(asking), orders(tmp_path / "state", asking.trading()), advisor, clock)
    told = nothing_differs(tmp_path / "state", asking)
    assert told["journal"]["trades"] > 0
    with open_journal(tmp_path / "state" / JOURNAL_NAME) as reader:
        summary = summarise(traded(reader).history)
    assert summary["advice"]["answers"] > 3
    assert summary["advice"]["models"] == {"scripted": summary["advice"]["answers"]}
    assert summary["attribution"]["source"]["groups"].keys() & {"ai"}


def test_another_venue_is_told_by_fills_fees_and_trades(tmp_path: Path) -> None:
    state = tmp_path / "state"
    run_on(tape_market(CHOSEN), orders(state, CHOSEN.trading()))
    dearer = settings(PAPER__HALF_SPREAD_BPS="3", PAPER__ORDER_LATENCY_MS="900")
    told = document(compared(state, dearer))
    adds_up(told)
    assert told["first_fill"]["number"] == 1
    assert told["first_fill"]["journal"]["order_id"] == told["first_fill"]["backtest"]["order_id"]
    assert told["difference"]["slippage_usd"] < 0.0
    assert told["in_both"]["entry_worse_bps"] < 0.0
    assert told["in_both"]["entry_later_ms"] < 0.0
    with open_journal(state / JOURNAL_NAME) as reader:
        begun = traded(reader).history
        snapshot = reader.last_good_snapshot()
        assert snapshot is not None
        feed = JournalFeed(reader, begun.instrument, begun.feed)
        assert "order_latency_ms 400, not 900" in other_simulation(dearer, feed, snapshot.market)
        assert other_simulation(CHOSEN, feed, snapshot.market) == ""


def test_trades_that_one_of_them_lacks_say_why(tmp_path: Path) -> None:
    """With fills so dear that the limit price forbids them the backtest makes no trade: all are extra."""
    state = tmp_path / "state"
    run_on(tape_market(CHOSEN), orders(state, CHOSEN.trading()))
    told = document(compared(state, settings(PAPER__HALF_SPREAD_BPS="500")))
    adds_up(told)
    assert (told["backtest"]["trades"], told["missed"]) == (0, [])
    assert len(told["extra"]) == told["journal"]["trades"] > 3
    whys = [trade["why"] for trade in told["extra"]]
    assert whys[0] == "approved there, not filled: price_beyond_limit"
    assert told["decisions"]["first"]["what"] in {"verdict", "reason"}


def test_the_report_of_a_journal_is_that_of_its_backtest(tmp_path: Path) -> None:
    run_on(tape_market(CHOSEN), orders(tmp_path / "state", CHOSEN.trading()))
    historian = Historian()
    backtest(
        tape_market(CHOSEN),
        CHOSEN.trading(),
        1_000.0,
        watch=lambda event, outcome: historian.tell(event, outcome.notes),
    )
    with open_journal(tmp_path / "state" / JOURNAL_NAME) as reader:
        told = traded(reader)
    assert told.kind == "paper"
    assert summarise(told.history) == summarise(historian.history)
    assert len(summarise(told.history)["regimes"]["shares"]) == len(Regime)


def test_what_a_daemon_writes_meanwhile_belongs_to_a_later_comparison(tmp_path: Path) -> None:
    run_on(tape_market(CHOSEN), orders(tmp_path / "state", CHOSEN.trading()))
    with open_journal(tmp_path / "state" / JOURNAL_NAME) as reader:
        half = reader.last_seq // 2
        ends_ts = reader.event_rows(half - 1, 1)[0].ts
        heard: list[Event] = []
        rerun(reader, partial(simulated, CHOSEN), lambda event, _: heard.append(event), until_seq=half)
    assert heard
    assert max(event.seen_ts for event in heard) <= ends_ts


@pytest.mark.parametrize(("venue", "engine"), STAGES)
def test_what_was_traded_live_is_compared_to_the_last_unit(
    venue: VenueName, engine: EngineName, tmp_path: Path
) -> None:
    async def story() -> None:
        async with a_stage(tmp_path, venue, engine, plan=(1, -1)) as stage:
            await stage.start()
            await stage.until(lambda: stage.state.tally.trades == 2, 200.0)
            await stage.stop()
            with open_journal(stage.state_dir / JOURNAL_NAME) as reader:
                history = traded(reader).history
                told = document(compare(reader, partial(simulated, stage.settings())))
            assert stage.trader is not None
            assert history.account == stage.trader.state.account
            assert history.total.net_usd == stage.trader.state.account.total.net_usd(
                history.account.position_base, history.price_usd
            )
            assert told["kind"] == "live"
            assert told["journal"]["trades"] == 2
            assert told["in_both"]["trades"] >= 1
            assert told["in_both"]["fees_usd"] != 0.0
            adds_up(told)

    run_virtually(story)
