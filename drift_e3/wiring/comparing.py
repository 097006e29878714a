"""The simulated venue for a journal that is traded once more."""

from drift_e3.config import Settings
from drift_e3.ports import DataError
from drift_e3.venues.paper import MarketFeed, PaperMarket


def simulated(settings: Settings, feed: MarketFeed, equity_usd: float) -> PaperMarket:
    """A feed with the simulated venue of the settings and an account that begins with `equity_usd`."""
    return PaperMarket(feed, settings.simulation(), equity_usd)


def other_simulation(settings: Settings, feed: MarketFeed, checkpoint: bytes) -> str:
    """In what the venue that a paper run was simulated with, as in its checkpoint, differs from that of the
    settings: one line, empty if in nothing."""
    try:
        simulated(settings, feed, settings.paper.equity_usd).restore(checkpoint)
    except DataError as error:
        return str(error)
    return ""
