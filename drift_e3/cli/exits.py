"""Exit codes, and which error means which: the one table that shells and service managers rely on."""

from enum import IntEnum


class Exit(IntEnum):
    """What the program's exit code says. The numbers from 65 on are those of sysexits.h, save the last."""

    OK = 0
    CHECK_FAILED = 1
    """What was to be shown does not hold: a doctor's check, a replay, a promise that chaos saw broken."""
    USAGE = 2
    DATA = 65
    UNAVAILABLE = 69
    LOCKED = 73
    CONFIGURATION = 78
    HALTED = 79
    """A limit or a person ended trading: a person must look, so a service manager must not restart."""


def exit_for(error: Exception) -> Exit | None:
    """The exit code of an operating error; None for anything else, which is a bug.

    The first line of the table that fits counts, so a subclass stands above its base.
    """
    # Only now: the table needs half the house, and most commands end without it.
    from drift_e3 import config, ports
    from drift_e3.core.params import InvalidParameter
    from drift_e3.journal.errors import JournalError
    from drift_e3.journal.state_lock import StateLocked
    from drift_e3.lab.search.lost import WorkersLost

    table: tuple[tuple[type[Exception], Exit], ...] = (
        (config.ConfigError, Exit.CONFIGURATION),
        (InvalidParameter, Exit.CONFIGURATION),
        (StateLocked, Exit.LOCKED),
        (ports.DataError, Exit.DATA),
        # A full disk or a failing one, while writing: space may return. A damaged journal is a `DataError`.
        (JournalError, Exit.UNAVAILABLE),
        (ports.VenueUnavailable, Exit.UNAVAILABLE),
        (ports.VenueRefused, Exit.UNAVAILABLE),
        (ports.OutcomeUnknown, Exit.UNAVAILABLE),
        (WorkersLost, Exit.UNAVAILABLE),
        # Whatever else the machine refuses: a folder that cannot be written, a log on a full disk.
        (OSError, Exit.UNAVAILABLE),
    )
    return next((code for kind, code in table if isinstance(error, kind)), None)
