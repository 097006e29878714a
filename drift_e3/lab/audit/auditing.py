"""An audit of a journal: every promise of the safety envelope, checked over all of its events.

Reads the journal once, in bounded memory, while a daemon may be writing on. What the trader says of itself is
set against books of the audit's own; the trader is not run.
"""

from collections.abc import Callable

from drift_e3.journal.reader import PAGE_ROWS, JournalReader
from drift_e3.lab.audit.checks import HEARD, Checks
from drift_e3.lab.audit.findings import Audit, Findings
from drift_e3.lab.audit.resuming import first_scene


def audit(reader: JournalReader, progress: Callable[[int, int], None] | None = None) -> Audit:
    """Check a whole journal, of a paper or a live account.

    `progress(events done, events in all)` is called now and then. Where retention has deleted the beginning,
    what is left is checked, from its first snapshot on. Raises `JournalUnreadable` at a damaged row, and
    where there is nothing to begin with.
    """
    last_seq, events, first_ts, last_ts = reader.last_seq, 0, 0, 0
    findings = Findings()
    checks = Checks(first_scene(reader), findings)
    for row, outputs in reader.entries():
        if row.seq > last_seq:
            # A daemon is writing on: what came later belongs to a later audit.
            break
        findings.at(row.seq, row.ts)
        heard = [reader.message(output) for output in outputs if output.kind in HEARD]
        # What the last event led to may not be there: the daemon was killed, or is writing it now.
        checks.take(reader.event(row), heard, is_whole=bool(outputs) or row.seq < last_seq)
        events += 1
        first_ts, last_ts = first_ts or row.ts, max(last_ts, row.ts)
        if progress is not None and (events % PAGE_ROWS == 0 or row.seq == last_seq):
            progress(events, last_seq)
    return Audit(
        events=events,
        first_ts=first_ts,
        last_ts=last_ts,
        findings=tuple(findings.kept),
        found=dict(findings.found),
        checked=dict(findings.checked),
        figures=checks.figures(last_ts),
    )
