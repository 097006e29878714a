"""The whole drill in one block: a chain with a venue on it, an account, and all services on loopback ports.

    async with LocalChain(venue="velocity") as chain:
        environment |= chain.settings      # point the daemon at it
        chain.faults.start(FaultKind.LOST_RESPONSE, count=1)
        chain.step(25)                     # ten seconds of the drill, at once

By hand nothing moves but by `step`; with a `pace` time passes by itself, 1.0 being real.
"""

import asyncio
import json
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.drill.chain import FINALIZED_SLOTS, SLOT_MS, Chain
from drift_e3.drill.clock import DrillClock
from drift_e3.drill.data_api import DataApi
from drift_e3.drill.dlob import Dlob
from drift_e3.drill.emulation.dialects import drift_dialect, velocity_dialect
from drift_e3.drill.emulation.engine import EmulatedEngine
from drift_e3.drill.engines import Engine, ProgramEngine
from drift_e3.drill.faults import Faults
from drift_e3.drill.hand import Hand
from drift_e3.drill.keeper import Keeper
from drift_e3.drill.market import DrillMarket
from drift_e3.drill.oracle import ScriptedOracle, StepFeed
from drift_e3.drill.paths import PathFeed, flat
from drift_e3.drill.rpc_server import RpcServer
from drift_e3.drill.stage import PROGRAM_FILES, drift_stage, velocity_stage
from drift_e3.drill.venue_faults import VenueFaults
from drift_e3.venues.solana.program import RawAccount

PROGRAMS_VARIABLE = "DRIFT_E3_PROGRAMS"
PRICE_UNITS = 1_000_000
KEEPER_DEPOSIT_USD = 100.0
PRICE_USD = 150.0
LAG_SLOTS_MAX = 50
"""How many slots a paced chain catches up at a time when the machine was busy."""

VenueName = Literal["velocity", "drift"]
EngineName = Literal["auto", "program", "emulation"]


class LocalChain:
    """The drill. `engine` ``auto`` is the real program where the folder named by DRIFT_E3_PROGRAMS has it.

    `feed` is the market that is played (default: a flat price). `start_ts` (UTC, ms) is when the chain
    begins, the feed's beginning unless told otherwise; what is due before it is history. `accounts` are
    State, markets and oracles instead of made-up ones (Velocity). The same arguments make the same run.
    """

    def __init__(
        self,
        venue: VenueName = "velocity",
        engine: EngineName = "auto",
        *,
        feed: StepFeed | None = None,
        start_ts: int | None = None,
        deposit_usd: float = 1_000.0,
        accounts: Mapping[Pubkey, RawAccount] | None = None,
        pace: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.venue = venue
        self.faults = Faults(seed)
        played = feed or PathFeed(flat(PRICE_USD))
        begins_ts = played.begins_ts if start_ts is None else start_ts
        self.engine = make_engine(venue, engine)
        self.chain = Chain(self.engine, self.faults, now_ts=begins_ts, seed=seed)
        quote = "USDT" if venue == "velocity" else "USDC"
        self.market = DrillMarket(quote_asset=quote)
        self.owner = Keypair.from_seed(bytes([1 + seed % 200]) * 32)
        self.delegate = Keypair.from_seed(bytes([2 + seed % 200]) * 32)
        self.keeper_key = Keypair.from_seed(bytes([3 + seed % 200]) * 32)
        self.oracle = ScriptedOracle(played, self.market, self.faults, self._post)
        self._posting = False
        self.oracle.play(self.chain.slot, begins_ts)
        price_usd = self.market.oracle_usd
        if venue == "velocity":
            self.stage = velocity_stage(self.chain, accounts, price_usd)
        else:
            self.stage = drift_stage(self.engine, self.chain, price_usd)
        self._posting = True
        self._post(price_usd, self.chain.slot, self.chain.now_ts)
        self.chain.before_landing.append(self._play)
        self.keeper = Keeper(self.stage, self.keeper_key)
        self.venue_faults = VenueFaults(self.stage, self.owner, lambda: round(self.price_usd * PRICE_UNITS))
        self.clock = DrillClock(self.chain)
        self.rpc = RpcServer(self.chain)
        self.data_api = DataApi(self.market, self.faults)
        self.dlob = Dlob(self.market, self.faults, grouped=venue == "velocity")
        self.account = self.stage.hand(self.authority)
        self._deposit_usd = deposit_usd
        self._pace = pace
        self._stack = AsyncExitStack()
        self._folder = Path()

    # -- the block -----------------------------------------------------------------------------------------

    async def __aenter__(self) -> "LocalChain":
        self.open()
        async with AsyncExitStack() as stack:
            self._folder = Path(stack.enter_context(TemporaryDirectory(prefix="drift-e3-drill-")))
            for name, key in (("owner", self.owner), ("delegate", self.delegate)):
                write_key(self._folder / f"{name}.json", key)
            for service in (self.rpc, self.data_api, self.dlob):
                await stack.enter_async_context(service)
            if self._pace > 0.0:
                tasks = await stack.enter_async_context(asyncio.TaskGroup())
                pulse = tasks.create_task(self._pulse())
                stack.callback(pulse.cancel)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def open(self) -> None:
        """Make the accounts, without any service: a chain for tests that need no network."""
        self.stage.open_account(self.keeper_key, KEEPER_DEPOSIT_USD)
        self.account = self.open_account(self.owner, self._deposit_usd, self.delegate.pubkey())
        self.chain.after_landing.insert(0, self._keep)
        self.chain.step(FINALIZED_SLOTS)

    def open_account(self, owner: Keypair, deposit_usd: float, delegate: Pubkey | None = None) -> Hand:
        """Make another trader with a deposit and a delegate; the keeper keeps their orders."""
        hand = self.stage.open_account(owner, deposit_usd, delegate)
        self.keeper.watch(hand)
        return hand

    # -- where things are ----------------------------------------------------------------------------------

    @property
    def rpc_url(self) -> str:
        return self.rpc.url

    @property
    def ws_url(self) -> str:
        return self.rpc.ws_url

    @property
    def data_api_url(self) -> str:
        return self.data_api.url

    @property
    def dlob_url(self) -> str:
        return self.dlob.url

    @property
    def authority(self) -> Pubkey:
        """The owner of the account."""
        return self.owner.pubkey()

    @property
    def owner_key_file(self) -> Path:
        return self._folder / "owner.json"

    @property
    def delegate_key_file(self) -> Path:
        return self._folder / "delegate.json"

    @property
    def keeper_hand(self) -> Hand:
        """Where the keeper's instructions are made."""
        return self.stage.hand(self.keeper_key.pubkey())

    @property
    def price_usd(self) -> float:
        """The oracle's latest price."""
        return self.market.oracle_usd

    @property
    def settings(self) -> dict[str, str]:
        """The environment that points the daemon here, with the delegate's key."""
        return {
            "DRIFT_E3_RPC__URLS": self.rpc_url,
            "DRIFT_E3_DATA_API__URL": self.data_api_url,
            "DRIFT_E3_DLOB__URL": self.dlob_url,
            "DRIFT_E3_KEY__FILE": str(self.delegate_key_file),
            "DRIFT_E3_ACCOUNT__AUTHORITY": str(self.authority),
            "DRIFT_E3_ACCOUNT__SUB_ACCOUNT": "0",
        }

    # -- time ----------------------------------------------------------------------------------------------

    def step(self, slots: int = 1) -> None:
        """Let so many slots of 400 ms pass."""
        self.chain.step(slots)

    def pass_seconds(self, seconds: float) -> None:
        """Let at least so much time pass."""
        self.step(-int(-seconds * MS_PER_SECOND // SLOT_MS))

    async def _pulse(self) -> None:
        """Let time pass by itself. A machine that was busy catches up, so many slots at a time."""
        loop = asyncio.get_running_loop()
        begun, slots = loop.time(), 0
        while True:
            due = int((loop.time() - begun) * MS_PER_SECOND * self._pace / SLOT_MS)
            self.step(min(due - slots, LAG_SLOTS_MAX))
            slots = due
            await asyncio.sleep(SLOT_MS / MS_PER_SECOND / self._pace)

    def _play(self, slot: int) -> None:
        self.oracle.play(slot, self.chain.now_ts)
        self.dlob.beat(self.chain.now_ts)

    def _keep(self, slot: int) -> None:
        self.keeper.price_usd = self.price_usd
        self.keeper.work(slot)

    def _post(self, price_usd: float, slot: int, now_ts: int) -> None:
        if self._posting:
            self.stage.post(price_usd, slot, now_ts)


def programs_folder() -> Path | None:
    """Where program binaries are, if the environment names a folder."""
    named = os.environ.get(PROGRAMS_VARIABLE)
    return Path(named) if named else None


def make_engine(venue: VenueName, wanted: EngineName = "auto") -> Engine:
    """The engine for a venue. FileNotFoundError where the program is wanted and not there."""
    dialect = velocity_dialect() if venue == "velocity" else drift_dialect()
    folder = programs_folder()
    binary = folder / PROGRAM_FILES[venue] if folder else None
    if wanted == "program" or (wanted == "auto" and binary is not None and binary.is_file()):
        if binary is None:
            raise FileNotFoundError(f"{PROGRAMS_VARIABLE} names no folder with {PROGRAM_FILES[venue]}")
        return ProgramEngine({dialect.program_id: binary.read_bytes()})
    return EmulatedEngine(dialect)


def write_key(path: Path, key: Keypair) -> None:
    """Write a key file as wallets do, readable by its owner alone."""
    path.touch(0o600)
    path.write_text(json.dumps(list(bytes(key))), encoding="utf-8")
    path.chmod(0o400)
