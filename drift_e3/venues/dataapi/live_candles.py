"""Closed candles as core events: history to warm up on, then one after the other as they close.

Joins the stream's word, the answers over HTTP that confirm it, and the choice of prices. Books, funding and
the rest of the market are `feed`'s.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NoReturn

import structlog

from drift_e3.core.events import CandleClosed
from drift_e3.core.terms import MS_PER_DAY, MS_PER_SECOND
from drift_e3.ports import Clock
from drift_e3.venues.dataapi.backfill import candles_between
from drift_e3.venues.dataapi.candles import CandleAssembly, Closed, Diverged
from drift_e3.venues.dataapi.client import CANDLES_MAX, DataApi
from drift_e3.venues.dataapi.failures import ServiceRefused, ServiceUnavailable
from drift_e3.venues.dataapi.frames import CandleUpdate, Chatter, Garbled, read_api_frame
from drift_e3.venues.dataapi.health import Asked
from drift_e3.venues.dataapi.prices import Choice, Prices
from drift_e3.venues.dataapi.records import RESOLUTIONS, CandleRecord
from drift_e3.venues.dataapi.stream import Channel

log = structlog.get_logger()

HISTORY_MS: Final = 8 * MS_PER_DAY
"""More than the features' longest window, 7 days; the same as tapes give."""
OVERLAP: Final = 5
"""Candles asked for once more each time: what was told must still be so."""
LATE_MS: Final = 90 * MS_PER_SECOND
"""A candle seen longer after its close warms the features and is not traded on."""
TICK_MS: Final = 250
HURRY_S: Final = 3.0
PAUSE_MS: Final = 500
PAUSE_MAX_MS: Final = 15 * MS_PER_SECOND
DOUBLINGS_MAX: Final = 5

Recorded = Callable[[CandleRecord, CandleClosed], None]
"""Told of each candle with both its prices, beside the event that the core gets."""


class LiveCandles:
    """The candles of one market. `run` begins after `history`, which says where it goes on."""

    def __init__(
        self,
        api: DataApi,
        clock: Clock,
        symbol: str,
        frame_ms: int,
        choice: Choice,
        channel: Channel,
        recorded: Recorded | None,
    ) -> None:
        self.asked = Asked(name="candles_http")
        self._closed: list[Closed] = []
        self._api = api
        self._clock = clock
        self._symbol = symbol
        self._resolution = RESOLUTIONS[frame_ms]
        self._frame_ms = frame_ms
        self._channel = channel
        self._recorded = recorded
        self._prices = Prices(choice, frame_ms)
        self._assembly: CandleAssembly | None = None
        self._tries = 0
        self._ask_again_ms = 0

    @property
    def source(self) -> str:
        """Whose prices the candles have now: ``fills`` or ``oracle``."""
        return self._prices.source

    async def history(
        self, after_ts: int | None, not_before_ts: int, told: Sequence[CandleRecord]
    ) -> list[CandleClosed]:
        """The closed candles of the last 8 days that open after `after_ts`, oldest first, seen at their close
        or at `not_before_ts` if that is later.

        `told` are candles told before, of which the last ones must still be so. Raises `ServiceUnavailable`,
        `ServiceRefused`.
        """
        frame_ms, now_ms = self._frame_ms, self._clock.now_ms()
        from_ts = _floor(now_ms - HISTORY_MS, frame_ms)
        if after_ts is not None:
            from_ts = max(from_ts, _floor(after_ts, frame_ms) + frame_ms)
        since_ts = from_ts - OVERLAP * frame_ms if told else from_ts
        records = await candles_between(self._api, self._symbol, frame_ms, since_ts, now_ms)
        self.asked.note_answer()
        first_ts = next((r.open_ts for r in records if r.open_ts >= from_ts), _floor(now_ms, frame_ms))
        assembly = self._assembly = CandleAssembly(frame_ms, first_ts if after_ts is None else from_ts)
        assembly.remember(told)
        self._complain(assembly.confirm(records, since_ts, now_ms))
        closed = self._take(assembly, now_ms)
        self._prices.judge(told)
        self._prices.judge(candle.record for candle in closed)
        events = (self._event(candle.record, not_before_ts, history=True) for candle in closed)
        return [event for event in events if event is not None]

    def take_frame(self, text: str | bytes) -> str:
        """Hear a frame of the stream; what is wrong with it, empty if nothing."""
        frame = read_api_frame(text)
        if isinstance(frame, CandleUpdate):
            if (frame.symbol or self._symbol, frame.resolution or self._resolution) != (
                self._symbol,
                self._resolution,
            ):
                return "another market's candle"
            self._channel.hear()
            if self._assembly is not None:
                self._assembly.observe(frame.record, self._clock.now_ms())
            return ""
        if isinstance(frame, Garbled):
            return frame.reason
        return frame.error if isinstance(frame, Chatter) else "no candle"

    async def run(self, wake: Callable[[], object]) -> NoReturn:
        """Confirm candles as they end; `wake` is called four times a second, also for what is new."""
        if self._assembly is None:
            raise RuntimeError("history comes first")
        while True:
            await self._confirm(self._assembly)
            self._close(self._assembly)
            wake()
            await self._clock.sleep_until(self._clock.now_ms() + TICK_MS)

    async def _confirm(self, assembly: CandleAssembly) -> None:
        now_ms = self._clock.now_ms()
        due_ts = assembly.asks(now_ms)
        if due_ts is None or now_ms < self._ask_again_ms:
            return
        frame_ms = self._frame_ms
        since_ts = due_ts - OVERLAP * frame_ms
        # A single page must not keep candles waiting that the stream has; many pages are a long gap.
        hurry_s = HURRY_S if (now_ms - since_ts) // frame_ms < CANDLES_MAX else 0.0
        try:
            records = await candles_between(
                self._api, self._symbol, frame_ms, since_ts, now_ms, hurry_s=hurry_s
            )
        except (ServiceUnavailable, ServiceRefused) as error:
            self.asked.note_failure(error)
        else:
            self.asked.note_answer()
            self._complain(assembly.confirm(records, since_ts, now_ms))
        self._tries += 1
        doubled = PAUSE_MS * 2 ** min(self._tries, DOUBLINGS_MAX)
        self._ask_again_ms = self._clock.now_ms() + min(doubled, PAUSE_MAX_MS)

    def take(self, now_ms: int) -> list[CandleClosed]:
        """The candles that have closed and were not told yet, oldest first, as seen now."""
        events = [self._told(candle, now_ms) for candle in self._closed]
        self._closed.clear()
        return [event for event in events if event is not None]

    def _close(self, assembly: CandleAssembly) -> None:
        next_ts = assembly.next_ts
        closed = self._take(assembly, self._clock.now_ms())
        if len(closed) > 1:
            log.info("candles.filled", count=len(closed), first_ts=closed[0].record.open_ts)
        if assembly.next_ts > next_ts:
            self._tries = self._ask_again_ms = 0
        self._closed += closed

    @staticmethod
    def _take(assembly: CandleAssembly, now_ms: int) -> list[Closed]:
        skipped = assembly.skipped
        closed = assembly.take(now_ms)
        if assembly.skipped > skipped:
            log.warning("candles.skipped", count=assembly.skipped - skipped, next_ts=assembly.next_ts)
        return closed

    def _told(self, candle: Closed, now_ms: int) -> CandleClosed | None:
        record = candle.record
        if not candle.confirmed:
            log.warning("candle.assumed", open_ts=record.open_ts)
        before = self._prices.source
        self._prices.judge([record])
        if self._prices.source != before:
            log.warning(
                "candles.switched",
                source=self._prices.source,
                idle_share=round(self._prices.idle_share, 4),
                open_ts=record.open_ts,
            )
        late = now_ms - record.open_ts - self._frame_ms > LATE_MS
        return self._event(record, now_ms, history=late)

    def _event(self, record: CandleRecord, seen_ts: int, *, history: bool) -> CandleClosed | None:
        prices = self._prices.choose(record)
        if prices is None:
            return None
        event = CandleClosed(
            seen_ts=max(record.open_ts + self._frame_ms, seen_ts),
            open_ts=record.open_ts,
            open=prices.open,
            high=prices.high,
            low=prices.low,
            close=prices.close,
            volume=record.volume_base,
            history=history,
        )
        if self._recorded is not None:
            self._recorded(record, event)
        return event

    def _complain(self, diverged: Iterable[Diverged]) -> None:
        for one in diverged:
            log.warning(
                "candle.diverged", open_ts=one.told.open_ts, told=_words(one.told), now=_words(one.now)
            )


def _floor(ts: int, frame_ms: int) -> int:
    return ts // frame_ms * frame_ms


def _words(record: CandleRecord) -> str:
    parts = [f"fills {tuple(record.fill)}" if record.fill else "", f"volume {record.volume_base}"]
    if record.oracle:
        parts.append(f"oracle {tuple(record.oracle)}")
    return ", ".join(part for part in parts if part)
