"""What can go wrong with a journal, as types. Nothing else lives here."""

from drift_e3.ports import DataError


class JournalError(Exception):
    """The journal cannot be written any more: disk full, read-only, I/O error, or its thread has died.

    Final for this writer: it is kept and raised again on every later call, because a trader must not run on
    with a dead journal.
    """


class JournalUnreadable(DataError):
    """A file is no journal, of another schema, or has a damaged row: one line with the file and why."""


class JournalEmpty(JournalUnreadable):
    """A file in which no journal was begun yet: its writer was killed while making it. Nothing is lost."""
