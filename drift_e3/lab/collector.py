"""The garbage collector, paused for work that makes a great many objects, and few or no cycles of them."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the search for reference cycles: the more objects there are, the more it costs. Afterwards all is
    as it was before, also where the work failed."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
