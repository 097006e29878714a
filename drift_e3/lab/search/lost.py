"""The one operating error of those who do the search's work; here alone, so that to name it costs nothing."""


class WorkersLost(Exception):
    """Who did the work is gone (out of memory, as a rule). What was finished is kept: resume the search."""
