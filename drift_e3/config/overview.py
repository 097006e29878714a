"""The settings written out for people and machines: the example file, the overview, the JSON schema."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from drift_e3.config.keys import Key, plain, table
from drift_e3.config.load import Loaded
from drift_e3.config.sections import PREFIX, Settings

_HEAD = f"""\
# drift_e3: every setting with its meaning, range, unit and default.
# Copy this file to .env in the working directory and take the # from the lines that you change.
# The later source wins: default, parameter card, .env, secret files, environment, command line.
# A secret file is named as its variable, in /run/secrets or among the credentials of systemd.
# Unknown keys are refused: in .env all, in the environment those that begin with {PREFIX}.
# An empty value counts as not given.
# `drift-e3 config check` finds mistakes, `drift-e3 config show` says what is in force and why.
"""


def env_example() -> str:
    """The text of `.env.example`: one commented line for each key beneath its explanation."""
    lines = [_HEAD]
    for section, keys in groupby(table().values(), key=lambda key: key.path.rpartition(".")[0]):
        if section:
            lines.append(f"\n# --- {section}: {type(Settings.model_fields[section].default).__doc__}\n")
        for key in keys:
            lines.append(f"# {key.meaning} [{key.expects}; default {plain(key.default) or 'none'}]")
            lines.append(f"# {key.variable}={plain(key.default)}")
    return "\n".join(lines) + "\n"


def effective(loaded: Loaded) -> Iterator[tuple[Key, Any, str]]:
    """Each key with its value in force and the value's origin; secrets stay wrapped."""
    for path, key in table().items():
        section, _, leaf = path.partition(".")
        value = getattr(loaded.settings, section)
        yield key, getattr(value, leaf) if leaf else value, loaded.origins.get(path, "default")


def schema() -> dict[str, Any]:
    """The JSON schema of the settings."""
    return Settings.model_json_schema()
