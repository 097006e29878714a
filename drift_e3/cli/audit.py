"""`drift-e3 audit`: whether a journal kept every promise of the safety envelope."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drift_e3.cli.exits import Exit
from drift_e3.cli.journals import open_state
from drift_e3.cli.options import StateDir

if TYPE_CHECKING:
    from drift_e3.lab.audit.findings import Audit

LISTED = 20
"""So many findings are shown; the JSON has more."""


def audit(
    state: StateDir = None,
    out: Annotated[
        Path | None, typer.Option("--json", metavar="FILE|-", help="Write figures and findings as JSON.")
    ] = None,
) -> None:
    """Check the safety envelope over a whole journal, with books kept apart from the trader's.

    Exit code 0 if every promise was kept, 1 if anything was found, 65 for a damaged journal.
    """
    from drift_e3.cli.progress import meter
    from drift_e3.cli.recorded import STDOUT, write_json
    from drift_e3.lab.audit.auditing import audit as audit_journal

    with open_state(state) as reader, meter("audit") as progress:
        found = audit_journal(reader, progress)
    if out is not None:
        write_json(found.document(), out)
    if out != STDOUT:
        _show(found)
    if not found.is_clean:
        raise typer.Exit(Exit.CHECK_FAILED)


def _show(found: "Audit") -> None:
    from drift_e3.lab.audit.findings import PROMISES

    told = found.document()
    typer.echo(f"{found.events} events, {_moment(found.first_ts)} to {_moment(found.last_ts)}")
    for rule, promise in PROMISES.items():
        checked, broken = found.checked.get(rule, 0), found.found.get(rule, 0)
        verdict = f"{broken} BROKEN" if broken else "kept" if checked else "not asked"
        typer.echo(f"{rule.value:12} {verdict:>10} {checked:>9} checks   {promise}")
    typer.echo(
        f"without a stop on the venue: {told['unprotected_s']:g} s in all, {told['unprotected_s_max']:g} s "
        f"at most; left after {told['unprotected_s_bound']:g} s"
    )
    typer.echo(
        f"largest entry: {told['entry_cap_share_max']:.1%} of the cap; above it by 5 % for "
        f"{told['overexposed_s_max']:g} s at most"
    )
    typer.echo(
        f"largest losses: {told['drawdown_frac_max']:.2%} from the peak, "
        f"{told['daily_loss_frac_max']:.2%} in a day"
    )
    for finding in found.findings[:LISTED]:
        typer.echo(f"event {finding.seq}, {_moment(finding.ts)}, {finding.rule.value}: {finding.words}")
    more = sum(found.found.values()) - LISTED
    if more > 0:
        typer.echo(f"and {more} more")


def _moment(ts: int) -> str:
    return datetime.fromtimestamp(ts / 1_000.0, UTC).strftime("%Y-%m-%d %H:%M:%S")
