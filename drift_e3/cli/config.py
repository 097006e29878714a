"""`drift-e3 config`: what the settings are, where each comes from, and whether they will do."""

import json
from enum import StrEnum
from typing import Annotated

import typer

from drift_e3.cli.options import ParamsCard

app = typer.Typer(help="Show, check and document the settings.", no_args_is_help=True, rich_markup_mode=None)


class ShowFormat(StrEnum):
    """How `config show` writes."""

    TEXT = "text"
    JSON = "json"


class SchemaFormat(StrEnum):
    """How `config schema` writes."""

    JSON = "json"
    ENV = "env"


@app.command()
def show(
    params: ParamsCard = None,
    style: Annotated[ShowFormat, typer.Option("--format", help="How to write them.")] = ShowFormat.TEXT,
) -> None:
    """Print every setting in force and where it comes from; secrets are masked."""
    from drift_e3.config import load
    from drift_e3.config.keys import plain
    from drift_e3.config.overview import effective
    from drift_e3.logs import redact_text, redact_value

    loaded = load(overrides={"params_card": params})
    if style is ShowFormat.JSON:
        rows = {
            key.path: {"value": redact_value(value), "origin": origin}
            for key, value, origin in effective(loaded)
        }
        typer.echo(json.dumps({"settings": rows, "notes": loaded.notes}, indent=2))
        return
    for note in loaded.notes:
        typer.echo(f"# {note}")
    for key, value, origin in effective(loaded):
        shown = redact_text(plain(value)) or "none"
        typer.echo(f"{key.path} = {shown}".ljust(56) + f" # {origin}")


@app.command()
def check(params: ParamsCard = None) -> None:
    """Check the settings: exit code 0, or 78 with one line for each problem."""
    from drift_e3.config import load

    loaded = load(overrides={"params_card": params})
    loaded.settings.trading()
    for note in loaded.notes:
        typer.echo(f"note: {note}")
    typer.echo(f"the settings are in order: {len(loaded.origins)} given, the others are defaults")


@app.command()
def schema(
    style: Annotated[
        SchemaFormat, typer.Option("--format", help="JSON schema or .env example.")
    ] = SchemaFormat.JSON,
) -> None:
    """Print the JSON schema of the settings, or the example file of variables."""
    from drift_e3.config import overview

    if style is SchemaFormat.ENV:
        typer.echo(overview.env_example(), nl=False)
    else:
        typer.echo(json.dumps(overview.schema(), indent=2))
