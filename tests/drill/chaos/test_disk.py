"""Disks that refuse: for a whole process, its threads and open files included, whoever it belongs to."""

import errno
import platform
import subprocess
import sys
from pathlib import Path

import pytest

BOTH = """
import os, sqlite3, sys, threading
from pathlib import Path
from drift_e3.drill.chaos import disk

folder = Path(sys.argv[1])
db = sqlite3.connect(folder / "a.db", isolation_level=None, check_same_thread=False)
db.execute("PRAGMA journal_mode = WAL")
db.execute("CREATE TABLE t (x)")
go = threading.Event()

def attempt(name, act):
    try:
        act()
    except OSError as error:
        print(name, error.errno)
    except sqlite3.Error as error:
        print(name, error.sqlite_errorname)
    else:
        print(name, "done")

def insert():
    db.execute("INSERT INTO t VALUES (1)")

def on_a_thread():
    go.wait()
    attempt("thread", insert)

thread = threading.Thread(target=on_a_thread)
thread.start()
"""
READ_ONLY = """
disk.obey(disk.READ_ONLY)
go.set()
thread.join()
attempt("make", lambda: (folder / "new").open("w"))
attempt("open", lambda: (folder / "a.db").open("r+b"))
attempt("rename", lambda: (folder / "a.db").rename(folder / "b.db"))
attempt("unlink", lambda: (folder / "a.db").unlink())
attempt("read", lambda: (folder / "a.db").read_bytes())
attempt("select", lambda: db.execute("SELECT * FROM t").fetchall())
"""
FULL = """
disk.limit_files(os.getpid(), (folder / "a.db-wal").stat().st_size)
go.set()
thread.join()
(folder / "small").write_text("small")
disk.allow_files(os.getpid())
attempt("again", insert)
"""


def run(folder: Path, code: str) -> dict[str, str]:
    told = subprocess.run(
        [sys.executable, "-c", BOTH + code, str(folder)], capture_output=True, text=True, check=True
    )
    return dict(line.split() for line in told.stdout.splitlines())


@pytest.mark.skipif(
    platform.machine() not in {"x86_64", "aarch64"}, reason="no table of this machine's calls"
)
def test_a_read_only_disk_can_be_read_and_refuses_every_change(tmp_path: Path) -> None:
    refused = str(errno.EROFS)
    assert run(tmp_path, READ_ONLY) == {
        "thread": "SQLITE_IOERR_WRITE",
        "make": refused,
        "open": refused,
        "rename": refused,
        "unlink": refused,
        "read": "done",
        "select": "done",
    }


def test_where_there_is_no_filter_no_file_takes_a_byte(tmp_path: Path) -> None:
    no_filter = "disk._MACHINES.clear()\n" + READ_ONLY
    assert run(tmp_path, no_filter)["thread"] == "SQLITE_IOERR_WRITE"


def test_a_full_disk_refuses_growth_until_it_is_freed(tmp_path: Path) -> None:
    assert run(tmp_path, FULL) == {"thread": "SQLITE_IOERR_WRITE", "again": "done"}
