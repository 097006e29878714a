"""Which search it is, and who judges it."""

import shutil
from pathlib import Path

import drift_e3
from drift_e3.lab.search.identity import JUDGES, judge_hash

LAB = Path(drift_e3.__file__).parent / "lab"


def test_the_judge_is_another_when_any_of_his_modules_is(tmp_path: Path) -> None:
    for name in JUDGES:
        shutil.copy(LAB / f"{name}.py", tmp_path)
    assert judge_hash(tmp_path) == judge_hash()
    hashes = {judge_hash()}
    for name in JUDGES:
        with (tmp_path / f"{name}.py").open("a") as file:
            file.write("# stricter\n")
        hashes.add(judge_hash(tmp_path))
    assert len(hashes) == 1 + len(JUDGES)


def test_all_that_the_verdict_imports_of_the_lab_is_in_the_judges_hash() -> None:
    imported = set()
    for name in JUDGES:
        for line in (LAB / f"{name}.py").read_text().splitlines():
            if line.startswith("from drift_e3.lab."):
                imported.add(line.split()[1].removeprefix("drift_e3.lab."))
    assert imported <= set(JUDGES)
    assert "statistics" in imported
