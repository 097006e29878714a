from collections.abc import Callable
from pathlib import Path

import pytest

from drift_e3.journal.code_hash import code_hash, hash_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("core/a.py", "core/deep/b.py", "core/notes.txt", "shell/c.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "core/a.py").write_text("a = 1"),
        lambda root: (root / "core/deep/b.py").unlink(),
        lambda root: (root / "core/a.py").rename(root / "core/z.py"),
        lambda root: (root / "core/new.py").touch(),
    ],
)
def test_any_change_of_deciding_code_changes_the_hash(root: Path, change: Callable[[Path], object]) -> None:
    before = hash_of(root, ("core",))
    change(root)
    assert hash_of(root, ("core",)) != before


@pytest.mark.parametrize("name", ["core/notes.txt", "shell/c.py", "shell/d.py"])
def test_nothing_else_changes_it(root: Path, name: str) -> None:
    before = hash_of(root, ("core", "absent"))
    (root / name).write_text("other")
    assert hash_of(root, ("core", "absent")) == before


def test_the_programs_own_hash_is_sixteen_digits_and_stays() -> None:
    assert len(code_hash()) == 16
    assert int(code_hash(), 16) >= 0
    assert code_hash() is code_hash()
