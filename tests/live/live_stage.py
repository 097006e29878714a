"""The real daemon, trading live on the drill's chain through its real servers, in the test's own loop.

Everything between the decision core and the program is what runs in production: wiring, RPC, websockets,
data API, order book, sender, outbox, journal. Time is the loop's (see `virtual_time`), for the chain and the
daemon alike.
"""

import asyncio
import signal
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

import drift_e3.live.daemon
from drift_e3.advisors.silent import SilentAdvisor
from drift_e3.config import load
from drift_e3.config.sections import Settings
from drift_e3.core.commands import SubmitOrder
from drift_e3.core.events import Event
from drift_e3.core.state import TraderState
from drift_e3.core.terms import StopPolicy
from drift_e3.core.trader import Trader
from drift_e3.core.turn import Outcome
from drift_e3.drill.local_chain import EngineName, LocalChain, VenueName
from drift_e3.drill.waves import EAGER, START_TS, Waves
from drift_e3.drill.witness import Witness
from drift_e3.live.daemon import Ended, Orders, run_daemon
from drift_e3.venues.solana.program import AccountRefused
from drift_e3.wiring import chain as wiring
from tests.live.virtual_time import VirtualClock

PATIENCE_S = 200.0
STEP_S = 0.2
"""How often a story looks whether what it waits for has come."""


class Overdue(AssertionError):
    """What a story waited for did not come."""


class LiveStage:
    """A chain that lives on, and a daemon on it that is started, stopped and killed."""

    def __init__(self, local: LocalChain, folder: Path, variables: dict[str, str]) -> None:
        self.local = local
        self.folder = folder
        self.state_dir = folder / "state"
        self.clock = VirtualClock(local.chain.now_ts)
        self.events: list[Event] = []
        self.submitted: list[SubmitOrder] = []
        self.trader: Trader | None = None
        self.listeners: list[Callable[[Outcome], None]] = []
        """Told of what each event led to, before any of it is carried out."""
        self.loose_ms = 0
        """The longest time for which the chain showed a position without a stop, while a daemon ran."""
        self._variables = variables
        self._daemon: asyncio.Task[Ended] | None = None
        self._witness: Witness | None = None
        self._loose_ts: int | None = None

    # -- the daemon ------------------------------------------------------------------------------------------

    def settings(self, **variables: str) -> Settings:
        given = {f"DRIFT_E3_{name}": value for name, value in (self._variables | variables).items()}
        overrides = {"venue": self.local.venue, "state_dir": self.state_dir}
        return load(environment=self.local.settings | given, overrides=overrides).settings

    async def start(
        self, policy: StopPolicy = StopPolicy.HOLD, *, trading: bool = True, **variables: str
    ) -> None:
        """Start the daemon; with `trading` return when it is warm and reconciled."""
        assert self._daemon is None, "one at a time"
        settings = self.settings(**variables)
        self.state_dir.mkdir(exist_ok=True)
        before, _ = len(self.events), self.witness
        self._daemon = asyncio.create_task(self._run(settings, policy), name="daemon")
        if trading:
            await self.until(lambda: len(self.events) > before and self.state.warmed, 30.0)

    async def _run(self, settings: Settings, policy: StopPolicy) -> Ended:
        orders = Orders(
            state_dir=settings.state_dir,
            settings=settings.trading(),
            equity_usd=settings.paper.equity_usd,
            speed=1.0,
            stop_policy=policy,
            stop_timeout_s=settings.stop_timeout_s,
            reload=settings.trading,
        )
        async with wiring.live_market(settings, self.clock) as market:
            return await run_daemon(orders, market, SilentAdvisor(), self.clock)

    def hear(self, seq: int, event: Event, outcome: Outcome, trader: Trader) -> None:
        """Stands in for the daemon's log."""
        del seq
        self.events.append(event)
        self.submitted += (command for command in outcome.commands if isinstance(command, SubmitOrder))
        self.trader = trader
        for listener in self.listeners:
            listener(outcome)

    async def stop(self) -> Ended:
        """Ask the daemon to stop as a service manager does, and wait for its end."""
        assert self._daemon is not None
        signal.raise_signal(signal.SIGTERM)
        return await self.ended()

    async def ended(self) -> Ended:
        """Wait for the daemon's end; raises what it raised, and TimeoutError if it goes on."""
        assert self._daemon is not None
        async with asyncio.timeout(PATIENCE_S):
            daemon, self._daemon = self._daemon, None
            return await daemon

    async def kill(self) -> None:
        """Let the daemon be gone without a word, its tasks and sockets with it."""
        if self._daemon is None:
            return
        daemon, self._daemon = self._daemon, None
        daemon.cancel()
        with suppress(asyncio.CancelledError):
            await daemon

    @property
    def running(self) -> bool:
        return self._daemon is not None and not self._daemon.done()

    @property
    def state(self) -> TraderState:
        """What the trader remembers."""
        assert self.trader is not None, "started first"
        return self.trader.state

    # -- time ------------------------------------------------------------------------------------------------

    async def seconds(self, seconds: float) -> None:
        """Let so much time pass."""
        ends = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < ends:
            await self._step()

    async def until(self, holds: Callable[[], object], seconds: float = 200.0) -> None:
        """Let time pass until something holds; raises `Overdue` if it does not, and what a daemon died of."""
        ends = asyncio.get_running_loop().time() + seconds
        while not holds():
            if asyncio.get_running_loop().time() > ends:
                raise Overdue(f"not within {seconds:g} s")
            await self._step()

    async def _step(self) -> None:
        await asyncio.sleep(STEP_S)
        if self._daemon is not None and self._daemon.done():
            self._daemon.result()
        self._watch_protection()

    async def minute(self, second: int = 0) -> None:
        """Wait for that second of a minute of the market."""
        await self.until(lambda: self.clock.now_ms() // 1_000 % 60 == second, 61.0)

    # -- what the chain says ---------------------------------------------------------------------------------

    @property
    def witness(self) -> Witness:
        """What the chain itself says, whatever the daemon believes."""
        if self._witness is None:
            self._witness = Witness(self.local, wiring.program(self.settings()))
        return self._witness

    def _watch_protection(self) -> None:
        if not self.running:
            self._loose_ts = None
            return
        with suppress(AccountRefused):
            if not (base := self.witness.base()) or self.witness.stopped_base() >= abs(base):
                self._loose_ts = None
                return
        self._loose_ts = self.clock.now_ms() if self._loose_ts is None else self._loose_ts
        self.loose_ms = max(self.loose_ms, self.clock.now_ms() - self._loose_ts)


@asynccontextmanager
async def a_stage(
    folder: Path,
    venue: VenueName = "velocity",
    engine: EngineName = "emulation",
    *,
    plan: Sequence[int] = (1, 1, -1, -1),
    start_ts: int = START_TS + 40_000,
    rate_frac_1h: float = 0.00001,
    deposit_usd: float = 1_000.0,
    variables: Mapping[str, str] | None = None,
) -> AsyncGenerator[LiveStage]:
    """A chain whose market follows `plan` and no daemon yet; `variables` are added to `EAGER`.

    The chain is set up in 16 s; the first candle closes a moment later.
    """
    feed = Waves(plan, start_ts=start_ts, rate_frac_1h=rate_frac_1h)
    async with LocalChain(
        venue, engine, feed=feed, start_ts=start_ts, pace=1.0, deposit_usd=deposit_usd
    ) as local:
        stage = LiveStage(local, folder, EAGER | dict(variables or {}))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(drift_e3.live.daemon, "_tell", stage.hear)
            try:
                yield stage
            finally:
                await stage.kill()
