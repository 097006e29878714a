"""Has the advisor's answers scored by a process of its own, when somebody looks and not too often.

To read a journal of months and to resample it takes a processor for seconds: in the daemon that would hold up
its loop. The other process has the lowest priority, little memory and an end; what it costs is bounded, and
where it fails the figures before stay.
"""

import asyncio
import os
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from time import monotonic, time
from typing import Final

import structlog

from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.ops.advisor_score import NOT_YET, AdvisorScore, CardUnreadable, read_card

AGAIN_S: Final = 900.0
"""A score is as good as new for so long: a day's answers change little in a quarter of an hour."""
REST_SHARE: Final = 30.0
"""And for so many times as long as it took, so that scoring never takes more than a thirtieth of the time."""
LONGEST_S: Final = 300.0
MEMORY_BYTES: Final = 768 << 20
"""Of addresses, of which a tenth is ever used; more would put the daemon's own memory at risk."""
CARD_BYTES_MAX: Final = 4 << 20
PART_BYTES: Final = 1 << 16
NICE: Final = 19
KEPT_VARIABLES: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "PYTHONPATH")
"""Of the daemon's environment; the rest holds secrets that reading a journal does not need."""


log = structlog.get_logger()


class Scorer:
    """The latest score, and the process that makes the next one; `run` is to run beside whoever asks."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        now_s: Callable[[], float] = monotonic,
    ) -> None:
        """`command` prints a score card as JSON; without one nothing is ever scored."""
        self._command = tuple(command)
        self._environment = {name: environment[name] for name in KEPT_VARIABLES if name in environment}
        self._now_s = now_s
        self._wanted = asyncio.Event()
        self._due_s = -1.0
        self._score = AdvisorScore(state="not_yet", words=NOT_YET)

    def look(self) -> AdvisorScore:
        """The latest score, at once; where it has grown old a new one is begun."""
        if self._command and self._now_s() >= self._due_s:
            self._wanted.set()
        return replace(self._score, scoring=self._wanted.is_set())

    async def run(self) -> None:
        """Score whenever somebody has looked and it is due, until cancelled."""
        while True:
            await self._wanted.wait()
            began_s = self._now_s()
            self._due_s = began_s + LONGEST_S
            try:
                card = await self._card()
                self._score = read_card(card, int(time() * MS_PER_SECOND), self._now_s() - began_s)
            except (OSError, TimeoutError, CardUnreadable) as failure:
                why = "it took too long" if isinstance(failure, TimeoutError) else str(failure)
                log.warning("advice.unscored", reason=why)
                words = f"The advisor's answers could not be scored: {why}."
                self._score = replace(self._score, state="failed", words=words)
            took_s = self._now_s() - began_s
            self._due_s = self._now_s() + max(AGAIN_S, REST_SHARE * took_s)
            self._wanted.clear()

    async def _card(self) -> bytes:
        """What the command prints. Raises `OSError`, `TimeoutError`, and `CardUnreadable` where it fails."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=self._environment,
        )
        assert process.stdout is not None, "its output is ours to read"
        try:
            _hold_back(process.pid)
            async with asyncio.timeout(LONGEST_S):
                card = bytearray()
                while part := await process.stdout.read(PART_BYTES):
                    card += part
                    if len(card) > CARD_BYTES_MAX:
                        raise CardUnreadable("the score card has no end")
                code = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if code:
            raise CardUnreadable(f"drift-e3 advice score ended with code {code}")
        return bytes(card)


def _hold_back(pid: int) -> None:
    """Let a process have what nobody else wants. Where a service manager's filter forbids that, it is one
    process among others."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, NICE)
    if sys.platform == "linux":
        with suppress(OSError):
            resource.prlimit(pid, resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
