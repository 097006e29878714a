"""From settings to a running daemon and back to a summary: what `run` does once its options are read."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import structlog

from drift_e3 import __version__, wiring
from drift_e3.config import Loaded, Settings
from drift_e3.config.server import JournalSettings
from drift_e3.core.events import Feed
from drift_e3.core.state import TraderState
from drift_e3.core.terms import MS_PER_DAY, Regime, Verdict
from drift_e3.journal.rotation import Keeping
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.journal.state_lock import StateLock
from drift_e3.live.clock import WallClock
from drift_e3.live.daemon import Ended, Orders, run_daemon
from drift_e3.live.recovery import first_start
from drift_e3.logs import configure
from drift_e3.ports import Clock, LiveMarket, Market

log = structlog.get_logger()


CHAIN_VENUES = frozenset({"drift", "velocity"})


async def launch(
    loaded: Loaded,
    read: Callable[[], Settings],
    *,
    live: bool = False,
    cautions: Iterable[str] = (),
    flatten_by: str = "",
) -> Ended:
    """Run the daemon with these settings to its end and sum it up; `read` gives them anew for a reload.

    `cautions` are what a person should know of the licence to trade them.
    With `flatten_by`, who asks, it only closes the position; the log is then on standard error.
    """
    settings = loaded.settings
    configure(settings.log.format, settings.log.level, sys.stderr if flatten_by else None)
    clock = WallClock()
    # Before the state directory is touched: what is wrong with the market's files must leave no trace there.
    source = None if settings.venue in CHAIN_VENUES else wiring.source(settings)
    watchers = () if flatten_by else wiring.watchers(settings, os.environ)
    with StateLock(settings.state_dir, clock.now_ms()):
        log.info(
            "daemon.started",
            version=__version__,
            venue=settings.venue,
            symbol=settings.symbol,
            paper=not live,
            speed=settings.speed,
            state_dir=str(settings.state_dir),
            advisor=settings.advisor,
        )
        for note in loaded.notes:
            log.info("settings.noted", note=note)
        for reason in cautions:
            log.warning("licence.missed", reason=reason)
        async with AsyncExitStack() as stack:
            if source is None:
                market: Market = await stack.enter_async_context(_chain_market(settings, clock, live=live))
            else:
                market = wiring.paper_market(settings, source.feed)
                for oddity in wiring.oddities(source.reports):
                    log.warning("tape.warned", **oddity)
            for note in _advice_notes(settings, market.feed):
                log.warning("settings.noted", note=note)
            advisor = wiring.advisor(settings)
            stack.push_async_callback(advisor.close)
            started = time.monotonic()
            ended = await run_daemon(_orders(settings, read, flatten_by), market, advisor, clock, watchers)
    summarise(ended.trader.state, time.monotonic() - started)
    log.info("daemon.stopped", reason=ended.stop.reason, halted=ended.stop.halted)
    return ended


def _chain_market(settings: Settings, clock: Clock, *, live: bool) -> AbstractAsyncContextManager[LiveMarket]:
    """The live market of a chain venue, with the account or on paper."""
    # Only where it is traded: the chain's libraries take seconds to import.
    from drift_e3.wiring import chain

    if live:
        return chain.live_market(settings, clock)
    started = first_start(settings.state_dir / JOURNAL_NAME)
    return chain.paper_market(settings, clock, None if started is None else started.instrument)


def _advice_notes(settings: Settings, feed: Feed) -> Iterator[str]:
    """What a person who asks an advisor should know of this market."""
    if settings.advisor == "off":
        return
    if settings.ollama.deadline_ms >= feed.frame_ms:
        yield "the advisor's deadline is as long as a candle: a signal that waits for it longer is not traded"
    if not feed.oracle_ticks:
        yield "without oracle ticks an entry that waited for the advisor is filled at its candle's end"


def _orders(settings: Settings, read: Callable[[], Settings], flatten_by: str) -> Orders:
    return Orders(
        state_dir=settings.state_dir,
        settings=settings.trading(),
        equity_usd=settings.paper.equity_usd,
        speed=None if settings.speed == "max" else settings.speed,
        stop_policy=settings.stopping(),
        stop_timeout_s=settings.stop_timeout_s,
        reload=lambda: read().trading(),
        venue=settings.venue,
        flatten_by=flatten_by,
        keeping=_keeping(settings.journal),
    )


def _keeping(journal: JournalSettings) -> Keeping | None:
    if not journal.rotate_mb:
        return None
    return Keeping(
        rotate_bytes=round(journal.rotate_mb * 1e6),
        keep_ms=journal.keep_days * MS_PER_DAY,
        backup_first=journal.backup_first,
    )


def summarise(state: TraderState, elapsed_s: float) -> None:
    """Log what the journal's whole run has come to so far: trades, PnL in its parts, decisions by regime."""
    account, tally, price_usd = state.account, state.tally, state.market.price_usd
    pnl = account.total.parts(account.position_base, price_usd)
    log.info(
        "run.summarised",
        elapsed_s=round(elapsed_s, 1),
        decisions=sum(sum(row) for row in tally.decisions),
        fills=tally.fills,
        trades=tally.trades,
        wins=tally.wins,
        equity_usd=round(account.equity_usd(price_usd), 2),
        pnl_usd=round(pnl.net_usd, 4),
        price_pnl_usd=round(pnl.price_usd, 4),
        slippage_usd=round(pnl.slippage_usd, 4),
        fees_usd=round(pnl.fees_usd, 4),
        funding_usd=round(pnl.funding_usd, 4),
        drawdown_frac_max=round(tally.drawdown_frac_max, 4),
        position_base=account.position_base,
        mode=state.mode.mode.label,
        halted=state.mode.halted,
        decisions_by_regime={
            regime.label: {
                verdict.label: tally.decisions[regime][verdict]
                for verdict in Verdict
                if tally.decisions[regime][verdict]
            }
            for regime in Regime
        },
    )
