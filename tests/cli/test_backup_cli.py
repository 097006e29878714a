"""`drift-e3 backup` and `restore` by the command line."""

from pathlib import Path

from drift_e3.cli.exits import Exit
from tests.cli.runs import Run
from tests.live.program import program


def test_a_state_directory_is_kept_and_restored(whole: Run, tmp_path: Path) -> None:
    kept = program(whole.folder, "backup", "--state", "state", "--out", tmp_path / "kept.tar.gz")
    assert (kept.code, kept.err) == (Exit.OK, "")
    restored = program(tmp_path, "restore", "kept.tar.gz", "--state", "again")
    assert (restored.code, restored.err) == (Exit.OK, "")
    assert restored.out.split(": ")[1] == kept.out.split(": ")[1]
    assert program(tmp_path, "replay", "--state", "again").code == Exit.OK


def test_a_backup_is_never_written_over(whole: Run, tmp_path: Path) -> None:
    (tmp_path / "kept.tar.gz").write_text("mine")
    ran = program(whole.folder, "backup", "--state", "state", "--out", tmp_path / "kept.tar.gz")
    assert ran.code == Exit.DATA
    assert ran.err.count("\n") == 1
    assert (tmp_path / "kept.tar.gz").read_text() == "mine"
