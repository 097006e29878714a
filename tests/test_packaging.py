"""What is checked in can be installed anywhere, from hashes alone, and names no machine."""

import os
import re
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-build.lock")
"""Installed on every supported Python; what is optional may differ between them."""
OPTIONAL = "requirements-optional.lock"

ALLOWED = {
    ".ci",
    ".dockerignore",
    ".env.example",
    ".gitignore",
    "CHANGELOG.md",
    "Dockerfile",
    "Makefile",
    "README.md",
    "deploy",
    "drift_e3",
    "pyproject.toml",
    "tests",
}

# Written so that the patterns do not match themselves.
REGISTRIES = re.compile(r"(?:python[h]osted|p[y]pi|npm[j]s|deb[.]debian|archive[.]ubuntu)[.](?:org|com)")
HOMES = re.compile(r"(?<![\w.~$}-])/(?:root|home|work|Users)/\w|/[.]pyenv/|file:/{3}")


def git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def tracked() -> list[Path]:
    """Each file git knows of, and each it would take up if asked."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    names = git("ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def locked(name: str) -> dict[str, list[str]]:
    """The requirements of a lock by package name, each with the continuation lines below it joined on."""
    text = (ROOT / "deploy" / name).read_text().replace("\\\n", " ")
    pins: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            pins.setdefault(line.split("==")[0], []).append(line)
    return pins


def version(lock: str, package: str) -> str:
    """The one release of the package in that lock."""
    return locked(lock)[package][0].split("==")[1].split()[0]


def test_no_file_names_a_package_registry_or_a_path_of_the_machine_it_was_written_on() -> None:
    found = []
    for path in tracked():
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(lines, 1):
            if REGISTRIES.search(line) or HOMES.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert found == []


def test_the_top_level_holds_only_what_belongs_there() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in tracked()} <= ALLOWED
    assert {str(path.relative_to(ROOT)) for path in tracked() if path.parent.name == ".ci"} == {".ci/run"}


def test_the_ci_script_can_be_started() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/usr/bin/env bash\n")


@pytest.mark.parametrize("name", [*LOCKS, OPTIONAL])
def test_every_line_of_a_lock_is_one_version_with_hashes(name: str) -> None:
    pins = locked(name)
    assert pins
    for lines in pins.values():
        for line in lines:
            assert re.match(r"[a-z0-9.-]+==[^ ]+( ; .+?)?( +--hash=sha256:[0-9a-f]{64})+$", line), line


@pytest.mark.parametrize("name", LOCKS)
def test_one_release_serves_every_python(name: str) -> None:
    assert [package for package, lines in locked(name).items() if len(lines) > 1] == []


def test_the_locks_agree_with_one_another() -> None:
    runtime, dev, build = (locked(name) for name in LOCKS)
    # Not for whom: what the service wants on Windows alone, a tool wants everywhere.
    everywhere = re.compile(r" ; \S.*?(?= +--hash)")
    told = {
        package: [everywhere.sub("", line) for line in lines] for package, lines in (runtime | build).items()
    }
    assert {package: [everywhere.sub("", line) for line in dev[package]] for package in told} == told
    shared = locked(OPTIONAL).keys() & dev.keys()
    assert [package for package in shared if locked(OPTIONAL)[package] != dev[package]] == []


def test_every_dependency_is_locked_at_a_release_it_admits() -> None:
    wanted = [("requirements.lock", line) for line in PROJECT["dependencies"]]
    for extra in PROJECT["optional-dependencies"].values():
        wanted += [("requirements-dev.lock", line) for line in extra]
    for lock, line in wanted:
        requirement = Requirement(line)
        assert requirement.specifier.contains(version(lock, canonicalize_name(requirement.name))), line


def test_the_build_backend_is_locked_as_the_build_asks_for_it() -> None:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert table["build-system"]["requires"] == table["dependency-groups"]["build"]
    for line in table["build-system"]["requires"]:
        assert Requirement(line).name in locked("requirements-build.lock")


def test_the_makefile_looks_for_the_supported_pythons() -> None:
    supported = SpecifierSet(PROJECT["requires-python"])
    sought = set(re.findall(r"\bpython3\.(\d+)\b", (ROOT / "Makefile").read_text()))
    assert sought == {str(minor) for minor in range(20) if supported.contains(f"3.{minor}.0")}


def test_every_override_says_why() -> None:
    """A comment stands over each, or over the group it belongs to."""
    why = False
    for line in (ROOT / "deploy" / "overrides.txt").read_text().splitlines():
        if not line.strip():
            why = False
        elif line.startswith("#"):
            why = not line.startswith("# --")
        else:
            assert why, line


def overridden(kept: bool) -> list[Requirement]:
    """The packages that deploy/overrides.txt lifts (`kept`) or leaves out."""
    lines = (line.strip() for line in (ROOT / "deploy" / "overrides.txt").read_text().splitlines())
    requirements = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return [requirement for requirement in requirements if (requirement.marker is None) == kept]


@pytest.mark.parametrize("name", sorted(requirement.name for requirement in overridden(kept=True)))
def test_a_lifted_package_is_installed_as_locked(name: str) -> None:
    assert metadata.version(name) == version("requirements.lock", name)


@pytest.mark.parametrize("requirement", overridden(kept=True), ids=lambda requirement: str(requirement.name))
def test_an_override_is_still_needed(requirement: Requirement) -> None:
    """It admits what is locked, and driftpy or solana, left alone, would not."""
    release = version("requirements.lock", requirement.name)
    asked = [
        Requirement(line)
        for owner in ("driftpy", "solana", "anchorpy", "borsh-construct")
        for line in metadata.requires(owner) or []
    ]
    same = [
        line for line in asked if canonicalize_name(line.name) == requirement.name and line.marker is None
    ]
    assert requirement.specifier.contains(release)
    assert any(not line.specifier.contains(release) for line in same)


def test_what_is_left_out_is_in_no_lock() -> None:
    left_out = {requirement.name for requirement in overridden(kept=False)}
    assert [(name, package) for name in LOCKS for package in locked(name) if package in left_out] == []
