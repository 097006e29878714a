"""Checks of this machine: the disk that the state is written to, and who holds it already."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.journal.state_lock import LOCK_NAME, held_by
from drift_e3.wiring.doctor.report import Check, failed, passed, warned

MEGABYTE: Final = 1_000_000
FREE_BYTES_MIN: Final = 200 * MEGABYTE
"""Below this the journal may not last until somebody looks."""
FREE_BYTES_WARN: Final = 2_000 * MEGABYTE


def disk(state_dir: Path) -> Check:
    """Whether the state directory is there or can be made, can be written, and has room."""
    folder = next((path for path in (state_dir, *state_dir.absolute().parents) if path.exists()), state_dir)
    elsewhere = "name another folder by DRIFT_E3_STATE_DIR or --state"
    if not folder.is_dir():
        return failed("disk", f"{folder} is no folder", elsewhere)
    if not os.access(folder, os.W_OK | os.X_OK):
        return failed("disk", f"{folder} cannot be written", f"make it writable, or {elsewhere}")
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return failed("disk", f"{folder} cannot be asked for its room: {error.strerror}", elsewhere)
    detail = f"{free / MEGABYTE:,.0f} MB are free at {state_dir}"
    remedy = f"make room, or {elsewhere}"
    if free < FREE_BYTES_MIN:
        return failed("disk", f"{detail}, fewer than {FREE_BYTES_MIN // MEGABYTE:,}", remedy)
    if free < FREE_BYTES_WARN:
        return warned("disk", f"{detail}, fewer than {FREE_BYTES_WARN // MEGABYTE:,}", remedy)
    return passed("disk", detail)


def lock(state_dir: Path) -> Check:
    """Whether a daemon is running on the state directory."""
    try:
        holder = held_by(state_dir)
    except OSError as error:
        remedy = "let the daemon's user read the file, or name another folder by DRIFT_E3_STATE_DIR"
        return failed("lock", f"{state_dir / LOCK_NAME} cannot be read: {error.strerror}", remedy)
    if holder is None:
        return passed("lock", "no daemon is running on the state directory")
    who = f"process {holder.pid}" if holder.pid else "another process"
    since = ""
    if holder.started_ts > 0:
        moment = datetime.fromtimestamp(holder.started_ts // MS_PER_SECOND, UTC)
        since = f" since {moment:%Y-%m-%d %H:%M:%S} UTC"
    return warned(
        "lock",
        f"{who} holds the state directory{since}",
        "nothing to do if that is your daemon; a second one would be refused",
    )
