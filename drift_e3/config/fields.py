"""How a setting is declared: the fields of a section, and the checks of values that are no plain numbers."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_settings import NoDecode


class Section(BaseModel):
    """What all sections have in common: immutable, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, str_strip_whitespace=True, hide_input_in_errors=True
    )


def number(default: float, low: float, high: float, unit: str, meaning: str) -> Any:
    """A field for a number from `low` to `high`, ends included."""
    return Field(default, ge=low, le=high, description=meaning, json_schema_extra={"unit": unit})


def said(default: object, meaning: str, expects: str = "", pattern: str | None = None) -> Any:
    """A field that is no plain number; `expects` says in words what its type cannot say."""
    return Field(default, description=meaning, pattern=pattern, json_schema_extra={"expects": expects})


def _expand_user(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError("there is no such home directory") from error


UserPath = Annotated[Path, AfterValidator(_expand_user)]
"""A path in which ``~`` stands for the home directory, also where no shell has replaced it."""


def check_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("not an http or https address")
    _ = parts.port  # raises for a port that is none
    return url.rstrip("/")


def check_urls(urls: SecretStr) -> SecretStr:
    """Addresses with commas between; a path or a query may hold an access key, so they are kept secret."""
    for url in urls.get_secret_value().split(","):
        parts = urlsplit(url.strip())
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment:
            raise ValueError("not an http or https address")
        _ = parts.port  # raises for a port that is none
    return urls


def _split_names(value: object) -> object:
    """``a, b`` as a tuple; anything else as it is."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


OptionalUrl = Annotated[str, AfterValidator(check_url)] | None
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_names)]
