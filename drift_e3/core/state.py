"""All that the trader remembers: plain values, so that a snapshot is this object and nothing else."""

from dataclasses import dataclass, field
from typing import NamedTuple

from drift_e3.core.account import Account
from drift_e3.core.breakers import Breakers
from drift_e3.core.consultation import Consultation
from drift_e3.core.events import Feed, Settings, Started
from drift_e3.core.features import Features
from drift_e3.core.market import MarketView, new_market
from drift_e3.core.modes import ModeState
from drift_e3.core.orders import OpenOrders
from drift_e3.core.regime import new_regime_state
from drift_e3.core.skill import Skill
from drift_e3.core.strategies import Needs
from drift_e3.core.tally import Tally
from drift_e3.core.terms import Instrument, Regime, StopPolicy
from drift_e3.core.trade import Trade
from drift_e3.core.windows import Floats


class Pending(NamedTuple):
    """A closed candle that is to be decided on, now or when the advisor has answered."""

    ts: int
    features: Features


@dataclass(slots=True, kw_only=True)
class TraderState:
    """The trader's memory. `entry` is a trade whose entry order has left, `trade` the one that is open;
    `needs` are inputs without which the strategies abstain, because the feed should deliver them.

    `barred` is what bars entries on the venue's side; `unprotected_since_ts` (ms) is since when the position
    has no stop on the venue, -1 while it has one.
    """

    settings: Settings
    instrument: Instrument
    feed: Feed
    market: MarketView
    regime_machine: Floats
    needs: Needs
    account: Account
    orders: OpenOrders
    rule_regime: Regime = Regime.CHOP
    rule_confidence: float = 0.0
    regime: Regime = Regime.CHOP
    breakers: Breakers = field(default_factory=Breakers)
    mode: ModeState = field(default_factory=ModeState)
    tally: Tally = field(default_factory=Tally)
    consultation: Consultation = field(default_factory=Consultation)
    skill: Skill = field(default_factory=Skill)
    warmed: bool = False
    pending: Pending | None = None
    entry: Trade | None = None
    trade: Trade | None = None
    flatten_asked: bool = False
    stop_policy: StopPolicy | None = None
    stop_at_once: bool = False
    stopped: bool = False
    started_halted: bool = False
    stale: str = ""
    barred: tuple[str, ...] = ()
    unprotected_since_ts: int = -1

    def take_instrument(self, instrument: Instrument) -> None:
        """Go by what the venue says of the market now: fees, margins and steps may have changed."""
        self.instrument = self.market.instrument = instrument
        self.account.step_base = self.orders.step_base = instrument.step_base


def new_state(event: Started) -> TraderState:
    """The memory of a trader that has seen nothing but its start."""
    return TraderState(
        settings=event.settings,
        instrument=event.instrument,
        feed=event.feed,
        market=new_market(event.instrument, event.feed),
        regime_machine=new_regime_state(),
        needs=Needs(event.feed.book, event.feed.premium),
        account=Account(initial_usd=event.equity_usd, step_base=event.instrument.step_base),
        orders=OpenOrders(step_base=event.instrument.step_base),
    )
