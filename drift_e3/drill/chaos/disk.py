"""Disks that refuse, without root and for root as well: a limit on the size of files, and system calls that
are turned down."""

import resource


def limit_files(pid: int, bytes_max: int) -> None:
    """Let a process write no file beyond that size."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (bytes_max, resource.RLIM_INFINITY))


def allow_files(pid: int) -> None:
    """Take the limit off again."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def forbid_writing() -> None:
    """Let this process write to no file any more."""
    limit_files(0, 0)
