"""Settings that a container engine or a service manager hands over as files, each named as its variable.

A variable of the environment is shown to whoever may look at the container and inherited by whatever is
started; such a file is neither. Here they are only found and read: what they mean is `load`'s.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from drift_e3.config.sections import PREFIX

SECRETS_DIR: Final = Path("/run/secrets")
"""Where container engines mount secrets."""


def folders(environment: Mapping[str, str], secrets_dir: Path) -> tuple[Path, ...]:
    """Where such files may be: systemd's CREDENTIALS_DIRECTORY, if there is one, and the engine's."""
    credentials = environment.get("CREDENTIALS_DIRECTORY", "")
    return (Path(credentials), secrets_dir) if credentials else (secrets_dir,)


def read(among: Iterable[Path], problems: list[str]) -> Iterator[tuple[str, str, str, str]]:
    """Name, place, text and origin of each setting in these folders; one that cannot be read is a problem.

    Files of other names are somebody else's, as is a folder that may not be listed.
    """
    for folder in among:
        for path in _named(folder):
            try:
                text = path.read_text(encoding="utf-8")
            except OSError as error:
                problems.append(f"{path}: cannot be read: {error.strerror}")
            except UnicodeDecodeError:
                problems.append(f"{path}: is not UTF-8 text")
            else:
                yield path.name, str(path), text, str(path)


def _named(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.name.upper().startswith(PREFIX))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []
