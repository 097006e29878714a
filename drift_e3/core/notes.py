"""What the core has to say: facts about its own doing, for the journal, the log and the reports.

Notes never cause anything; a replay compares them byte for byte like commands.
"""

from dataclasses import dataclass

from drift_e3.core.account import PnlParts
from drift_e3.core.advice import Advice
from drift_e3.core.decision import Decision
from drift_e3.core.modes import Trigger
from drift_e3.core.terms import Direction, Intent, Mode, Reason, Regime, Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionMade:
    """A decision and the risk manager's verdict on it."""

    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeChanged:
    """The regime in force has changed, and the leverage cap with it. `by_advice`: the advisor's word, not the
    rules'."""

    before: Regime
    after: Regime
    confidence: float
    leverage_x_max: float
    by_advice: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeChanged:
    """What the trader may do has changed, and what led to it."""

    before: Mode
    after: Mode
    cause: Trigger
    equity_usd: float
    until_ts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceTaken:
    """An answer was understood."""

    question_id: str
    advice: Advice
    latency_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceMissed:
    """There is no advice for this question; `reason` is a failure of transport, parsing or time."""

    question_id: str
    reason: str
    latency_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceWeighed:
    """What earned weight made of the advice in the decision before this: its share of the say (0..1), and its
    confidence as told and as calibrated."""

    question_id: str
    weight: float
    confidence: float
    calibrated: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceJudged:
    """The outcome of an answer at its horizon, where weight is earned: see `core.skill`.

    `base` is how often its direction comes true anyway, `calibrated` what its confidence was worth when it
    came. Only where `counted` did it move `evidence` (a logarithm of odds).
    """

    question_id: str
    advisor: str
    direction: Direction
    confidence: float
    calibrated: float
    base: float
    right: bool
    counted: bool
    evidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightChanged:
    """An advisor has earned another share (0..1) of ai_confidenceWeight, after so many counted answers."""

    advisor: str
    before: float
    after: float
    evidence: float
    counted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRefused:
    """The risk manager refused an order that was not an entry (those are refused in their decision)."""

    intent: Intent
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionOpened:
    """A position stands where there was none. Levels in USD; `trade_id` is the entry's decision time."""

    trade_id: str
    strategy: Strategy
    regime: Regime
    direction: Direction
    size_base: float
    entry_usd: float
    stop_usd: float
    target_usd: float
    leverage_x: float
    leverage_x_max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionClosed:
    """A trade is over: its result in parts, the reason of its last fill, how long it was held."""

    trade_id: str
    strategy: Strategy
    regime: Regime
    direction: Direction
    reason: Reason
    pnl: PnlParts
    net_usd: float
    held_ms: int
    equity_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StopArmed:
    """A reduce-only stop for the whole position has been sent to the venue, at a new level or size."""

    trade_id: str
    stop_usd: float
    size_base: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsTaken:
    """New settings are in force: `changed` names the keys that differ now, `kept` limits that were not
    loosened because a position is open."""

    kept: tuple[str, ...]
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DataStale:
    """A feed has become too old for entries (live), or fresh again; ages and limits in seconds."""

    what: str
    age_s: float
    limit_s: float
    stale: bool


Note = (
    DecisionMade
    | RegimeChanged
    | ModeChanged
    | AdviceTaken
    | AdviceMissed
    | AdviceWeighed
    | AdviceJudged
    | WeightChanged
    | OrderRefused
    | PositionOpened
    | PositionClosed
    | StopArmed
    | SettingsTaken
    | DataStale
)
