"""One question put on demand: the market of the settings as the trader sees it, and the model they name."""

from drift_e3 import wiring
from drift_e3.config import Settings
from drift_e3.core.advice import Question
from drift_e3.core.events import AdvisorEvent
from drift_e3.lab.asking import question_after, question_at
from drift_e3.ports import Clock
from drift_e3.wiring.chain import paper_market


async def question(settings: Settings, clock: Clock, at_ts: int | None) -> Question:
    """What the trader would ask now, or at `at_ts` (UTC, ms) of a tape; the account is a new one on paper.

    On a live market the last candle's order book is not known any more. Raises `DataError` for a market
    without candles, and as the markets do when they are opened.
    """
    trading, equity_usd = settings.trading(), settings.paper.equity_usd
    if settings.venue in {"drift", "velocity"}:
        async with paper_market(settings, clock, None) as live:
            return question_after(live, await live.open(None, 0), trading, equity_usd)
    source = wiring.source(settings)
    market = wiring.paper_market(settings, source.feed)
    until_ts = market.begins_ts + market.feed.frame_ms if settings.venue == "synthetic" else at_ts
    return question_at(market, trading, equity_usd, until_ts)


async def answer(settings: Settings, question: Question, deadline_ms: int) -> AdvisorEvent:
    """What the models of the settings say to it within the deadline."""
    server = wiring.model_server(settings)
    try:
        await server.probe()
        return await server.ask(question, deadline_ms)
    finally:
        await server.close()
