"""How the loop and the journal's thread take turns at the interpreter.

An order waits for its commit, and the journal's thread has to be let in once for every row of it. By default
Python lets another thread wait for 5 ms each time while one is busy: in a burst of messages that made an exit
hundreds of milliseconds late.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

TURN_S: Final = 0.000_1
"""After this long a busy thread lets one in that waits. Nothing is lost where none does."""


@contextmanager
def short_turns() -> Iterator[None]:
    """Have threads take short turns, as long as the daemon runs."""
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(TURN_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before_s)
