"""How the feed's sources are doing, for log, status and people. Counts and ages; what is silent is said."""

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.venues.dataapi.stream import Channel, Socket

log = structlog.get_logger()


class ChannelHealth(NamedTuple):
    """One source: a channel of a websocket, or a question that is asked again and again.

    `age_s` is the time since its last content or answer, None before the first; `connected` says that its
    connection is open, or that the last question was answered. `contents` counts pieces of content;
    `silence_s` is how long it may be without any, None for as long as it likes.
    """

    name: str
    connected: bool
    age_s: float | None
    contents: int
    reconnects: int
    errors: int
    last_error: str
    silence_s: float | None = None

    @property
    def trouble(self) -> str:
        """What is wrong now, in words for people; empty if nothing."""
        since = "never heard of" if self.age_s is None else f"silent for {self.age_s:.0f} s"
        quiet = self.silence_s is not None and (self.age_s is None or self.age_s > self.silence_s)
        if self.connected and not quiet:
            return ""
        return f"{self.name}: {since}" + (f" ({self.last_error})" if self.last_error else "")


@dataclass(slots=True, kw_only=True)
class Asked:
    """A question that is asked again and again, and how that goes."""

    name: str
    answers: int = 0
    errors: int = 0
    last_error: str = ""
    answered: bool = False
    answered_s: float = float("nan")
    lost_s: float | None = None

    def note_answer(self) -> None:
        """It was answered just now."""
        now_s = asyncio.get_running_loop().time()
        if self.lost_s is not None:
            log.info("feed.restored", channel=self.name, away_s=round(now_s - self.lost_s, 3))
            self.lost_s = None
        self.answers += 1
        self.answered = True
        self.answered_s = now_s

    def note_failure(self, error: Exception) -> None:
        """It was not."""
        if self.lost_s is None:
            self.lost_s = asyncio.get_running_loop().time()
            log.warning("feed.lost", channel=self.name, reason=str(error))
        self.errors += 1
        self.last_error = str(error)
        self.answered = False

    def health(self) -> ChannelHealth:
        """How it goes, now."""
        return ChannelHealth(
            self.name, self.answered, _age_s(self.answered_s), self.answers, 0, self.errors, self.last_error
        )


def channel_health(channel: Channel, socket: Socket) -> ChannelHealth:
    """How a channel of a socket does, now."""
    return ChannelHealth(
        channel.name,
        socket.connected,
        _age_s(channel.heard_s),
        channel.contents,
        socket.reconnects,
        socket.errors,
        socket.last_error,
        None if channel.silence_ms is None else channel.silence_ms / MS_PER_SECOND,
    )


def _age_s(then_s: float) -> float | None:
    if then_s != then_s:
        return None
    return asyncio.get_running_loop().time() - then_s
