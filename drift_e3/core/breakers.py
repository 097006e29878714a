"""The circuit breakers: daily loss, drawdown, losing streak, entry rates, cooldown. All of it is persisted.

They are measured by event time, on equity marked at the last price. They say what was broken; what follows
is a matter of `core.modes`.
"""

from dataclasses import dataclass, field

from drift_e3.core.modes import Trigger
from drift_e3.core.params import Limits
from drift_e3.core.terms import MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, Refused

UNTIL_RESUMED_TS = 253_402_300_799_000
"""The end of the year 9999: a pause without an end of its own."""
EXACTLY = 1e-12
"""A loss of exactly the limit breaks it, although 1 - 800/1000 is a little less than 0.2 in floats."""


@dataclass(slots=True, kw_only=True)
class Breakers:
    """Baselines and counters. Times are UTC ms; `day` counts days since 1970; -1 and 0 mean none yet."""

    day: int = -1
    day_open_usd: float = 0.0
    high_water_usd: float = 0.0
    loss_streak: int = 0
    paused_until_ts: int = 0
    pause_cause: Trigger = Trigger.LOSS_STREAK
    last_exit_ts: int = -1
    entry_ts: list[int] = field(default_factory=list)

    def mark(self, equity_usd: float, now_ts: int, limits: Limits) -> Trigger | None:
        """Take the present equity; return what it breaks, the gravest first.

        A daily loss pauses until the next 00:00 UTC. Unknown equity breaks nothing here: entries are refused
        by the risk manager, and exits do not need it.
        """
        if equity_usd != equity_usd:
            return None
        day = now_ts // MS_PER_DAY
        if day > self.day:  # not on an event that was stamped before midnight and comes after
            self.day, self.day_open_usd = day, equity_usd
        self.high_water_usd = max(self.high_water_usd, equity_usd)
        if self.drawdown_frac(equity_usd) >= limits.drawdown_max - EXACTLY:
            return Trigger.DRAWDOWN
        if self.daily_loss_frac(equity_usd) >= limits.daily_loss_max - EXACTLY:
            self._pause((day + 1) * MS_PER_DAY, Trigger.DAILY_LOSS)
            return Trigger.DAILY_LOSS
        return None

    def book_trade(self, net_usd: float, now_ts: int, limits: Limits) -> Trigger | None:
        """Count a finished trade; a full losing streak pauses, and starts the count anew."""
        self.last_exit_ts = now_ts
        self.loss_streak = self.loss_streak + 1 if net_usd < 0.0 else 0
        if self.loss_streak < limits.loss_streak_max:
            return None
        self.loss_streak = 0
        self._pause(now_ts + int(limits.pause_minutes * MS_PER_MINUTE), Trigger.LOSS_STREAK)
        return Trigger.LOSS_STREAK

    def pause_until_resumed(self) -> None:
        """Pause because a person asked for it."""
        self._pause(UNTIL_RESUMED_TS, Trigger.REDUCE_ASKED)

    def _pause(self, until_ts: int, cause: Trigger) -> None:
        if until_ts > self.paused_until_ts:
            self.paused_until_ts, self.pause_cause = until_ts, cause

    def book_entry(self, now_ts: int) -> None:
        """Count an entry order; what is older than a day is forgotten."""
        self.entry_ts = [ts for ts in self.entry_ts if ts > now_ts - MS_PER_DAY]
        self.entry_ts.append(now_ts)

    def refuse_entry(self, now_ts: int, limits: Limits) -> Refused | None:
        """Why no entry may be made now, or None: cooldown, entries in the last hour, in the last day."""
        cooldown_ms = int(limits.cooldown_minutes * MS_PER_MINUTE)
        since_exit_ms = now_ts - self.last_exit_ts
        if self.last_exit_ts >= 0 and since_exit_ms < cooldown_ms:
            return Refused(
                code="cooldown_minutes", limit=limits.cooldown_minutes, value=since_exit_ms / MS_PER_MINUTE
            )
        in_hour = len([ts for ts in self.entry_ts if ts > now_ts - MS_PER_HOUR])
        if in_hour >= limits.trades_per_hour_max:
            return Refused(code="trades_per_hour_max", limit=limits.trades_per_hour_max, value=in_hour)
        in_day = len([ts for ts in self.entry_ts if ts > now_ts - MS_PER_DAY])
        if in_day >= limits.trades_per_day_max:
            return Refused(code="trades_per_day_max", limit=limits.trades_per_day_max, value=in_day)
        return None

    def start_anew(self, equity_usd: float) -> None:
        """Forget streak and pause and take the present equity as every baseline: a person has resumed.

        Unknown equity is no baseline: against it nothing would ever be a loss.
        """
        if equity_usd == equity_usd:
            self.day_open_usd = self.high_water_usd = equity_usd
        self.loss_streak, self.paused_until_ts = 0, 0

    def shift(self, amount_usd: float) -> None:
        """Move every baseline: money was paid in (positive) or out, which is no profit and no loss."""
        self.day_open_usd += amount_usd
        self.high_water_usd += amount_usd

    def drawdown_frac(self, equity_usd: float) -> float:
        """Loss from the high-water mark as a fraction of it."""
        return 1.0 - equity_usd / self.high_water_usd if self.high_water_usd > 0.0 else 0.0

    def daily_loss_frac(self, equity_usd: float) -> float:
        """Loss since the day's open as a fraction of it."""
        return 1.0 - equity_usd / self.day_open_usd if self.day_open_usd > 0.0 else 0.0
