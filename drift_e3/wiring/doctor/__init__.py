"""Examines whether everything is in place for what the settings mean to do, and says what to do if not.

Nothing is changed, signed or sent: no folder is made, no program approved. What is found means what the
modules of checks say; here is put together what applies to the venue.
"""

import asyncio
from typing import Final

from drift_e3.config import Loaded, Settings
from drift_e3.ports import Clock, DataError
from drift_e3.wiring import recording
from drift_e3.wiring.doctor import machine, services
from drift_e3.wiring.doctor.report import Check, Purpose, Report, Status, failed, passed, softened, warned

__all__ = ["Check", "Purpose", "Report", "Status", "examine", "unreadable"]

ENTRIES = frozenset(
    {"market", "oracle", "pauses", "account", "collateral", "foreign", "fee_payer", "order"}
    | {"priority_fee", "data_api", "dlob", "rpc_history"}
)
"""What stops entries and no exit: no reason to leave a position alone."""
VENUE = frozenset({"liveness", "market", "pauses", "deployment"})
"""What stops real orders alone."""

UNASKED: Final = warned(
    "model",
    "not asked: there is a position to guard, which does not wait for a model",
    "nothing to do: the daemon asks it by itself, and the rules go on alone meanwhile",
)


def unreadable(problems: tuple[str, ...]) -> Report:
    """The report on settings that cannot be used: without them nothing else can be looked at."""
    remedy = "correct them; drift-e3 config check says no more than this, .env.example has every key"
    return Report(checks=(failed("settings", "; ".join(problems), remedy),))


async def examine(loaded: Loaded, purpose: Purpose, clock: Clock, *, starting: bool = False) -> Report:
    """Look at everything that the settings need for this purpose. Raises nothing for a party outside.

    Who is `starting` to trade with a position to guard does not wait for a model.
    """
    settings = loaded.settings
    found = [
        passed("settings", f"{len(loaded.origins)} are given, the others are defaults"),
        machine.disk(settings.state_dir),
        machine.lock(settings.state_dir),
    ]
    match settings.venue:
        case "tape":
            found += [await asyncio.to_thread(_tape, settings), await services.model(settings)]
        case "synthetic":
            found.append(await services.model(settings))
        case "drift" | "velocity":
            found += await _venue(settings, purpose, clock, starting=starting)
    return Report(checks=tuple(found))


async def _venue(settings: Settings, purpose: Purpose, clock: Clock, *, starting: bool) -> list[Check]:
    """Chain, services and model at the same time."""
    async with asyncio.TaskGroup() as asking:
        served = asking.create_task(services.checks(settings, clock))
        model = asking.create_task(services.model(settings))
        guards = False
        if purpose is Purpose.PAPER and settings.rpc.urls is None:
            # Then paper trades without the chain.
            found = [await services.machine_clock(settings, clock)]
        else:
            # Only here: the chain's libraries take seconds to import.
            from drift_e3.wiring.doctor import chain

            found, guards = await chain.look(settings, purpose, clock)
        if starting and guards:
            model.cancel()
    found += [*served.result(), UNASKED if model.cancelled() else model.result()]
    if guards:
        found = softened(found, ENTRIES, "it stops entries, and there is a position to guard")
    if purpose is Purpose.PAPER:
        found = softened(found, VENUE, "paper goes on")
    return found


def _tape(settings: Settings) -> Check:
    try:
        files = recording(settings).reports
    except DataError as error:
        return failed("tape", str(error), "mend the file, or play another one")
    odd = sum(len(report.findings) for report in files)
    told = f"{len(files)} files can be read" if len(files) > 1 else "the file can be read"
    return passed("tape", f"{told}; {odd} oddities, which run tells at its start" if odd else told)
