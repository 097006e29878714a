"""What people are told, by which events; and that a flood, a repetition or a deaf messenger hurts nobody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from drift_e3.core.events import (
    CandleClosed,
    CollateralMoved,
    EntriesBarred,
    Event,
    HaltRequested,
    Heartbeat,
    OrderRejected,
)
from drift_e3.core.terms import MS_PER_DAY, Reason
from drift_e3.core.trader import Trader
from drift_e3.core.turn import Outcome
from drift_e3.ops import notifier as module
from drift_e3.ops.messengers import messengers
from drift_e3.ops.notices import Notice, notices, summary
from drift_e3.ops.notifier import AGAIN_S, PER_HOUR, WAITING_MAX, Notifier
from drift_e3.status import AlertStatus
from tests.core.builders import a_fill, immediate
from tests.core.stories import Story, a_story, in_position
from tests.live.attended import attended
from tests.live.daemons import KeptLog


def titles(story: Story, event: Event) -> list[str]:
    outcome = story.process(event)
    return [notice.title for notice in notices(event, outcome, story.state)]


def test_a_halt_a_bar_a_divergence_and_a_rejection_are_told() -> None:
    story = a_story()
    now = story.now
    assert titles(story, EntriesBarred(seen_ts=now, reasons=("paused",))) == ["Entries are barred"]
    assert titles(story, EntriesBarred(seen_ts=now, reasons=())) == []
    assert titles(story, CollateralMoved(seen_ts=now, amount_usd=-3.0, traded=True)) == [
        "Account and journal part"
    ]
    assert titles(story, CollateralMoved(seen_ts=now, amount_usd=-0.01, traded=True)) == []
    assert titles(story, CollateralMoved(seen_ts=now, amount_usd=50.0, traded=False)) == []
    rejected = OrderRejected(seen_ts=now, order_id="none", reason="margin")
    assert [notice.title for notice in notices(rejected, Outcome((), ()), story.state)] == ["Order rejected"]
    assert titles(story, HaltRequested(seen_ts=now, by="me")) == ["Trading halted"]


def test_a_position_is_told_when_it_closes() -> None:
    story = in_position()
    [exit_order] = immediate(story.process(HaltRequested(seen_ts=story.now, by="me")))
    outcome = story.fill(exit_order.order_id)
    found = [notice.title for notice in notices(Heartbeat(seen_ts=story.now), outcome, story.state)]
    assert [title[:7] for title in found] == ["Closed "]


def test_a_position_that_is_made_smaller_is_told() -> None:
    story = a_story()
    fill = a_fill("reduce-1", reason=Reason.REDUCE)
    (notice,) = notices(fill, Outcome((), ()), story.state)
    assert (notice.title, notice.urgent) == ("Position made smaller", False)


def test_a_day_is_summed_up_in_a_line() -> None:
    notice = summary(a_story().state, "2026-11-22", 3, 500.0)
    assert notice.title.startswith("2026-11-22: +")
    assert "3 trades, trading" in notice.body


class Recorded:
    """Messengers that note what they are given."""

    def __init__(self, *, takes: bool = True) -> None:
        self.told: list[tuple[str, str]] = []
        self.takes = takes

    async def __call__(self, title: str, body: str) -> bool:
        self.told.append((title, body))
        return self.takes


async def delivered(one: Notifier) -> None:
    running = asyncio.create_task(one.run(None))  # type: ignore[arg-type]
    for _ in range(3 * WAITING_MAX):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])


def take(one: Notifier, *found: Notice) -> None:
    for notice in found:
        one._take(notice)


async def test_the_same_is_told_once_for_a_while() -> None:
    clock = [0.0]
    send = Recorded()
    one = Notifier(send, lambda: clock[0])
    stale = Notice(key="stale:oracle", title="oracle", body="")
    take(one, stale, stale, stale)
    await delivered(one)
    assert send.told == [("oracle", "\n(and 2 held back)")]
    clock[0] = AGAIN_S
    take(one, stale)
    await delivered(one)
    assert send.told[1:] == [("oracle", "")]
    assert one.alerts() == AlertStatus(sent=2, repeated=2)


async def test_a_flood_is_cut_and_what_is_urgent_still_comes() -> None:
    send = Recorded()
    one = Notifier(send, lambda: 0.0)
    take(one, *(Notice(key=str(number), title=str(number), body="") for number in range(PER_HOUR + 20)))
    take(one, Notice(key="halted", title="halted", body="", urgent=True))
    await delivered(one)
    assert len(send.told) == PER_HOUR + 1
    assert send.told[-1][0] == "halted"
    assert one.alerts() == AlertStatus(sent=PER_HOUR + 1, limited=20)


async def test_too_many_that_wait_push_out_the_oldest() -> None:
    send = Recorded()
    one = Notifier(send, lambda: 0.0)
    take(one, *(Notice(key=str(n), title=str(n), body="", urgent=True) for n in range(WAITING_MAX + 2)))
    assert one.alerts() == AlertStatus(dropped=2, waiting=WAITING_MAX)
    await delivered(one)
    assert send.told[0][0] == "2"


async def test_a_messenger_that_hangs_or_refuses_is_counted_and_waited_for_only_so_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = KeptLog()
    monkeypatch.setattr(module, "log", kept)
    refusing = Notifier(Recorded(takes=False), lambda: 0.0)
    take(refusing, Notice(key="a", title="a", body=""))
    await delivered(refusing)
    assert refusing.alerts() == AlertStatus(failed=1, last_failed=True)

    async def hang(title: str, body: str) -> bool:
        await asyncio.Event().wait()
        return True

    monkeypatch.setattr(module, "SENDING_S", 0.001)
    hanging = Notifier(hang, lambda: 0.0)
    take(hanging, Notice(key="a", title="a", body=""))
    running = asyncio.create_task(hanging.run(None))  # type: ignore[arg-type]
    await asyncio.wait([running], timeout=0.2)
    running.cancel()
    assert [fields["title"] for fields in kept.named("alert.failed")] == ["a", "a"]


async def test_each_day_of_event_time_is_summed_up_once(tmp_path: Path) -> None:
    send = Recorded()
    one = Notifier(send, lambda: 0.0)
    story = a_story()
    trader = Trader(story.state)
    for day in range(3):
        event = HaltRequested(seen_ts=story.now + day * MS_PER_DAY, by="me")
        one.told(1, event, trader.process(event), trader)
    await delivered(one)
    assert sum("trades" in body for _, body in send.told) == 2


async def test_days_before_trading_began_are_nobodys_news() -> None:
    send = Recorded()
    one = Notifier(send, lambda: 0.0)
    story = a_story()
    trader = Trader(story.state)
    for day in range(3):
        event = replace(OLD_CANDLE, seen_ts=story.now + day * MS_PER_DAY)
        one.told(1, event, Outcome((), ()), trader)
    await delivered(one)
    assert send.told == []


OLD_CANDLE = CandleClosed(
    seen_ts=0, open_ts=0, open=1.0, high=1.0, low=1.0, close=1.0, volume=1.0, history=True
)


async def test_a_daemon_tells_of_its_positions(tmp_path: Path) -> None:
    send = Recorded()
    async with attended(tmp_path, watchers=(Notifier(send),)):
        for _ in range(50):
            await asyncio.sleep(0)
        assert [title for title, _ in send.told if title.startswith("Long ")]


@asynccontextmanager
async def webhook(status: int) -> AsyncIterator[tuple[str, list[dict[str, str]]]]:
    """A real messenger over real HTTP."""
    received: list[dict[str, str]] = []

    async def take_it(request: web.Request) -> web.Response:
        received.append(await request.json())
        return web.Response(status=status)

    app = web.Application()
    app.router.add_post("/{tail:.*}", take_it)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"json://127.0.0.1:{runner.addresses[0][1]}/", received
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(("status", "took"), [(200, True), (500, False)])
async def test_a_notice_reaches_a_webhook(status: int, *, took: bool) -> None:
    pytest.importorskip("apprise", reason="the extra `alerts` is not installed")
    async with webhook(status) as (address, received):
        send = messengers([address])
        assert await send("Closed +1.00 USD", "long by stop") is took
    assert received[0]["title"] == "Closed +1.00 USD"


def test_an_address_that_is_none_is_refused_and_not_shown() -> None:
    pytest.importorskip("apprise", reason="the extra `alerts` is not installed")
    with pytest.raises(ValueError, match=r"^alerts\.urls: address 2 names no messenger that is known$"):
        messengers(["json://127.0.0.1/", "nonsense-s3cr3t"])
