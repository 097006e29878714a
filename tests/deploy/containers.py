"""An image of the checkout, built and run by tools that need no engine, with a store of their own.

The base is made from Debian's packages (mmdebstrap), buildah builds, podman runs. No container has a network.
"""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
TOOLS: Final = ("buildah", "mmdebstrap", "podman")
BASE: Final = "localhost/debian-with-python:test"
IMAGE: Final = "localhost/drift-e3:test"
MADE_LIKE_SLIM: Final = [f"path-exclude=/usr/share/{folder}/*" for folder in ("doc", "locale", "man")]
VOLUME: Final = "/var/lib/drift-e3"
HARDENED: Final = (
    *("--network", "none", "--read-only", "--tmpfs", "/tmp"),
    *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
    # Not more than whoever runs the tests may have himself: podman's own defaults may be.
    *("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"),
)
PATIENCE_S: Final = 60.0


class Ended(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str


def run(*words: object, timeout_s: float = 120.0) -> Ended:
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False, timeout=timeout_s
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def missing() -> str:
    """Which of the tools are not there, in words; "" if all are."""
    return ", ".join(tool for tool in TOOLS if shutil.which(tool) is None)


class NoBase(Exception):
    """A base cannot be made here: no packages can be had, or mounts are not allowed."""


class Store:
    """Images and containers in a folder; everything is gone after `clear`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._where = ("--root", str(folder / "root"), "--runroot", str(folder / "run"))

    def podman(self, *words: object) -> Ended:
        # runc also where control groups of both versions are mounted, which crun refuses.
        runtime = ("--runtime", "runc") if shutil.which("runc") else ()
        return run("podman", *self._where, "--cgroup-manager", "cgroupfs", *runtime, *words)

    def make_base(self) -> None:
        """Raises `NoBase`."""
        archive = self._folder / "base.tar"
        options = [f"--dpkgopt={option}" for option in MADE_LIKE_SLIM]
        packages = "--include=python3,python3-venv,ca-certificates"
        made = run(
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            packages,
            *options,
            "bookworm",
            archive,
            timeout_s=900,
        )
        if made.code != 0:
            raise NoBase(made.err.strip().rpartition("\n")[2])
        assert self.podman("import", archive, BASE).code == 0
        archive.unlink()

    def build(self) -> str:
        """Build the image; what was said meanwhile."""
        words = ("--format", "docker", "--isolation", "chroot", "--build-arg", f"BASE={BASE}", "--tag", IMAGE)
        built = run("buildah", *self._where, "build", *words, *self._pip(), ROOT, timeout_s=1_800)
        assert built.code == 0, (built.out + built.err)[-3_000:]
        return built.out + built.err

    def _pip(self) -> list[str]:
        """The settings that pip has on this machine, and its certificates, as secrets of the build."""
        told = run(sys.executable, "-m", "pip", "config", "list").out
        known = dict(re.findall(r"^(?:global\.|:env:\.)([\w-]+)='(.*)'$", told, re.MULTILINE))
        settings = {name: known[name] for name in ("index-url", "proxy", "timeout") if name in known}
        secrets = {"pip.conf": str(self._folder / "pip.conf")}
        if "cert" in known:
            settings["cert"] = "/run/secrets/ca.crt"
            secrets["ca.crt"] = known["cert"]
        lines = ["[global]", *(f"{name} = {value}" for name, value in settings.items())]
        Path(secrets["pip.conf"]).write_text("\n".join(lines) + "\n")
        return [f"--secret=id={name},src={file}" for name, file in secrets.items()]

    def megabytes(self, image: str) -> float:
        """An image's size without compression."""
        return int(self.podman("image", "inspect", image, "--format", "{{.Size}}").out) / 1e6

    def once(self, *words: object, options: tuple[object, ...] = ()) -> Ended:
        """One verb in a container of its own."""
        return self.podman("run", "--rm", *HARDENED, *options, IMAGE, *words)

    def clear(self) -> None:
        """End and remove whatever there is."""
        self.podman("rm", "--all", "--force", "--time", "0")
        self.podman("volume", "rm", "--all", "--force")
        self.podman("rmi", "--all", "--force")


class Container:
    """A daemon in a container, with its state in the volume `volume`."""

    def __init__(self, store: Store, volume: str, options: tuple[object, ...] = ()) -> None:
        self._store = store
        given = ("--volume", f"{volume}:{VOLUME}", *options)
        begun = store.podman("run", "--detach", *HARDENED, *given, IMAGE, "run", "--speed", "60")
        assert begun.code == 0, begun.err
        self.name = begun.out.strip()

    def do(self, verb: str, *words: object) -> Ended:
        """A verb of the engine (stop, start, kill ...)."""
        return self._store.podman(verb, *words, self.name)

    def inside(self, *command: object) -> Ended:
        return self._store.podman("exec", self.name, *command)

    def log(self) -> list[str]:
        return self.do("logs").out.splitlines()

    def code(self) -> int:
        return int(self.do("inspect", "--format", "{{.State.ExitCode}}").out)

    def healthy(self) -> bool:
        """Whether the image's own check says so."""
        return self._store.podman("healthcheck", "run", self.name).code == 0

    def says(self, event: str) -> bool:
        return any(f'"event":"{event}"' in line for line in self.log())


def until(condition: Callable[[], bool]) -> None:
    """Wait for it; an assertion where it does not come."""
    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end_s, "it did not come"
        time.sleep(0.2)
