"""`drift-e3 chaos`: the daemon under a seeded time of trouble, on loopback, with a score card."""

import sys
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from drift_e3.cli.exits import Exit

DAEMON: Final = (sys.executable, "-m", "drift_e3.cli.chaos_daemon")


class DrilledVenue(StrEnum):
    """The programs whose emulation a daemon can be drilled on."""

    VELOCITY = "velocity"
    DRIFT = "drift"


def chaos(
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="The same seed is the same schedule.")],
    minutes: Annotated[float, typer.Option(min=0.5, max=1_440, help="Minutes of the market.")] = 5.0,
    venue: Annotated[DrilledVenue, typer.Option(help="Whose program is emulated.")] = DrilledVenue.VELOCITY,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the daemon's state and log there; a new folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Run a daemon in every trouble there is, on loopback alone; exit 1 if it broke a promise."""
    import json
    from tempfile import TemporaryDirectory

    from drift_e3.drill.chaos.card_text import text
    from drift_e3.drill.chaos.play import run

    with ExitStack() as stack:
        if keep is None:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="drift-e3-chaos-")))
        else:
            folder = keep.absolute()
            if folder.exists():
                raise typer.BadParameter(f"{keep} is there already", param_hint="--keep")
            folder.mkdir(parents=True)
        card = run(seed, minutes, venue.value, folder, DAEMON)
    typer.echo(json.dumps(card.document()) if as_json else text(card))
    if not card.good:
        raise typer.Exit(Exit.CHECK_FAILED)
