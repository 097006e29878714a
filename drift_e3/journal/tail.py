"""The judgement of a journal: what is good, what is damaged, what is lost. It repairs nothing."""

from typing import NamedTuple

from drift_e3.journal.errors import JournalUnreadable
from drift_e3.journal.reader import PAGE_ROWS, JournalReader
from drift_e3.journal.rows import EventRow, OutputRow, is_intact
from drift_e3.journal.wal import WalTail


class BadRow(NamedTuple):
    """The first thing found damaged. `table` is ``database`` where no row can be named, `seq` then 0."""

    table: str
    seq: int
    reason: str


class TailReport(NamedTuple):
    """What a verification found.

    Everything from the checked start up to event `last_seq` is good; `rows_dropped` events after it are not
    to be used. `wal` tells of commits that SQLite itself left out. `snapshot_seq` is the snapshot that
    recovery would start from (0: from the first event), `damaged_snapshots` are newer ones of no use.
    """

    last_seq: int
    clean_stop: bool
    snapshot_seq: int
    damaged_snapshots: tuple[int, ...]
    rows_dropped: int
    first_bad: BadRow | None
    wal: WalTail

    @property
    def intact(self) -> bool:
        """Whether nothing is damaged and nothing is lost; an unclean stop alone loses nothing committed."""
        return self.first_bad is None and not self.wal.reason and not self.damaged_snapshots

    @property
    def text(self) -> str:
        """The report as one line for people."""
        parts = [f"good up to event {self.last_seq}", "clean stop" if self.clean_stop else "no clean stop"]
        if self.first_bad is not None:
            table, seq, reason = self.first_bad
            parts.append(f"{table} {seq or ''}: {reason}; {self.rows_dropped} events dropped")
        if self.wal.reason:
            parts.append(f"{self.wal.reason}: {self.wal.bytes_dropped} bytes of commits lost")
        if self.damaged_snapshots:
            parts.append(f"damaged snapshots: {', '.join(map(str, self.damaged_snapshots))}")
        return "; ".join(parts)


def verify(reader: JournalReader, *, whole: bool = False) -> TailReport:
    """Check the file's structure, the snapshots, and the rows since the last good snapshot, or all of them.

    All of them are those that retention has left, the segments with their hashes.
    Rows are checked for checksum and for gaps, at about 6 us a row; the structure at 1 GB/s from memory.
    """
    try:
        complaint = str(reader.query("PRAGMA quick_check(1)")[0][0])
        snapshot = reader.last_good_snapshot()
        snapshot_seq = snapshot.seq if snapshot else 0
        newer = reader.query("SELECT seq FROM snapshots WHERE seq > ?", snapshot_seq)
        from_seq = reader.first_seq - 1 if whole else snapshot_seq
        clean_stop, newest = reader.clean_stop, reader.last_seq
    except JournalUnreadable as error:
        return TailReport(0, False, 0, (), 0, BadRow("database", 0, str(error)), reader.wal)
    damaged = tuple(seq for (seq,) in newer)
    last_seq, bad = _walk(reader, from_seq)
    if bad is None and complaint != "ok":
        bad = BadRow("database", 0, complaint)
    return TailReport(last_seq, clean_stop, snapshot_seq, damaged, newest - last_seq, bad, reader.wal)


def _walk(reader: JournalReader, after_seq: int) -> tuple[int, BadRow | None]:
    """The last good event after `after_seq`, and the first bad row if there is one."""
    good = after_seq
    try:
        while events := reader.event_rows(good, PAGE_ROWS):
            bad = _first_bad(events, reader.output_rows(good + 1, events[-1].seq), good)
            if bad is not None:
                return bad.seq - 1, bad
            good = events[-1].seq
        orphans = reader.query("SELECT seq FROM outputs WHERE seq > ? LIMIT 1", good)
    except JournalUnreadable as error:
        return good, BadRow("database", 0, str(error))
    return good, BadRow("outputs", good + 1, "an output without its event") if orphans else None


def _first_bad(events: list[EventRow], outputs: list[OutputRow], after_seq: int) -> BadRow | None:
    """The first row, by seq, that is damaged or missing among consecutive events and their outputs."""
    faults: list[BadRow] = []
    for expected, event in enumerate(events, after_seq + 1):
        if event.seq != expected:
            faults.append(BadRow("events", expected, "missing"))
            break
        if not is_intact(event):
            faults.append(BadRow("events", expected, "checksum differs"))
            break
    previous = (after_seq, 0)
    for output in outputs:
        expected_n = previous[1] + 1 if output.seq == previous[0] else 0
        if output.n != expected_n:
            faults.append(BadRow("outputs", output.seq, f"output {expected_n} missing"))
            break
        if not is_intact(output):
            faults.append(BadRow("outputs", output.seq, "checksum differs"))
            break
        previous = (output.seq, output.n)
    return min(faults, key=lambda fault: fault.seq, default=None)
