"""The daemon: start or recover, trade a played or a live market until told to stop, leave in order.

One task group holds everything: the trading loop, the player, the advisor's question, the reactions to
signals. A bug in any of them ends all of them; the service manager restarts, and a restart is a recovery.
"""

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import structlog

from drift_e3.core.commands import Stop
from drift_e3.core.events import (
    AdviceFailed,
    Event,
    FlattenRequested,
    Settings,
    SettingsChanged,
    Started,
    StopRequested,
)
from drift_e3.core.terms import MS_PER_SECOND, StopPolicy
from drift_e3.core.trader import Trader
from drift_e3.core.turn import Outcome
from drift_e3.journal.code_hash import code_hash
from drift_e3.journal.errors import JournalEmpty, JournalError
from drift_e3.journal.reader import open_journal
from drift_e3.journal.rotation import Keeping
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.journal.segments import lost
from drift_e3.journal.tail import verify
from drift_e3.journal.writer import JournalWriter
from drift_e3.live.clock import Pacer
from drift_e3.live.consultant import Consultant
from drift_e3.live.control import Control
from drift_e3.live.inbox import Inbox
from drift_e3.live.loop import TradingLoop
from drift_e3.live.operating import DaemonOperator
from drift_e3.live.player import Player
from drift_e3.live.recovery import Recovered, recover
from drift_e3.live.session import Session
from drift_e3.live.story import story
from drift_e3.live.streaming import Streaming
from drift_e3.live.turns import short_turns
from drift_e3.live.watch import Watch
from drift_e3.operating import Messenger, Watcher
from drift_e3.ports import Advisor, AttendedAdvisor, Clock, DataError, Market, is_live

log = structlog.get_logger()


class ForcedStop(Exception):
    """A second signal: leave now. The journal is the truth, and the next start recovers from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """How the daemon is to run: `speed` None is as fast as it goes; `reload` reads the settings anew and
    raises for bad ones; `stop_timeout_s` bounds a stop that reduces or flattens. `flatten_by`: this person
    wants no trading, only the position closed and the daemon ended; "" for nobody. `venue` is for people.
    `keeping`: how the journal is rotated, None for not at all."""

    state_dir: Path
    settings: Settings
    equity_usd: float
    speed: float | None
    stop_policy: StopPolicy
    stop_timeout_s: float
    reload: Callable[[], Settings]
    venue: str = ""
    flatten_by: str = ""
    keeping: Keeping | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run ended: what the core said, and the trader with its whole memory."""

    stop: Stop
    trader: Trader


async def run_daemon(
    orders: Orders, market: Market, advisor: Advisor, clock: Clock, watchers: Sequence[Watcher] = ()
) -> Ended:
    """Trade until the market ends or somebody asks for a stop; the caller holds the state directory's lock.

    A live market may refuse to be traded or be out of reach (`VenueRefused`, `VenueUnavailable`). Raises
    `DataError` for a journal that cannot be trusted or that another market wrote, `JournalError` when
    it cannot be written any more, `ForcedStop` at a second signal.
    """
    path = orders.state_dir / JOURNAL_NAME
    recovered = _recover(path, market, orders.equity_usd)
    opening = await _open(market, recovered)
    turns = short_turns() if is_live(market) else nullcontext()
    with turns, JournalWriter(path, code_hash(), keeping=orders.keeping) as journal:
        watch = Watch(recovered.decision, (_tell, *(watcher.told for watcher in watchers)))
        session = Session(recovered, journal, watch.told)
        pacer = Pacer(clock, 1.0 if is_live(market) else orders.speed)
        inbox = Inbox()
        try:
            async with asyncio.TaskGroup() as tasks:
                consultant = Consultant(advisor, tasks, inbox if pacer.real_time else None)
                loop = TradingLoop(session, inbox, market, consultant)
                if is_live(market):
                    begins_ts = opening[0].seen_ts if opening else clock.now_ms()
                    await _start(loop, orders, recovered, begins_ts)
                    await loop.welcome(opening)
                else:
                    await _start(loop, orders, recovered, market.next_ts() or 0)
                streaming = Streaming(market, inbox, clock) if is_live(market) else None
                operator = DaemonOperator(
                    session,
                    inbox,
                    watch,
                    clock,
                    venue=orders.venue,
                    speed=orders.speed,
                    troubles=market.troubles if is_live(market) else tuple,
                    servers=market.servers if is_live(market) else tuple,
                    arrivals=(lambda: None) if streaming is None else streaming.status,
                    messenger=next((one for one in watchers if isinstance(one, Messenger)), None),
                )
                control = Control(tasks, operator)
                signals = _Signals(tasks, inbox, session, orders, clock)
                if refusal := await control.open(orders.state_dir):
                    log.warning("control.refused", reason=refusal)
                watching = [tasks.create_task(watcher.run(operator), name="watcher") for watcher in watchers]
                if orders.flatten_by:
                    await _flatten(loop, orders.flatten_by)
                    signals.limit()
                bringing = (
                    Player(market, inbox, pacer, consultant).run() if streaming is None else streaming.run()
                )
                player = tasks.create_task(bringing, name="player")
                attending = _attend(advisor, tasks)
                try:
                    stop = await loop.run()
                finally:
                    if attending is not None:
                        attending.cancel()
                    control.close()
                    signals.ignore()
                    player.cancel()
                    consultant.cancel()
                    for task in watching:
                        task.cancel()
        except* ForcedStop:
            raise ForcedStop from None
        except* (OSError, JournalError) as group:
            # The machine's refusals (a full disk) are no bug: one of them is told, not a group.
            raise _first(group) from None
    return Ended(stop=stop, trader=session.trader)


def _attend(advisor: Advisor, tasks: asyncio.TaskGroup) -> asyncio.Task[None] | None:
    return (
        tasks.create_task(advisor.attend(), name="attendant")
        if isinstance(advisor, AttendedAdvisor)
        else None
    )


def _first(group: BaseExceptionGroup[OSError | JournalError]) -> OSError | JournalError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def _recover(path: Path, market: Market, equity_usd: float) -> Recovered:
    fresh = Recovered(Trader(), 0, 0, [], None, 0)
    if not path.exists():
        return fresh
    try:
        reader = open_journal(path)
    except JournalEmpty:
        # Killed while the file was made.
        return fresh
    with reader:
        tail = verify(reader)
        if tail.first_bad is not None:
            raise DataError(f"{path}: {tail.text}")
        if not tail.intact:
            log.warning("journal.torn", path=str(path), dropped=tail.text)
        for segment in lost(path, reader.segments):
            log.warning("segment.lost", path=str(segment))
        if reader.last_seq == 0:
            return fresh
        proves = not is_live(market) or market.proves
        recovered = recover(reader, market if proves else None)
        state = recovered.trader.state
        if proves and state.account.initial_usd != equity_usd:
            raise DataError(
                f"{path}: was begun with equity {state.account.initial_usd:g} USD, not {equity_usd:g}; "
                "use the same paper settings, or another --state"
            )
        log.info(
            "journal.recovered",
            snapshot=recovered.seq - recovered.replayed,
            events=recovered.replayed,
            clean_stop=reader.clean_stop,
            position_base=state.account.position_base,
            orders=len(state.orders.by_id),
            mode=state.mode.mode.label,
        )
        return recovered


async def _open(market: Market, recovered: Recovered) -> Sequence[Event]:
    """Connect to a live market; what is to be booked first."""
    if not is_live(market):
        return ()
    return await market.open(recovered.trader.state if recovered.seq else None, recovered.last_ts)


async def _start(loop: TradingLoop, orders: Orders, recovered: Recovered, begins_ts: int) -> None:
    """The start itself, then what a restart found half done."""
    market, session = loop.market, loop.session
    await loop.take(
        Started(
            seen_ts=recovered.last_ts or begins_ts,
            settings=orders.settings,
            instrument=market.instrument,
            feed=market.feed,
            equity_usd=orders.equity_usd,
        )
    )
    for event in recovered.unseen:
        await loop.take(event)
    open_id = session.trader.state.consultation.open_id
    if open_id:
        await loop.take(
            AdviceFailed(seen_ts=session.last_ts, question_id=open_id, reason="restarted", latency_ms=0)
        )


async def _flatten(loop: TradingLoop, by: str) -> None:
    """Close the position and end, before the market brings anything that could be traded on."""
    seen_ts = loop.session.last_ts
    await loop.take(FlattenRequested(seen_ts=seen_ts, by=by))
    await loop.take(StopRequested(seen_ts=seen_ts, policy=StopPolicy.FLATTEN, by=by))


def _tell(seq: int, event: Event, outcome: Outcome, trader: Trader) -> None:
    """Log an event's lines; `seq` is the journal's number of the event: each line can be looked up."""
    for line in story(event, outcome, trader.state):
        getattr(log, line.level)(line.name, **({"ts": event.seen_ts, "seq": seq} | line.fields))


class _Signals:
    """SIGTERM and SIGINT ask for a stop, a second one forces it; SIGHUP reads the settings anew."""

    def __init__(
        self, tasks: asyncio.TaskGroup, inbox: Inbox, session: Session, orders: Orders, clock: Clock
    ) -> None:
        self._tasks = tasks
        self._inbox = inbox
        self._session = session
        self._orders = orders
        self._clock = clock
        self._stopping: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop, signal.Signals(number).name)
        self._loop.add_signal_handler(signal.SIGHUP, self._reload)

    def ignore(self) -> None:
        """Leave the signals to the process again, and watch no time limit any more."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._loop.remove_signal_handler(number)
        if self._stopping is not None:
            self._stopping.cancel()

    def _stop(self, name: str) -> None:
        if self._stopping is None:
            self._stopping = self._tasks.create_task(self._wind_down(name), name="stop")
        else:
            self._tasks.create_task(_force())

    def limit(self) -> None:
        """Let a stop that was asked for already take no longer than its time limit."""
        self._stopping = self._tasks.create_task(self._cut_short(self._limit_ms()), name="stop")

    def _limit_ms(self) -> int:
        return self._clock.now_ms() + int(self._orders.stop_timeout_s * MS_PER_SECOND)

    async def _wind_down(self, name: str) -> None:
        until_ms = self._limit_ms()
        policy = self._orders.stop_policy
        await self._put(StopRequested(seen_ts=self._session.last_ts, policy=policy, by=name))
        await self._cut_short(until_ms)

    async def _cut_short(self, until_ms: int) -> None:
        await self._clock.sleep_until(until_ms)
        log.warning("stop.overran", timeout_s=self._orders.stop_timeout_s)
        await self._put(
            StopRequested(
                seen_ts=self._session.last_ts, policy=StopPolicy.HOLD, by="time limit", at_once=True
            )
        )

    def _reload(self) -> None:
        try:
            settings = self._orders.reload()
        except ValueError as error:
            log.error("settings.refused", reason=str(error))
            return
        event = SettingsChanged(seen_ts=self._session.last_ts, settings=settings)
        self._tasks.create_task(self._put(event), name="reload")

    async def _put(self, event: Event) -> None:
        await self._inbox.put([event])


async def _force() -> None:
    log.warning("stop.forced")
    raise ForcedStop
