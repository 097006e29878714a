"""The wordings of the prompt: text files with places for what the question holds, packaged or a person's own.

A packaged file is never changed, only followed by a new version under a new name. A person's own file may
change, so its name travels with the beginning of its hash. What fills the places is `prompts`'.
"""

import hashlib
import re
from importlib import resources
from pathlib import Path
from string import Template
from typing import Final, NamedTuple

DEFAULT: Final = "default-v1"
PLACES: Final = ("symbol", "market", "candles", "position", "limits")
"""What a template may name, as ``$market``; the market must be there."""
BYTES_MAX: Final = 32_768
SUFFIX: Final = ".txt"
_NAME: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
_PACKAGED: Final = resources.files("drift_e3.advisors").joinpath("templates")


class TemplateRefused(ValueError):
    """A template that is not there or cannot be used: one line with its file and what is wrong with it."""


class PromptTemplate(NamedTuple):
    """A wording, and the name under which answers to it are kept."""

    name: str
    text: Template


def packaged_names() -> tuple[str, ...]:
    """The templates that come with the program."""
    return tuple(
        sorted(file.name.removesuffix(SUFFIX) for file in _PACKAGED.iterdir() if file.name.endswith(SUFFIX))
    )


def load_template(name: str = DEFAULT, folder: Path | None = None) -> PromptTemplate:
    """The template of that name: the one in `folder` (``NAME.txt``) before a packaged one.

    Raises `TemplateRefused`.
    """
    if not _NAME.fullmatch(name):
        raise TemplateRefused(f"{name!r} is no name of a template: letters, digits, dots and hyphens only")
    if folder is not None and (own := folder / f"{name}{SUFFIX}").exists():
        text = _read(own)
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        return PromptTemplate(f"{name}@{digest}", _checked(Template(text), str(own)))
    if name not in packaged_names():
        where = "" if folder is None else f" in {folder}, nor a packaged one"
        raise TemplateRefused(
            f"{name!r} is no prompt template{where}; packaged: {', '.join(packaged_names())}"
        )
    text = _PACKAGED.joinpath(f"{name}{SUFFIX}").read_text(encoding="utf-8")
    return PromptTemplate(name, Template(text))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(BYTES_MAX + 1)
        if len(content) > BYTES_MAX:
            raise TemplateRefused(f"{path}: more than {BYTES_MAX} bytes")
        return content.decode("utf-8")
    except OSError as error:
        raise TemplateRefused(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise TemplateRefused(f"{path}: is not UTF-8 text") from error


def _checked(template: Template, where: str) -> Template:
    """The template; one that has unknown places, a lone $ or no market is refused."""
    known = ", ".join(f"${place}" for place in PLACES)
    if not template.is_valid():
        raise TemplateRefused(f"{where}: a $ that names no place; write $$ for the sign; places: {known}")
    places = template.get_identifiers()
    if unknown := [place for place in places if place not in PLACES]:
        raise TemplateRefused(f"{where}: ${unknown[0]} is no place; places: {known}")
    if "market" not in places:
        raise TemplateRefused(f"{where}: has no $market: the model would be told nothing")
    return template
