"""Carries a schedule out, and notes what each strike led to and when the daemon traded again."""

import asyncio
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from drift_e3.drill.chaos.acts import Board, Clock, Disk, Group, Price, Script, Signal
from drift_e3.drill.chaos.schedule import Strike
from drift_e3.drill.chaos.service import NOT_AGAIN, Ending, Service
from drift_e3.drill.chaos.table import ASK_AGAIN
from drift_e3.drill.chaos.watch import UNSAFE, Watch, Where
from drift_e3.drill.local_chain import LocalChain
from drift_e3.drill.ollama_acts import ACTS as SCRIPTS
from drift_e3.drill.ollama_acts import says
from drift_e3.drill.scripted_ollama import MODEL, ScriptedOllama
from drift_e3.drill.shared_time import giver

GRACE_S: Final = 10.0
"""So long after its end a strike may still be felt: a server that rests, a start that is under way."""
BACK_S: Final = 120.0
"""Of the market's time without a strike that hinders: who does not trade again by then is not back."""
ASKED_CODES: Final = frozenset({0, -15, -9})
"""How a life may end that was told to: in order, before it listened, killed."""


@dataclass(slots=True, kw_only=True)
class Struck:
    """A strike and what came of it: the safe state that it led to, None if none was seen, and after how many
    seconds of the market from its end the daemon traded again, None if it did not."""

    strike: Strike
    ended_s: float | None = None
    led_to: Where | None = None
    back_s: float | None = None
    _calm_s: float = 0.0
    _given_up: bool = False

    @property
    def pending(self) -> bool:
        """Whether it is still to be seen what comes of it."""
        return self.back_s is None and not self._given_up

    def look(self, now_s: float, where: Where, passed_s: float, *, hindered: bool) -> bool:
        """Note how the daemon stands; True when it has had its time to come back and is not."""
        if self.ended_s is None or not self.pending:
            return False
        if self.led_to is None and where not in UNSAFE:
            self.led_to = where
        if where is Where.TRADES:
            self.back_s = now_s - self.ended_s
            return False
        self._calm_s += 0.0 if hindered else passed_s
        self._given_up = self._calm_s > BACK_S
        return self._given_up


@dataclass(slots=True, kw_only=True)
class Findings:
    """What was found while it ran, in words, and how often a person had to be asked."""

    broken: list[str] = field(default_factory=list)
    persons: int = 0


class Troubles:
    """One run of a schedule. Times are the loop's; `run` begins the schedule when it is called."""

    def __init__(self, local: LocalChain, service: Service, model: ScriptedOllama, watch: Watch) -> None:
        self.struck: list[Struck] = []
        self.findings = Findings()
        self._local = local
        self._service = service
        self._model = model
        self._watch = watch
        self._seen_endings = 0
        self._stuck = 0
        self._zero_s = 0.0
        self._looked_s = asyncio.get_running_loop().time()

    async def run(self, strikes: Iterable[Strike]) -> None:
        """Let every strike happen at its time; returns when the last one is over."""
        loop = asyncio.get_running_loop()
        zero_s = self._zero_s = loop.time()
        async with asyncio.TaskGroup() as tasks:
            for strike in strikes:
                await asyncio.sleep(max(zero_s + strike.begins_s - loop.time(), 0.0))
                tasks.create_task(self._strike(strike))

    async def _strike(self, strike: Strike) -> None:
        struck = Struck(strike=strike)
        self.struck.append(struck)
        self._hinder()
        match strike.act.how:
            case Board():
                await self._board(strike.act.how, strike)
            case Script(name):
                self._model.scripts[MODEL] = SCRIPTS[name].act
                await asyncio.sleep(strike.seconds)
                self._model.scripts[MODEL] = says(delay_s=0.05)
            case Disk():
                await self._disk(strike.act.how, strike.seconds)
            case Clock():
                giver().wall_zero_s += _strength(strike)
                await asyncio.sleep(strike.seconds)
                giver().wall_zero_s -= _strength(strike)
            case Price():
                up = self._watch.base < 0
                self._local.oracle.jump(_strength(strike) if up else -_strength(strike))
                await asyncio.sleep(strike.seconds)
            case Signal():
                await self._signal(strike.act.how, strike.seconds)
        struck.ended_s = asyncio.get_running_loop().time()
        self._hinder()

    async def _board(self, how: Board, strike: Strike) -> None:
        faults = self._local.faults
        strength = strike.strength
        if self._local.venue == "drift" and how.drift_strength is not None:
            strength = how.drift_strength
        faults.start(how.kind, service=how.service, method=how.method, count=how.count, amount=strength)
        await asyncio.sleep(strike.seconds)
        faults.stop(how.kind)

    async def _disk(self, how: Disk, seconds: float) -> None:
        service = self._service
        if how.read_only:
            service.forbid_writing()
        else:
            service.fill_disk()
        await asyncio.sleep(seconds)
        service.free_disk()

    async def _signal(self, how: Signal, seconds: float) -> None:
        service = self._service
        match how.number.name:
            case "SIGSTOP":
                service.stop()
                await asyncio.sleep(seconds)
                service.go_on()
            case "SIGTERM":
                service.keep_down()
                service.kill(how.number)
                await asyncio.sleep(seconds)
                service.bring_up()
            case _:
                service.kill(how.number)
                await asyncio.sleep(seconds)

    # -- what comes of it ------------------------------------------------------------------------------------

    @property
    def pending(self) -> bool:
        """Whether a strike is on, or the daemon is not back after one."""
        return any(struck.pending for struck in self.struck)

    def look(self) -> None:
        """Hold how the daemon stands, and how its lives have ended, against the strikes."""
        now_s = asyncio.get_running_loop().time()
        passed_s, self._looked_s = now_s - self._looked_s, now_s
        hindered = self._hinder()
        for struck in self.struck:
            if struck.look(now_s, self._watch.where, passed_s, hindered=hindered):
                status = self._watch.status
                why = "" if status is None else f"; mode {status.mode}, {status.stale or status.barred or ''}"
                self.findings.broken.append(
                    f"{_told(struck.strike)}: {BACK_S:g} s after it the daemon was still "
                    f"'{self._watch.where}' and did not trade{why}"
                )
        endings = self._service.endings
        for ending in endings[self._seen_endings :]:
            self._judge(ending)
        self._seen_endings = len(endings)
        if giver().stuck > self._stuck:
            self._stuck = giver().stuck
            self.findings.broken.append("the daemon worked for a minute on end: its loop stood still")
            self._service.kill(signal.SIGKILL)
        if self._service.down and not self._on(lambda s: bool(s.act.codes & NOT_AGAIN), 0.0):
            last = endings[-1].code if endings else 0
            if last in NOT_AGAIN:
                self.findings.persons += 1
                self._service.bring_up()

    def _judge(self, ending: Ending) -> None:
        if (ending.asked and ending.code in ASKED_CODES) or (ending.mute and ending.code in ASK_AGAIN):
            return
        if self._on(lambda strike: _explains(strike, ending), GRACE_S):
            return
        asked = "was asked to end" if ending.asked else "ended by itself"
        active = ", ".join(struck.strike.act.name for struck in self.struck if struck.ended_s is None)
        bug = f": {self._service.bugs[-1].strip().splitlines()[-1]}" if self._service.bugs else ""
        self.findings.broken.append(
            f"the daemon {asked} and ended with {ending.code}, which nothing explains "
            f"(at {ending.ts_s - self._zero_s:.0f} s; on: {active or 'nothing'}){bug}"
        )

    def _hinder(self) -> bool:
        self._watch.hindered = self._service.mute or self._on(lambda strike: strike.act.hinders, GRACE_S)
        return self._watch.hindered

    def _on(self, which: Callable[[Strike], bool], grace_s: float) -> bool:
        """Whether such a strike is on, or was a moment ago."""
        now_s = asyncio.get_running_loop().time()
        return any(
            which(struck.strike)
            for struck in self.struck
            if struck.ended_s is None or now_s - struck.ended_s < grace_s
        )


def _explains(strike: Strike, ending: Ending) -> bool:
    """Whether a life may have ended so because of it: most troubles end none that has begun to trade."""
    early = not ending.served or strike.act.group is Group.DISK
    return early and ending.code in strike.act.codes


def _strength(strike: Strike) -> float:
    assert strike.strength is not None, "the act has one"
    return strike.strength


def _told(strike: Strike) -> str:
    strength = "" if strike.strength is None else f" {strike.strength:g}"
    return f"{strike.act.name}{strength} at {strike.begins_s:g} s for {strike.seconds:g} s"
