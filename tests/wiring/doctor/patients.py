"""A venue of the drill with everything in place, and its examination, for tests that break one thing."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from drift_e3.config import load
from drift_e3.drill.local_chain import LocalChain
from drift_e3.wiring.doctor import Check, Purpose, Report, examine


class Hands:
    """A clock that stands, so far from the chain's."""

    def __init__(self, local: LocalChain, skew_ms: int = 0) -> None:
        self._local = local
        self.skew_ms = skew_ms

    def now_ms(self) -> int:
        return self._local.chain.now_ts + self.skew_ms

    async def sleep_until(self, ts_ms: int) -> None:
        raise NotImplementedError


class Patient:
    """A local chain and the settings that point at it; `settings` may be changed before an examination."""

    def __init__(self, local: LocalChain, state: Path) -> None:
        self.local = local
        self.hands = Hands(local)
        self.state = state
        self.settings = {
            **local.settings,
            "DRIFT_E3_VENUE": local.venue,
            "DRIFT_E3_STATE_DIR": str(state),
            "DRIFT_E3_ADVISOR": "off",
            "DRIFT_E3_RPC__CALLS_PER_S": "1000",
        }

    async def examined(
        self,
        purpose: Purpose = Purpose.LIVE,
        starting: bool = False,
        /,
        **variables: str,
    ) -> Report:
        """The report; variables without their prefix."""
        given = {f"DRIFT_E3_{name}": value for name, value in variables.items()}
        loaded = load(environment=self.settings | given, env_file=Path("no such file"))
        return await examine(loaded, purpose, self.hands, starting=starting)


@asynccontextmanager
async def a_patient(state: Path, **options: Any) -> AsyncGenerator[Patient]:
    """Velocity, emulated, unless told otherwise."""
    async with LocalChain(**{"engine": "emulation", **options}) as local:
        yield Patient(local, state)


def found(report: Report, name: str) -> Check:
    """The check of that name."""
    return next(check for check in report.checks if check.name == name)


def failures(report: Report) -> list[str]:
    """The names of what failed by itself."""
    return [check.name for check in report.failures if check.made]


def warnings(report: Report) -> list[str]:
    return [check.name for check in report.checks if check.status == "warn"]
