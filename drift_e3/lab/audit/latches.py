"""What forbids trading by the audit's own count: losses, and the word of a person.

The limits are the settings', the moments of measuring the trader's: equity at every event that it decides on.
"""

from collections import deque
from dataclasses import dataclass, field

from drift_e3.core.events import (
    AccountOpened,
    CollateralMoved,
    Event,
    FlattenRequested,
    HaltRequested,
    ReduceRequested,
    ResumeRequested,
    Started,
    StopRequested,
)
from drift_e3.core.params import Limits
from drift_e3.core.terms import MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, StopPolicy

CLEARLY = 1e-9
"""A loss counts as beyond its limit by this much: the trader's own sum may come to a little less."""


@dataclass(slots=True)
class Losses:
    """The baselines of losses, and what is forbidden since one was too large. USD and UTC ms."""

    day: int = -1
    day_open_usd: float = 0.0
    high_water_usd: float = 0.0
    streak: int = 0
    halted: bool = False
    paused_until_ts: int = 0
    why: str = ""
    drawdown_frac_max: float = 0.0
    daily_loss_frac_max: float = 0.0

    def take(self, event: Event, equity_usd: float, person_paused: bool) -> None:
        """Take an event that moves the baselines; `equity_usd` is the present one."""
        match event:
            case AccountOpened():
                self._start_anew(event.equity_usd)
            case CollateralMoved(traded=False):
                self.day_open_usd += event.amount_usd
                self.high_water_usd += event.amount_usd
            case ResumeRequested() if self.halted or person_paused or event.seen_ts < self.paused_until_ts:
                self.halted = False
                self._start_anew(equity_usd)

    def mark(self, equity_usd: float, ts: int, limits: Limits) -> None:
        """Measure equity against the limits."""
        if equity_usd != equity_usd:
            return
        day = ts // MS_PER_DAY
        if day > self.day:
            self.day, self.day_open_usd = day, equity_usd
        self.high_water_usd = max(self.high_water_usd, equity_usd)
        drawdown_frac = _loss_frac(equity_usd, self.high_water_usd)
        daily_loss_frac = _loss_frac(equity_usd, self.day_open_usd)
        self.drawdown_frac_max = max(self.drawdown_frac_max, drawdown_frac)
        self.daily_loss_frac_max = max(self.daily_loss_frac_max, daily_loss_frac)
        if drawdown_frac >= limits.drawdown_max + CLEARLY:
            self.halted = True
            self.why = f"a drawdown of {drawdown_frac:.6g}, the limit is {limits.drawdown_max:g}"
        elif daily_loss_frac >= limits.daily_loss_max + CLEARLY:
            why = f"a daily loss of {daily_loss_frac:.6g}, the limit is {limits.daily_loss_max:g}"
            self._pause((day + 1) * MS_PER_DAY, why)

    def close_trade(self, net_usd: float, ts: int, limits: Limits) -> None:
        """Count a finished trade."""
        self.streak = self.streak + 1 if net_usd < -CLEARLY else 0
        if self.streak >= limits.loss_streak_max:
            why = f"{self.streak} losing trades in a row"
            self.streak = 0
            self._pause(ts + int(limits.pause_minutes * MS_PER_MINUTE), why)

    def forbids(self, ts: int) -> bool:
        """Whether entries are forbidden now."""
        return self.halted or ts < self.paused_until_ts

    def _pause(self, until_ts: int, why: str) -> None:
        if until_ts > self.paused_until_ts:
            self.paused_until_ts, self.why = until_ts, why

    def _start_anew(self, equity_usd: float) -> None:
        if equity_usd == equity_usd:
            self.day_open_usd = self.high_water_usd = equity_usd
        self.streak, self.paused_until_ts = 0, 0


@dataclass(slots=True)
class People:
    """What a person asked for last, and what of it stands."""

    halt: bool = False
    reduce: bool = False
    stop: bool = False
    flatten: bool = False

    def take(self, event: Event) -> None:
        """Take an event."""
        match event:
            case HaltRequested():
                self.halt = True
            case ReduceRequested():
                self.reduce = True
            case ResumeRequested():
                self.halt = self.reduce = False
            case FlattenRequested():
                self.flatten = True
            case StopRequested():
                self.stop = True
                self.flatten = self.flatten or event.policy is StopPolicy.FLATTEN
            case Started():
                self.stop = False

    @property
    def forbids(self) -> str:
        """What of it forbids entries, in a word; empty where nothing does."""
        for word, stands in (("halt", self.halt), ("stop", self.stop), ("reduce", self.reduce)):
            if stands:
                return word
        return ""


@dataclass(slots=True)
class Pace:
    """When entries were made: no more than a day's."""

    entry_ts: deque[int] = field(default_factory=deque)

    def broken(self, ts: int, last_exit_ts: int, limits: Limits) -> str:
        """What an entry now would break, in words; empty where nothing."""
        while self.entry_ts and self.entry_ts[0] <= ts - MS_PER_DAY:
            self.entry_ts.popleft()
        in_hour = sum(entry_ts > ts - MS_PER_HOUR for entry_ts in self.entry_ts)
        if in_hour >= limits.trades_per_hour_max:
            return f"{in_hour} entries in the hour before, {limits.trades_per_hour_max} are allowed"
        if len(self.entry_ts) >= limits.trades_per_day_max:
            return f"{len(self.entry_ts)} entries in the day before, {limits.trades_per_day_max} are allowed"
        since_ms = ts - last_exit_ts
        if last_exit_ts >= 0 and since_ms < int(limits.cooldown_minutes * MS_PER_MINUTE):
            return (
                f"{since_ms / MS_PER_MINUTE:.3g} minutes after an exit, {limits.cooldown_minutes:g} must pass"
            )
        return ""

    def enter(self, ts: int) -> None:
        """An entry was made."""
        self.entry_ts.append(ts)


def _loss_frac(equity_usd: float, before_usd: float) -> float:
    return 1.0 - equity_usd / before_usd if before_usd > 0.0 else 0.0
