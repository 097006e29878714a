"""The command line: the verbs, one small module each, and what an error looks like to the shell.

A verb's module imports nothing heavy at its top, because each start pays for it; what the verb needs is
imported where it runs. A verb ends with ``raise typer.Exit(Exit.…)`` or by returning, which is success.
"""

import sys
from contextlib import suppress
from types import TracebackType
from typing import Any

import typer

from drift_e3.cli import (
    advice,
    audit,
    backup,
    chaos,
    config,
    data,
    doctor,
    download,
    journal,
    licence_check,
    lookahead,
    operate,
    optimize,
    record,
    recorded,
    report,
    run,
    status,
)
from drift_e3.cli.early_stop import StoppedEarly
from drift_e3.cli.exits import Exit, exit_for

app = typer.Typer(
    name="drift-e3",
    help="Trading daemon for perpetual futures on Drift and Velocity, on paper by default.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
app.command()(run.run)
app.command()(doctor.doctor)
app.command()(status.status)
app.command()(status.positions)
app.command()(operate.halt)
app.command()(operate.flatten)
app.command()(operate.reduce)
app.command()(operate.resume)
app.command()(recorded.backtest)
app.command()(recorded.features)
app.command("lookahead-check")(lookahead.lookahead_check)
app.command()(optimize.optimize)
app.command()(licence_check.licence_check)
app.command()(record.record)
app.command()(download.download)
app.command()(journal.replay)
app.command()(audit.audit)
app.command()(backup.backup)
app.command()(backup.restore)
app.command()(chaos.chaos)
app.add_typer(journal.app, name="journal")
app.add_typer(advice.app, name="advice")
app.add_typer(report.app, name="report")
app.add_typer(data.app, name="data")
app.add_typer(config.app, name="config")


USAGE_ERROR: type[Exception] = typer.BadParameter.__bases__[0]
"""What typer raises for a command line that it cannot make sense of; it does not export the class."""


def main() -> None:
    """Run the command line and exit. Operating errors are one line each on standard error and an exit code of
    `exits`; anything else is a bug and shows its traceback, without secrets."""
    sys.excepthook = _show_bug
    try:
        code = typer.main.get_command(app)(prog_name="drift-e3", standalone_mode=False)
        if not code:
            # What could not be written is no success.
            sys.stdout.flush()
        sys.exit(code)
    except USAGE_ERROR as error:
        _complain_of_usage(error)
        sys.exit(Exit.USAGE)
    except StoppedEarly as stop:
        _complain(f"stopped by {stop} before it traded")
        sys.exit(Exit.OK)
    except Exception as error:
        code = exit_for(error)
        if code is None:
            raise
        for line in _told(error).splitlines() or [type(error).__name__]:
            _complain(line)
        sys.exit(code)
    finally:
        _end_output()


def _end_output() -> None:
    """Write what is left; where that cannot be, let go of it, or Python would end with a code of its own."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            from drift_e3.logs import discard

            discard(stream)


def _complain_of_usage(error: Any) -> None:
    """One line, with where to read more; a command that needs a command shows its help."""
    message: str = error.format_message()
    if "\n" in message:
        typer.echo(message, err=True)
    else:
        where = error.ctx.command_path if error.ctx is not None else "drift-e3"
        message = message.replace("Value error, ", "").removesuffix(".")
        _complain(f"{message}; see {where} --help")


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _complain(line: str) -> None:
    from drift_e3.logs import redact_text

    # On a full disk nobody can be told: then the exit code has to say it.
    with suppress(OSError):
        typer.echo(f"drift-e3: {redact_text(line)}", err=True)


def _show_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    from drift_e3.logs import show_bug

    show_bug(kind, error, trace)
