"""The report of a search as one HTML page: verdict, map, stability, in- against out-of-sample.

Words and layout live here; the plots are `plots`', the frame is that of all reports.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from drift_e3.lab.report.sheet import figure, header, pair, section, sheet
from drift_e3.lab.search.driver import Found
from drift_e3.lab.search.plan import Plan
from drift_e3.lab.search.plots import plots

COLUMNS = (
    ("score", "score", "{:.4f}"),
    ("trades", "trades", "{:.0f}"),
    ("profit factor", "profit_factor", "{:.2f}"),
    ("Sharpe", "sharpe", "{:.2f}"),
    ("drawdown", "drawdown_frac", "{:.1%}"),
    ("win rate", "win_rate", "{:.1%}"),
    ("mean trade", "trade_return_frac", "{:.3%}"),
    ("trades a day", "trades_per_day", "{:.2f}"),
    ("volatility", "volatility", "{:.0%}"),
)
_SCORES = (
    "On the weighted account: each trade's result times the weight of the regime it was entered in. Sharpe "
    "and volatility are of daily returns, 365 days a year. A period with fewer than 10 trades has no score."
)
_TRIALS = (
    "Sets that break an early-stop rule, or are not among the better half of a growing part of the time, are "
    "dropped on the way; what they would have come to in the end is not known."
)


def page(plan: Plan, found: Found, card: Mapping[str, Any]) -> str:
    """The whole page. Raises `NoPlots` where plotly is not installed."""
    drawn = {plot.name: plot for plot in plots(plan, found)}
    about = card["about"]
    body = [
        header(plan.name, _told(about["search"], card)),
        f'<p class="verdict">{_sentence(about)}</p>',
        section("The verdict", _verdict(about["verdict"])),
        section("The winner by period", _periods(about["periods"]), _SCORES),
        section("The winner's parameters", _parameters(plan, card)),
        figure(drawn.get("map")),
        pair(figure(drawn.get("outside")), figure(drawn.get("rungs"))),
        figure(drawn.get("stability")),
        figure(drawn.get("equity")),
        section("Walk-forward", _folds(about["walk_forward"]), _FOLDS),
        section("How the trials went", _trials(found), _TRIALS),
    ]
    return sheet(plan.name, body, list(drawn.values()))


_FOLDS = "Each row: searched anew on all the time before, then traded on the part behind it, unseen."


def _told(search: Mapping[str, Any], card: Mapping[str, Any]) -> str:
    return (
        f"{card['symbol']}, {card['timeframe']} candles · {search['trials']:,} of {search['grid']:,} sets "
        f"tried, {search['finished']:,} to the end · seed {search['seed']}"
    )


def _sentence(about: Mapping[str, Any]) -> str:
    if about["score"] is None:
        return "No set of parameters made ten trades in every training period: there is no winner."
    outside = about["score_out_of_sample"]
    scored = "has no score out of sample" if outside is None else f"scores {outside:.4f} out of sample"
    verdict = about["verdict"]
    against = len(verdict["reasons"])
    judged = "It is licensed." if not against else f"It is refused: {against} checks speak against it."
    rule = f" It breaks a rule ({about['broken_rule']})." if about["broken_rule"] else ""
    return f"The best of the search scores {about['score']:.4f} in training and {scored}.{rule} {judged}"


def _verdict(verdict: Mapping[str, Any]) -> str:
    if not verdict["checks"]:
        return _list(verdict["reasons"])
    rows = [
        (
            check["name"].replace("_", " "),
            _number(check["value"]),
            _limit(check),
            "holds" if check["holds"] else "fails",
            check["meaning"],
        )
        for check in verdict["checks"]
    ]
    return _table(("check", "value", "limit", "", "what it is"), rows, words=(4,), marks=3)


def _limit(check: Mapping[str, Any]) -> str:
    if "at_most" in check:
        return f"at most {_number(check['at_most'])}"
    return f"at least {_number(check['at_least'])}"


def _periods(periods: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (
            f"{period['name']}, {'in' if period['role'] == 'training' else 'out of'} sample",
            f"{period['start'][:10]} to {period['end'][:10]}",
            *("-" if period[key] is None else form.format(period[key]) for _, key, form in COLUMNS),
        )
        for period in periods
    ]
    return _table(("period", "", *(name for name, _, _ in COLUMNS)), rows) if rows else ""


def _parameters(plan: Plan, card: Mapping[str, Any]) -> str:
    rows = [
        (
            axis.key,
            _number(card["parameters"][axis.key]),
            ", ".join(_number(value) for value in axis.values),
        )
        for axis in plan.axes
    ]
    held = [
        (key, _number(card["parameters"][key]), f"not searched: {why}")
        for key, why in plan.held
        if key in card["parameters"]
    ]
    return _table(("parameter", "value", "searched"), rows + held, words=(2,))


def _folds(folds: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (
            f"{fold['traded_on'][0][0][:10]} to {fold['traded_on'][-1][1][:10]}",
            _number(fold["score_inside"]),
            ", ".join(_number(score) for score in fold["scores_outside"]) or "-",
            f"{fold['trades_outside']}",
            f"{fold['return_outside_frac']:+.2%}",
        )
        for fold in folds
    ]
    return _table(("traded on", "score before", "score", "trades", "return"), rows) if rows else ""


def _trials(found: Found) -> str:
    counts: dict[tuple[str, str], int] = {}
    for trial in found.trials:
        fate = f"dropped: {trial.dropped}" if trial.dropped else "to the end"
        counts[trial.stage, fate] = counts.get((trial.stage, fate), 0) + 1
    return _table(
        ("stage", "fate", "sets"),
        [(stage, fate, f"{count:,}") for (stage, fate), count in sorted(counts.items())],
        words=(1,),
    )


def _table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], words: Sequence[int] = (), marks: int = -1
) -> str:
    """A table; the columns `words` hold text, the cells of column `marks` are coloured by whether they say
    that something holds."""

    def kind(at: int, text: str) -> str:
        if at == marks and text:
            return f' class="{"gain" if text == "holds" else "loss"}"'
        return ' class="text"' if at in words else ""

    head = "".join(f"<th{kind(at, name)}>{escape(name)}</th>" for at, name in enumerate(heads))
    body = "".join(
        f"<tr>{''.join(f'<td{kind(at, text)}>{escape(text)}</td>' for at, text in enumerate(row))}</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def _number(value: float | bool | str | None) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return str(value).lower()
        case str():
            return value
        case _:
            return f"{value:.5g}"
