"""`drift-e3 status` and `positions`: how the trader stands, by the daemon's word or by the journal's."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from drift_e3.cli.options import AsJson, StateDir, state_directory

if TYPE_CHECKING:
    from drift_e3.status import Status

PATIENCE_S = 5.0
"""How long a daemon that is starting or ending is waited for."""


def status(state: StateDir = None, as_json: AsJson = False) -> None:
    """Show mode, equity, position, limits, feeds and the last decision, of a daemon that runs or not."""
    from drift_e3.cli import status_text

    seen = _seen(state_directory(state))
    if as_json:
        typer.echo(status_text.document(seen))
    else:
        status_text.show(status_text.everything(seen))


def positions(state: StateDir = None, as_json: AsJson = False) -> None:
    """Show the position with its stop, and the open orders."""
    from drift_e3.cli import status_text

    seen = _seen(state_directory(state))
    if as_json:
        held = () if seen.position is None else (seen.position,)
        typer.echo(
            status_text.document(
                {
                    "symbol": seen.symbol,
                    "account": seen.account,
                    "running": seen.daemon is not None,
                    "written_ts": seen.written_ts,
                    "positions": held,
                    "orders": seen.orders,
                    "notes": seen.notes,
                }
            )
        )
        return
    if seen.daemon is None:
        status_text.show(iter([("daemon", status_text.who(seen)), *(("", note) for note in seen.notes)]))
    status_text.show(status_text.positions(seen))


def _seen(directory: Path) -> "Status":
    from drift_e3.live import at_rest
    from drift_e3.live.control_client import ask
    from drift_e3.live.control_wire import Request
    from drift_e3.operating import Verb

    answer = ask(directory, Request(verb=Verb.STATUS), PATIENCE_S)
    if answer is None or answer.status is None:
        return at_rest.read(directory)
    return answer.status
