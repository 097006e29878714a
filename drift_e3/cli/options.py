"""Options that several verbs have, with the same name and help everywhere, and what they stand for."""

from pathlib import Path
from typing import Annotated

import typer


def _folder(given: str) -> Path:
    """A folder that was named: an empty name would be the present one, by an accident of a shell."""
    if not given.strip():
        raise typer.BadParameter("the name is empty; the present folder is ./")
    return Path(given)


ParamsCard = Annotated[
    Path | None,
    typer.Option("--params", metavar="FILE", help="Parameter card (JSON); variables override it."),
]
Symbol = Annotated[str | None, typer.Option("--symbol", metavar="S", help="The market's name.")]
StateDir = Annotated[
    Path | None,
    typer.Option(
        "--state", metavar="DIR", parser=_folder, help="Folder of journal and lock; ./state by default."
    ),
]
TapeFile = Annotated[
    Path,
    typer.Option(
        "--tape", metavar="FILE", help="Candles (Parquet or CSV): ts_ms, open, high, low, close, volume."
    ),
]
FundingFile = Annotated[
    Path | None,
    typer.Option("--funding", metavar="FILE", help="Funding: ts_ms, rate (fraction per hour), premium."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write one JSON object.")]


def state_directory(given: Path | None) -> Path:
    """The state directory of the settings. One that is given needs no settings: whoever halts a daemon must
    not have to mend a setting first."""
    if given is not None:
        return given.expanduser()
    from drift_e3.config import load

    return load().settings.state_dir
