"""A stop that is asked for before the daemon listens: libraries load, checks run, a journal is recovered.

Nothing has been sent by then, so the way out is simply out. From the moment that it listens the daemon takes
signals itself (`live.daemon`).
"""

import signal
from types import FrameType


class StoppedEarly(SystemExit):
    """Somebody asked for a stop; the argument is the signal's name. One of the exceptions that asyncio lets
    through at once, wherever they are raised."""


def listen() -> None:
    """Take signals until the daemon does: a stop is `StoppedEarly`, a reload has nothing to reload yet."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    del frame
    # A second one ends the process the hard way: whoever asks twice may.
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, signal.SIG_DFL)
    raise StoppedEarly(signal.Signals(number).name)
