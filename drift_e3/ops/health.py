"""Whether the daemon lives and whether it is ready: judged from its own memory, told in words.

Pure. Who asks is the server's and the service manager's business.
"""

from dataclasses import dataclass
from typing import Final

from drift_e3.status import Status

JOURNAL_LAG_MAX_S: Final = 10.0
"""How long an event may wait for the journal before the disk is not to be trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether entries could be made now; `missing` names what stands in the way, most telling first."""

    ready: bool
    missing: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Progress:
    """What moves in a daemon that works: fresh data, the trading loop, the journal. Times are monotonic (s).

    `data_s` is when the market last brought something, `taken_s` when the loop last took anything at all, and
    `behind_s` since when the journal has been behind the loop, or -1. Only of a `live` market something is
    due every second, if only a heartbeat: a recorded one may be as slow as it likes.
    """

    began_s: float
    data_s: float = -1.0
    taken_s: float = -1.0
    behind_s: float = -1.0
    live: bool = False
    _noted_seq: int = 0

    def took(self, now_s: float, *, market: bool, live: bool) -> None:
        """The loop took an event, of the `market` or another; the market is `live` or played."""
        self.taken_s, self.live = now_s, live
        if market:
            self.data_s = now_s

    def compare(self, taken_seq: int, committed_seq: int, now_s: float) -> None:
        """See whether the journal has what was taken when this was last called."""
        if committed_seq >= self._noted_seq:
            self._noted_seq = taken_seq
            self.behind_s = -1.0
        elif self.behind_s < 0.0:
            self.behind_s = now_s

    def stalled(self, now_s: float, patience_s: float) -> tuple[str, ...]:
        """What has not moved for `patience_s`; nothing while that time has not passed since the start."""
        since = now_s - patience_s
        found = []
        if self.live and max(self.taken_s, self.began_s) < since:
            found.append("loop")
        if self.live and max(self.data_s, self.began_s) < since:
            found.append("data")
        if 0.0 <= self.behind_s < since:
            found.append("journal")
        return tuple(found)


def readiness(status: Status, progress: Progress, now_s: float) -> Readiness:
    """Whether everything is in place for an entry, limits and signals aside."""
    missing: list[str] = []
    if status.halted:
        missing.append(f"halted:{status.halt_cause}")
    if status.mode == "warming":
        missing.append("warming")
    if status.mode == "stopping":
        missing.append("stopping")
    if status.live_feed:
        missing += [
            f"{feed.name}_stale"
            for feed in status.feeds
            if feed.limit_s is not None and not (feed.age_s is not None and feed.age_s <= feed.limit_s)
        ]
    missing += [f"barred:{reason}" for reason in status.barred]
    if "journal" in progress.stalled(now_s, JOURNAL_LAG_MAX_S):
        missing.append("journal_behind")
    return Readiness(ready=not missing, missing=tuple(missing))
