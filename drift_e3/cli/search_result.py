"""What a search found, as a table on standard output."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer


def show(card: Mapping[str, Any], folder: Path) -> None:
    """The winner's scores by period, its parameters, the verdict, and where the files are."""
    about = card["about"]
    search = about["search"]
    typer.echo(
        f"{search['trials']:,} of {search['grid']:,} sets tried, {search['finished']:,} of them to the end; "
        f"with walk-forward and earlier searches on this data {search['trials_ever']:,}"
    )
    if about["score"] is None:
        typer.echo("no set of parameters made 10 trades in every training period: there is no winner")
    else:
        _show_periods(about)
        typer.echo("parameters  " + ", ".join(_parameters(card)))
        if about["broken_rule"]:
            typer.echo(f"the best there is breaks a rule: {about['broken_rule']}")
    for fold in about["walk_forward"]:
        typer.echo(_fold(fold))
    verdict = about["verdict"]
    typer.echo(f"verdict     {verdict['verdict']}")
    for reason in verdict["reasons"]:
        typer.echo(f"            {reason}")
    typer.echo(f"card        {folder / 'card.json'}")


def _show_periods(about: Mapping[str, Any]) -> None:
    columns = (
        ("score", "score", ".4f"),
        ("trades", "trades", ".0f"),
        ("profit factor", "profit_factor", ".2f"),
        ("Sharpe", "sharpe", ".2f"),
        ("drawdown", "drawdown_frac", ".1%"),
        ("win rate", "win_rate", ".1%"),
        ("a trade", "trade_return_frac", ".3%"),
    )
    typer.echo(f"{'period':<34}" + "".join(f"{name:>14}" for name, _, _ in columns))
    for period in about["periods"]:
        label = f"{period['name']} ({'in' if period['role'] == 'training' else 'out of'} sample)"
        cells = (_cell(period[key], form) for _, key, form in columns)
        typer.echo(f"{label:<34}" + "".join(f"{cell:>14}" for cell in cells))


def _fold(fold: Mapping[str, Any]) -> str:
    """One part of the walk-forward: what was chosen before it, as it went in it."""
    chosen, traded = (_days(fold[key]) for key in ("chosen_on", "traded_on"))
    if fold["parameters"] is None:
        return f"walk-forward {chosen}: nothing was found to trade on {traded}"
    outside = ", ".join(_cell(score, ".4f") for score in fold["scores_outside"])
    return (
        f"walk-forward {chosen}: {_cell(fold['score_inside'], '.4f')}; traded on {traded}: {outside}, "
        f"{fold['trades_outside']} trades, {fold['return_outside_frac']:+.1%}"
    )


def _days(spans: Sequence[Sequence[str]]) -> str:
    return f"{spans[0][0][:10]}..{spans[-1][1][:10]}"


def _cell(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _parameters(card: Mapping[str, Any]) -> list[str]:
    searched = card["about"]["search"]["searched"]
    return [f"{key} {_plain(card['parameters'][key])}" for key in searched]


def _plain(value: float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"
