"""Looks on while a daemon is in trouble: what the account does, and how the daemon stands.

The account is looked at in every slot, past all servers; the daemon is asked once a second over its control
socket, as `drift-e3 status` asks. Nothing here judges.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from drift_e3.drill.chaos.service import Service
from drift_e3.drill.witness import Witness
from drift_e3.live.control_socket import connect
from drift_e3.live.control_wire import NOT_UNDERSTOOD, Request, decode_answer, encode
from drift_e3.operating import Verb
from drift_e3.status import Status
from drift_e3.venues.solana.program import AccountRefused

ASKED_EVERY_S: Final = 1.0
PATIENCE_S: Final = 4.0
"""Of the market's time: a daemon that has not answered by then is deaf."""


class Where(StrEnum):
    """How a daemon stands. All but the last two are safe."""

    TRADES = "trades"
    GUARDED = "no entries, position under its stop"
    FLAT = "no entries, no position"
    DOWN_GUARDED = "down, position under its stop"
    DOWN_FLAT = "down, no position"
    BARE = "position without a stop"
    DEAF = "does not answer"


UNSAFE: Final = frozenset({Where.BARE, Where.DEAF})


@dataclass(slots=True, kw_only=True)
class Account:
    """What the account on the chain has done: its position's changes (1e-9 base), and for how long at most a
    position had no stop (s of the market): in all, and while a daemon lived that nothing hindered."""

    moves: list[int] = field(default_factory=list)
    bare_s_max: float = 0.0
    unhindered_s_max: float = 0.0


class Watch:
    """The onlooker of one drill. `hindered` says whether something keeps the daemon from acting."""

    def __init__(self, witness: Witness, service: Service, state_dir: Path) -> None:
        self.account = Account()
        self.where = Where.DOWN_FLAT
        self.status: Status | None = None
        self.hindered = False
        self._witness = witness
        self._service = service
        self._state_dir = state_dir
        self._base = witness.base()
        self._bare_s: float | None = None
        self._unhindered_s = 0.0
        self._last_s = 0.0

    @property
    def base(self) -> int:
        """The account's position (1e-9 base)."""
        return self._base

    # -- the account -----------------------------------------------------------------------------------------

    def slot(self, _: int) -> None:
        """Look at the account after a slot's transactions."""
        now_s = asyncio.get_running_loop().time()
        account, base = self.account, self._witness.base()
        if base != self._base:
            account.moves.append(base - self._base)
            self._base = base
        passed_s, self._last_s = now_s - self._last_s, now_s
        if self._guarded():
            self._bare_s, self._unhindered_s = None, 0.0
            return
        if self._bare_s is None:
            self._bare_s, passed_s = now_s, 0.0
        account.bare_s_max = max(account.bare_s_max, now_s - self._bare_s)
        if self._service.lives and not self._service.stopped and not self.hindered:
            self._unhindered_s += passed_s
            account.unhindered_s_max = max(account.unhindered_s_max, self._unhindered_s)

    def _guarded(self) -> bool:
        """Whether there is no position, or one under a stop for all of it."""
        if not self._base:
            return True
        with suppress(AccountRefused):
            return self._witness.stopped_base() >= abs(self._base)
        return self._bare_s is None

    # -- the daemon ------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Ask the daemon again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(ASKED_EVERY_S)

    async def look(self) -> None:
        """Ask the daemon how it stands."""
        service = self._service
        alive = service.lives and not service.stopped
        self.status = await self._ask() if alive else None
        self.where = self._where(alive=alive)

    def _where(self, *, alive: bool) -> Where:
        status, held, guarded = self.status, bool(self._base), self._guarded()
        if held and not guarded:
            return Where.BARE
        if not alive or status is None:
            deaf = alive and self._service.heard
            return Where.DEAF if deaf else Where.DOWN_GUARDED if held else Where.DOWN_FLAT
        self._service.heard = True
        if status.mode == "trading" and not status.stale and not status.barred:
            return Where.TRADES
        return Where.GUARDED if held else Where.FLAT

    async def _ask(self) -> Status | None:
        """The daemon's answer; None where there is none in time."""
        try:
            connection = connect(self._state_dir, PATIENCE_S)
        except OSError:
            return None
        connection.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=connection, limit=1 << 20)
        try:
            async with asyncio.timeout(PATIENCE_S):
                writer.write(encode(Request(verb=Verb.STATUS, by="chaos")) + b"\n")
                return decode_answer(await reader.readuntil()).status
        except (OSError, TimeoutError, asyncio.IncompleteReadError, *NOT_UNDERSTOOD):
            return None
        finally:
            writer.close()
