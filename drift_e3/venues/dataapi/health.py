"""How the feed's sources are doing, for `doctor`, metrics and people. Counts and ages, no judgement."""

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

from drift_e3.venues.dataapi.stream import Channel, Socket


class ChannelHealth(NamedTuple):
    """One source: a channel of a websocket, or a question that is asked again and again.

    `age_s` is the time since its last content or answer, None before the first; `connected` says that its
    connection is open, or that the last question was answered. `contents` counts pieces of content.
    """

    name: str
    connected: bool
    age_s: float | None
    contents: int
    reconnects: int
    errors: int
    last_error: str


@dataclass(slots=True, kw_only=True)
class Asked:
    """A question that is asked again and again, and how that goes."""

    name: str
    answers: int = 0
    errors: int = 0
    last_error: str = ""
    answered: bool = False
    answered_s: float = float("nan")

    def note_answer(self) -> None:
        """It was answered just now."""
        self.answers += 1
        self.answered = True
        self.answered_s = asyncio.get_running_loop().time()

    def note_failure(self, error: Exception) -> None:
        """It was not."""
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
    )


def _age_s(then_s: float) -> float | None:
    if then_s != then_s:
        return None
    return asyncio.get_running_loop().time() - then_s
