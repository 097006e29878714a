"""Broken journals and streams of events: how each is made from a good one, and what is to be said of it."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from drift_e3.core.events import Event, Fill, OrderAccepted, OrderCancelled
from drift_e3.core.terms import Liquidity, Reason, Side
from drift_e3.core.trader import Trader
from drift_e3.journal.code_hash import code_hash
from drift_e3.journal.rows import event_crc
from drift_e3.journal.schema import APPLICATION_ID, JOURNAL_NAME
from drift_e3.journal.writer import JournalWriter
from tests.live.journals import rewrite, spoil, told
from tests.live.tapes import START as H

Make = Callable[[Path, Path], object]
"""Makes a broken state directory of a good one."""


def events(*changed: Event) -> Make:
    """A journal with these events after the start and a few candles of the good one."""

    def make(good: Path, state: Path) -> None:
        state.mkdir()
        trader = Trader()
        with JournalWriter(state / JOURNAL_NAME, code_hash()) as writer:
            for seq, (event, _) in enumerate(told(good)[:5], 1):
                writer.append_event(seq, event)
                writer.append_outcome(seq, *trader.process(event))
            for seq, event in enumerate(changed, 6):
                writer.append_event(seq, event)

    return make


def raw(kind: str, payload: bytes, *, seq: int = 1) -> Make:
    """The good journal with one row exchanged for this one, its checksum in order."""

    def make(good: Path, state: Path) -> None:
        rewrite(good, state, snapshots=False)
        with sqlite3.connect(state / JOURNAL_NAME) as connection:
            connection.execute("DROP TRIGGER events_no_update")
            ((ts, code),) = connection.execute("SELECT ts, code FROM events WHERE seq = ?", (seq,))
            crc = event_crc(seq, kind, ts, code, payload)
            connection.execute(
                "UPDATE events SET kind = ?, payload = ?, crc = ? WHERE seq = ?", (kind, payload, crc, seq)
            )
        connection.close()

    return make


def statement(sql: str) -> Make:
    """The good journal after somebody's statement."""

    def make(good: Path, state: Path) -> None:
        rewrite(good, state, snapshots=False)
        with sqlite3.connect(state / JOURNAL_NAME) as connection:
            for (trigger,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            ).fetchall():
                connection.execute(f"DROP TRIGGER {trigger}")
            connection.execute(sql)
        connection.close()

    return make


def cut(share: float) -> Make:
    """The good journal's file, cut off."""

    def make(good: Path, state: Path) -> None:
        rewrite(good, state, snapshots=False)
        content = (state / JOURNAL_NAME).read_bytes()
        (state / JOURNAL_NAME).write_bytes(content[: int(len(content) * share)])

    return make


def file(content: bytes) -> Make:
    def make(_: Path, state: Path) -> None:
        state.mkdir()
        (state / JOURNAL_NAME).write_bytes(content)

    return make


def spoilt(seq: int) -> Make:
    return lambda good, state: spoil(rewrite(good, state, snapshots=False), seq)


def foreign(good: Path, state: Path) -> None:
    """Somebody else's tables."""
    del good
    state.mkdir()
    with sqlite3.connect(state / JOURNAL_NAME) as connection:
        connection.execute("CREATE TABLE recipes (name)")
    connection.close()


def newer(good: Path, state: Path) -> None:
    """A schema that this program does not know yet."""
    rewrite(good, state)
    with sqlite3.connect(state / JOURNAL_NAME) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


STRAY_FILL = Fill(
    seen_ts=H,
    fill_id="x#1",
    order_id="x",
    side=Side.BUY,
    size_base=1.0,
    price_usd=1.0,
    reference_usd=1.0,
    fee_usd=0.0,
    liquidity=Liquidity.TAKER,
    reason=Reason.ENTRY,
)
STRAY = r"event 6 \(\w+\) (cannot be|is not what this market makes)"
JOURNALS: list[tuple[str, Make, str]] = [
    ("a fill of an order that was never sent", events(STRAY_FILL), STRAY),
    ("an answer to an order that was never sent", events(OrderAccepted(seen_ts=H, order_id="y")), STRAY),
    ("a cancellation of nothing", events(OrderCancelled(seen_ts=H, order_id="z", reason="")), STRAY),
    ("a liquidation of nothing", events(replace(STRAY_FILL, reason=Reason.LIQUIDATION)), STRAY),
    (
        "no start",
        raw("heartbeat", b'{"seen_ts":1}'),
        r"event 1 \(heartbeat\) cannot be: the first event must be",
    ),
    ("a kind of event unknown", raw("moon_phase", b"{}", seq=3), r"event 3: moon_phase: not a kind"),
    ("a payload of another kind", raw("fill", b'{"seen_ts":1}', seq=3), r"event 3: fill: "),
    ("a payload that is no JSON", raw("heartbeat", b"{", seq=3), r"event 3: heartbeat: "),
    ("a word for a number", raw("heartbeat", b'{"seen_ts":"now"}', seq=3), r"event 3: heartbeat: "),
    ("a changed byte", spoilt(7), r"event 7: checksum differs|events 7: checksum differs"),
    ("a missing event", statement("DELETE FROM events WHERE seq = 9"), r"event 9: missing|events 9: missing"),
    ("an event moved", statement("UPDATE events SET ts = ts + 1 WHERE seq = 4"), r"4: checksum differs"),
    ("a file cut in half", cut(0.5), r"journal.db: "),
    (
        "no database",
        file(b"not a database at all, but long enough to look like one" * 40),
        r"not a readable journal",
    ),
    ("another program's database", foreign, f"not {APPLICATION_ID:#x}"),
    ("a journal of the future", newer, "schema 99 is newer than this program's"),
]
