"""The words and tables of the page, as HTML fragments of a summary's numbers.

Pure. All text that comes from outside is escaped here; the page around it is `page`'s.
"""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby
from typing import Any

from drift_e3.core.terms import MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE
from drift_e3.lab.report.summary import Document

DASH = "—"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def usd(value: float | None) -> str:
    """Money with its sign."""
    return DASH if value is None else f"{value:+,.2f} USD"


def percent(value: float | None, digits: int = 2) -> str:
    """A fraction with its sign, as percent."""
    return DASH if value is None else f"{100.0 * value:+,.{digits}f} %"


def share(value: float | None) -> str:
    """A share as percent, without a sign."""
    return DASH if value is None else f"{100.0 * value:.1f} %"


def number(value: float | None) -> str:
    """A plain number."""
    return DASH if value is None else f"{value:,.2f}"


def lasted(ms: float | None) -> str:
    """A length of time in its largest unit."""
    if ms is None:
        return DASH
    for unit_ms, name in ((MS_PER_DAY, "d"), (MS_PER_HOUR, "h"), (MS_PER_MINUTE, "min")):
        if ms >= unit_ms:
            return f"{ms / unit_ms:.1f} {name}"
    return f"{ms / 1_000.0:.0f} s"


def signed(value: float | None, text: str) -> str:
    """Text in the colour of gain or loss."""
    kind = "" if not value else "gain" if value > 0.0 else "loss"
    return f'<span class="{kind}">{text}</span>' if kind else text


def verdict(summary: Document) -> str:
    """The result in two sentences."""
    pnl, told = summary["pnl"], summary["performance"]
    change, held = told["return_frac"], summary["benchmarks"]["buy_and_hold"]["return_frac"]
    trades = summary["trades"]["trades"]
    did = "made" if pnl["net_usd"] > 0.0 else "lost" if pnl["net_usd"] < 0.0 else "came out even with"
    costs_usd = pnl["slippage_usd"] + pnl["fees_usd"]
    first = (
        f"It {did} <b>{signed(pnl['net_usd'], usd(pnl['net_usd']))}</b> "
        f"({signed(change, percent(change))}) in {trades:,} finished trades; "
        f"the same money simply held would have made {signed(held, percent(held))}."
    )
    second = (
        f"Price moves brought {usd(pnl['price_pnl_usd'])}, slippage and fees took {costs_usd:,.2f} USD, "
        f"funding {'gave' if pnl['funding_usd'] >= 0.0 else 'took'} {abs(pnl['funding_usd']):,.2f} USD."
    )
    return f"{first} {second}"


def tiles(summary: Document) -> str:
    """The figures that people look for first."""
    told, trades = summary["performance"], summary["trades"]
    drawdown = told["drawdown"]
    shown = [
        ("Return", signed(told["return_frac"], percent(told["return_frac"])), usd(summary["pnl"]["net_usd"])),
        (
            "Deepest drawdown",
            signed(-drawdown["frac"], percent(-drawdown["frac"])),
            lasted(drawdown["duration_ms"]),
        ),
        ("Sharpe", number(told["sharpe"]), told["undefined"].get("sharpe", "by the year")),
        (
            "Profit factor",
            number(trades["profit_factor"]),
            trades["undefined"].get("profit_factor", "won over lost"),
        ),
        ("Win rate", share(trades["win_rate"]), f"{trades['wins']:,} of {trades['trades']:,} trades"),
        ("In the market", share(summary["activity"]["exposure_frac"]), "of the time"),
    ]
    return '<div class="tiles">{}</div>'.format(
        "".join(
            f'<div class="tile"><small>{name}</small><b>{value}</b><small>{escape(below)}</small></div>'
            for name, value, below in shown
        )
    )


def months_table(summary: Document) -> str:
    """Years down, months across, each in the shade of its return."""
    months = summary["months"]
    if not months:
        return ""
    top = max((abs(each["return_frac"] or 0.0) for each in months), default=0.0) or 1.0
    rows = []
    for year, each in groupby(months, key=lambda month: str(month["month"])[:4]):
        by_month = {int(month["month"][5:]): month["return_frac"] for month in each}
        whole = 1.0
        for value in by_month.values():
            whole *= 1.0 + (value or 0.0)
        cells = "".join(_month(by_month.get(place), top, place in by_month) for place in range(1, 13))
        rows.append(f"<tr><th>{year}</th>{cells}<td><b>{percent(whole - 1.0, 1)}</b></td></tr>")
    head = "".join(f"<th>{name}</th>" for name in MONTHS)
    return (
        f'<div class="scroll"><table class="months"><thead><tr><th>Year</th>{head}<th>Year</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _month(value: float | None, top: float, known: bool) -> str:
    if not known or value is None:
        return "<td></td>"
    shade = 10 + round(50 * min(abs(value) / top, 1.0))
    colour = "var(--gain)" if value > 0.0 else "var(--loss)"
    return (
        f'<td style="background:color-mix(in srgb, {colour} {shade if value else 0}%, transparent)">'
        f"{percent(value, 1)}</td>"
    )


def metrics_table(summary: Document) -> str:
    """All figures, those of buy and hold beside them where there are such."""
    told, held = summary["performance"], summary["benchmarks"]["buy_and_hold"]
    trades, activity, pnl = summary["trades"], summary["activity"], summary["pnl"]
    both = [
        ("Return", "return_frac", percent),
        ("Growth by the year (CAGR)", "cagr_frac", percent),
        ("Volatility by the year", "volatility_frac", share),
        ("Sharpe", "sharpe", number),
        ("Sortino", "sortino", number),
        ("Calmar", "calmar", number),
        ("Best day", "best_day_frac", percent),
        ("Worst day", "worst_day_frac", percent),
        ("Winning days", "winning_days_frac", share),
    ]
    rows = [(name, _told(told, key, shown), _told(held, key, shown)) for name, key, shown in both]
    for name, key, worded in (
        ("Deepest drawdown", "frac", share),
        ("... its length, peak to recovery or end", "duration_ms", lasted),
        ("Longest time below a peak", "longest_ms", lasted),
    ):
        rows.append((name, worded(told["drawdown"][key]), worded(held["drawdown"][key])))
    alone = [
        ("Equity, begin and end", f"{pnl['equity_start_usd']:,.2f} → {pnl['equity_end_usd']:,.2f} USD"),
        *([("Paid in", usd(pnl["paid_in_usd"]))] if pnl["paid_in_usd"] else []),
        ("Profit factor", _told(trades, "profit_factor", number)),
        (
            "Expectancy of a trade",
            f"{_told(trades, 'expectancy_usd', usd)}, {_told(trades, 'expectancy_frac', percent)}",
        ),
        ("Average win, average loss", f"{usd(trades['average_win_usd'])}, {usd(trades['average_loss_usd'])}"),
        ("Largest win, largest loss", f"{usd(trades['largest_win_usd'])}, {usd(trades['largest_loss_usd'])}"),
        ("Average time held", lasted(trades["average_held_ms"])),
        ("Average worst and best excursion", f"{share(trades['worst_frac'])}, {share(trades['best_frac'])}"),
        ("Trades a day", _told(activity, "trades_per_day", number)),
        (
            "Turned over",
            f"{number(activity['turnover_x'])} times, {number(activity['turnover_x_year'])} a year",
        ),
        ("Liquidations", f"{activity['liquidations']}"),
    ]
    return (
        f'<div class="pair"><div>{table(("", "this run", "buy and hold"), rows)}</div>'
        f"<div>{table(('', 'trades'), alone)}</div></div>"
    )


def decisions_table(summary: Document) -> str:
    """Regimes with their decisions, then what kept entries from being made, most frequent first."""
    decided, shares = summary["decisions"], summary["regimes"]["shares"]
    rows = [
        (
            word.replace("_", " "),
            share(shares[word]["share_frac"]),
            f"{shares[word]['by_advice']:,}",
            *(f"{counts[verdict]:,}" for verdict in ("none", "approved", "refused")),
        )
        for word, counts in decided["by_regime"].items()
    ]
    told = [
        f'<p class="soft">The regime changed {summary["regimes"]["changes"]:,} times.</p>',
        table(("regime", "of the time", "by advice", "no signal", "approved", "refused"), rows),
    ]
    for title, key in (
        ("Signals that were refused", "refused"),
        ("No signal, by the first filter that failed", "no_signal"),
        ("Approved and not filled", "unfilled"),
    ):
        if decided[key]:
            told.append(f"<h2 style='margin-top:18px'>{title}</h2>{_bars(decided[key])}")
    advice = summary["advice"]
    if advice["answers"] or any(reason != "off" for reason in advice["missed"]):
        told.append(
            f"<h2 style='margin-top:18px'>Advice</h2><p>{advice['answers']:,} answers were understood "
            f"and weighed in {advice['used_in_decisions']:,} decisions.</p>"
        )
        if advice["missed"]:
            told.append(_bars(advice["missed"]))
    return "".join(told)


def _bars(counts: dict[str, int]) -> str:
    whole = sum(counts.values())
    rows = "".join(
        f"<tr><td>{escape(word.replace('_', ' '))}</td><td>{count:,}</td>"
        f'<td class="wide"><span class="bar" style="width:{100.0 * count / whole:.1f}%"></span></td></tr>'
        for word, count in counts.items()
    )
    return f'<div class="scroll"><table><tbody>{rows}</tbody></table></div>'


def _told(document: Document, key: str, shown: Any) -> str:
    """A figure, or a dash with its reason."""
    if document[key] is not None:
        text: str = shown(document[key])
        return text
    return f'{DASH} <span class="soft">{escape(document["undefined"].get(key, ""))}</span>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of HTML fragments that scrolls sideways where it must."""
    top = "".join(f"<th>{name}</th>" for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
