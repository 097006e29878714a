"""The table of the outbox: its SQL, and rows as submissions and back. No file is opened here."""

import zlib
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from drift_e3.core.terms import Side
from drift_e3.venues.solana.submission import Basis, Kind, Stage, Submission, Wanted

APPLICATION_ID: Final = 0x44334F42
"""SQLite's `application_id` of an outbox: the letters D3OB."""
SCHEMA_VERSION: Final = 1
FINISHED_KEPT: Final = 5_000
"""Rows of the past that are kept, for questions about old intents: months of trading, some 2 MB."""

TABLES: Final = (
    """CREATE TABLE submissions (
        seq INTEGER PRIMARY KEY, intent_id TEXT NOT NULL, kind TEXT NOT NULL, user_order_id INTEGER NOT NULL,
        basis_slot INTEGER NOT NULL, next_order_id INTEGER NOT NULL, side TEXT NOT NULL,
        adds_exposure INTEGER NOT NULL, max_ts INTEGER NOT NULL, stage TEXT NOT NULL,
        signature TEXT NOT NULL, raw BLOB NOT NULL, last_valid_height INTEGER NOT NULL,
        signed_slot INTEGER NOT NULL, slot INTEGER NOT NULL, code INTEGER, name TEXT NOT NULL,
        begun_ts INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT""",
    "CREATE INDEX by_intent ON submissions (intent_id, kind)",
    # The promises of the sender once more, kept by the disk itself.
    "CREATE UNIQUE INDEX placed_once ON submissions (intent_id) WHERE kind IN ('place', 'modify')",
    """CREATE TRIGGER signed_once BEFORE UPDATE ON submissions
        WHEN OLD.signature <> '' AND (NEW.signature <> OLD.signature
            OR (NEW.raw <> OLD.raw AND NEW.raw <> x''))
        BEGIN SELECT RAISE(ABORT, 'an intent is signed once'); END""",
    """CREATE TRIGGER decided_once BEFORE UPDATE ON submissions WHEN OLD.stage NOT IN ('intended', 'signed')
        BEGIN SELECT RAISE(ABORT, 'a verdict is final'); END""",
    """CREATE TRIGGER undecided_kept BEFORE DELETE ON submissions WHEN OLD.stage IN ('intended', 'signed')
        BEGIN SELECT RAISE(ABORT, 'what is undecided stays'); END""",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
INSERT: Final = "INSERT INTO submissions VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
UPDATE: Final = """
    UPDATE submissions SET stage = ?, signature = ?, raw = ?, last_valid_height = ?, signed_slot = ?,
        slot = ?, code = ?, name = ?, crc = ? WHERE seq = ?"""
PRUNE: Final = """
    DELETE FROM submissions WHERE stage NOT IN ('intended', 'signed') AND seq <= (
        SELECT seq FROM submissions ORDER BY seq DESC LIMIT 1 OFFSET ?)"""


class Row(NamedTuple):
    """A submission with its place in the order of all, and when it was begun (UTC, ms)."""

    seq: int
    submission: Submission
    begun_ts: int

    def inserted(self) -> tuple[Any, ...]:
        """The values for `INSERT`."""
        content = self._content()
        return (*content, _crc(content))

    def updated(self) -> tuple[Any, ...]:
        """The values for `UPDATE`."""
        content = self._content()
        return (*content[9:17], _crc(content), self.seq)

    def _content(self) -> tuple[Any, ...]:
        """All columns but the checksum."""
        submission, wanted = self.submission, self.submission.wanted
        return (
            self.seq,
            wanted.intent_id,
            wanted.kind.label,
            wanted.user_order_id,
            wanted.basis.slot,
            wanted.basis.next_order_id,
            wanted.side.label if wanted.side is not None else "",
            int(wanted.adds_exposure),
            wanted.max_ts,
            submission.stage.label,
            submission.signature,
            submission.raw,
            submission.last_valid_height,
            submission.signed_slot,
            submission.slot,
            submission.code,
            submission.name,
            self.begun_ts,
        )


def read_row(columns: Sequence[Any]) -> Row | None:
    """The row as it was written, or None for one that is not as it was."""
    *content, crc = columns
    if crc != _crc(content):
        return None
    seq, intent_id, kind, number, basis_slot, next_order_id, side, adds, max_ts, stage, *rest, begun_ts = (
        content
    )
    wanted = Wanted(
        intent_id=intent_id,
        kind=Kind[kind.upper()],
        user_order_id=number,
        basis=Basis(basis_slot, next_order_id),
        side=Side[side.upper()] if side else None,
        adds_exposure=bool(adds),
        max_ts=max_ts,
    )
    return Row(seq, Submission(wanted, Stage[stage.upper()], *rest), begun_ts)


def _crc(content: Sequence[Any]) -> int:
    return zlib.crc32(repr(tuple(content)).encode())
