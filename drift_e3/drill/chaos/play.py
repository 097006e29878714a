"""One drill from its beginning to its score card: chain, servers, market, model, daemon, troubles, checks."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from drift_e3.config import load
from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.drill.chaos.card import Card
from drift_e3.drill.chaos.checks import Record, check
from drift_e3.drill.chaos.schedule import plan, schedule
from drift_e3.drill.chaos.service import Service, a_service
from drift_e3.drill.chaos.troubles import Troubles
from drift_e3.drill.chaos.watch import Watch, Where
from drift_e3.drill.local_chain import LocalChain, VenueName
from drift_e3.drill.ollama_acts import says
from drift_e3.drill.scripted_ollama import MODEL, scripted_ollama
from drift_e3.drill.shared_time import SharedTimeLoop, TimeGiver, giver
from drift_e3.drill.waves import EAGER, START_TS, Waves
from drift_e3.drill.witness import Witness
from drift_e3.wiring.chain import program

SPEED: Final = 40.0
"""Of the market's time over the machine's, at the most."""
MINUTE_S: Final = 60.0
LAG_MS: Final = 45 * MS_PER_SECOND
"""For so long after a candle its book still leans as it did: one that came late is traded all the same."""
LEAD_S: Final = 30
"""The chain begins so long after a full minute: set up, and the daemon started, it is the next one."""
BEGIN_S: Final = 90.0
"""A daemon in no trouble trades so long after its start, at the latest."""
CALM_S: Final = 20.0
"""So long nothing happens after the last strike, at the least."""
LEAVE_S: Final = 120.0
"""An end in order takes no longer: the time limit of a stop, and some patience."""
UNHINDERED_S: Final = 45.0
"""A position without a stop for longer, while a daemon lives that nothing hinders: the daemon itself leaves
after `unprotected_max_s`."""
DIGEST: Final = "0" * 64


def run(
    seed: int, minutes: float, venue: VenueName, folder: Path, command: Sequence[str], speed: float = SPEED
) -> Card:
    """Drill a daemon whose lives are forked from `command`; its state and log are left in `folder`."""
    with asyncio.Runner(loop_factory=lambda: SharedTimeLoop(TimeGiver(speed))) as runner:
        return runner.run(_play(seed, minutes, venue, folder, command))


async def _play(seed: int, minutes: float, venue: VenueName, folder: Path, command: Sequence[str]) -> Card:
    loop, began_s = asyncio.get_running_loop(), time.monotonic()
    state_dir = folder / "state"
    start_ts = START_TS + LEAD_S * MS_PER_SECOND
    feed = Waves(plan(seed), start_ts=start_ts, lag_ms=LAG_MS)
    variables: dict[str, str] = {}
    async with (
        LocalChain(venue, "emulation", feed=feed, start_ts=start_ts, pace=1.0, seed=seed) as local,
        scripted_ollama({MODEL: says(delay_s=0.05)}, {MODEL: DIGEST}) as model,
        a_service([*command, venue], folder, lambda: (_arguments(venue, state_dir), variables)) as service,
    ):
        giver().wall_zero_s = local.chain.now_ts / MS_PER_SECOND - loop.time()
        variables |= local.settings | _variables(model.url)
        # No setting of whoever runs this: an environment and a folder without any.
        settings = load(environment={"DRIFT_E3_VENUE": venue}, env_file=folder / ".env").settings
        witness = Witness(local, program(settings))
        watch = Watch(witness, service, state_dir)
        troubles = Troubles(local, service, model, watch)
        broken = troubles.findings.broken
        local.chain.after_landing.append(watch.slot)
        async with asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(service.run()), tasks.create_task(watch.run())]
            if not await _until(lambda: watch.where is Where.TRADES, troubles, BEGIN_S):
                broken.append(f"the daemon did not trade within {BEGIN_S:g} s of its first start")
            await _until(lambda: local.chain.now_ts % 60_000 < MS_PER_SECOND, troubles, MINUTE_S)
            striking = tasks.create_task(troubles.run(schedule(seed, minutes)))
            await _until(striking.done, troubles, minutes * MINUTE_S * 2)
            ends_s = loop.time() + CALM_S
            await _until(lambda: not troubles.pending and loop.time() > ends_s, troubles, 10 * MINUTE_S)
            await _leave(service, variables, watch, troubles, witness)
            for task in background:
                task.cancel()
        record = check(state_dir, witness, watch.account.moves)
    if watch.account.unhindered_s_max > UNHINDERED_S:
        broken.append(
            f"a position stood without its stop for {watch.account.unhindered_s_max:.0f} s "
            "while a daemon lived that nothing hindered"
        )
    return _card(seed, minutes, venue, troubles, watch, service, record, time.monotonic() - began_s)


async def _until(holds: Callable[[], object], troubles: Troubles, seconds: float) -> bool:
    """Let the market's time pass until something holds; False if it does not."""
    loop = asyncio.get_running_loop()
    ends_s = loop.time() + seconds
    while not holds():
        if loop.time() > ends_s:
            return False
        await asyncio.sleep(0.5)
        troubles.look()
    return True


async def _leave(
    service: Service, variables: dict[str, str], watch: Watch, troubles: Troubles, witness: Witness
) -> None:
    """A last life, which ends in order: flat, with nothing left on the venue."""
    broken = troubles.findings.broken
    await _until(lambda: service.heard, troubles, BEGIN_S)
    if not await _end(service, troubles):
        return
    variables["DRIFT_E3_STOP_POLICY"] = "flatten"
    service.bring_up()
    await _until(lambda: service.heard and watch.where is Where.TRADES, troubles, BEGIN_S)
    if not await _end(service, troubles):
        return
    if service.endings[-1].code != 0:
        broken.append(f"the last life ended with {service.endings[-1].code}")
    user = witness.user()
    if user.totals.base or user.orders:
        broken.append(f"a stop that flattens left {user.totals.base} base and {len(user.orders)} orders")


async def _end(service: Service, troubles: Troubles) -> bool:
    """Tell the daemon to stop, for good; whether it does."""
    lived = len(service.endings)
    service.keep_down()
    service.kill(signal.SIGTERM)
    if not service.lives:
        return True
    if not await _until(lambda: len(service.endings) > lived, troubles, LEAVE_S):
        troubles.findings.broken.append(f"the daemon did not end within {LEAVE_S:g} s of a SIGTERM")
        return False
    return True


def _arguments(venue: VenueName, state_dir: Path) -> list[str]:
    told = ["--venue", venue, "--state", str(state_dir), "--log-format", "json"]
    return ["run", "--live", "--yes", "--accept", "unlicensed", *told]


def _variables(model_url: str) -> dict[str, str]:
    """The daemon's settings: eager, with a model that is asked."""
    wanted = EAGER | {
        "ADVISOR": "ollama",
        "OLLAMA__URL": model_url,
        "OLLAMA__MODELS": MODEL,
        "SERVER__PORT": "0",
        # After a jump of the price no other candle is large.
        "STRATEGY__M_BODYOVERATR": "0",
    }
    return {f"DRIFT_E3_{name}": value for name, value in wanted.items()}


def _card(
    seed: int,
    minutes: float,
    venue: VenueName,
    troubles: Troubles,
    watch: Watch,
    service: Service,
    record: Record,
    elapsed_s: float,
) -> Card:
    bugs = dict.fromkeys(service.bugs)
    broken = [*troubles.findings.broken, *record.broken, *(f"a bug ended the daemon: {bug}" for bug in bugs)]
    return Card(
        seed=seed,
        minutes=minutes,
        venue=venue,
        struck=tuple(troubles.struck),
        orders_doubled=record.orders_doubled,
        fills_lost=record.fills_lost,
        invariants_broken=len(broken),
        findings=(*record.doubled, *record.lost, *broken),
        unprotected_s_max=watch.account.bare_s_max,
        unhindered_s_max=watch.account.unhindered_s_max,
        events=record.events,
        orders_sent=record.sent,
        orders_placed=record.placed,
        fills=record.fills,
        starts=service.starts,
        persons=troubles.findings.persons,
        endings=tuple(ending.code for ending in service.endings),
        elapsed_s=elapsed_s,
    )
