"""The comparison of a run with its backtest as one HTML page: both curves, the parts, and where they part.

Only words and layout; the numbers are `lab.compare`'s.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from drift_e3.lab.compare import Comparison, Document
from drift_e3.lab.report.decimate import extremes
from drift_e3.lab.report.drawing import GAIN, LOSS, OTHER, PRICE, Plot, line, short
from drift_e3.lab.report.market_plots import POINTS
from drift_e3.lab.report.sheet import figure, header, section, sheet
from drift_e3.lab.report.summary import without_moves
from drift_e3.lab.report.tables import number, signed, table, usd

LISTED = 200
"""As many trades are listed; all are in the JSON."""
CAUSES = {
    "in_both_usd": "trades that both made",
    "missed_usd": "trades missed",
    "extra_usd": "trades only made here",
    "open_usd": "what is still open",
    "aside_usd": "beside any trade",
}


def compare_page(title: str, comparison: Comparison, told: Document) -> str:
    """The whole page of a comparison and its document. Raises `NoPlots` where plotly is not installed."""
    drawn = [_curves(comparison), _causes(told)]
    body = [
        header(title, f"set against a backtest of the market in its journal, {told['kind']}"),
        f'<p class="verdict">{_verdict(told)}</p>',
        figure(drawn[0]),
        figure(drawn[1]),
        section("Parts", _parts(told)),
        section("Where they part first", _first(told)),
        section("Missed: the backtest made them", _trades(told["missed"])),
        section("Extra: only made here", _trades(told["extra"])),
        section("Made by both", _both(told["trades"]), "What was made here less what the backtest made."),
    ]
    return sheet(title, body, drawn)


def _verdict(told: Document) -> str:
    less, decisions = told["difference"], told["decisions"]
    if told["first_fill"] is None and not decisions["different"]:
        return "They do not part: every decision and every fill is the same."
    both = told["in_both"]
    worse = (
        f" In {both['trades']} common trades entries were {number(both['entry_worse_bps'])} bps and exits "
        f"{number(both['exit_worse_bps'])} bps worse than the backtest's."
        if both["trades"]
        else ""
    )
    return (
        f"It came to <b>{signed(less['net_usd'], usd(less['net_usd']))}</b> against its backtest; "
        f"{decisions['different']:,} of {decisions['compared']:,} decisions differ, {len(told['missed']):,} "
        f"trades were missed and {len(told['extra']):,} made that it has not.{worse}"
    )


def _curves(comparison: Comparison) -> Plot:
    return Plot(
        "curves",
        "Equity of both",
        "Deposits and withdrawals are taken out; of long curves the extremes of each stretch are drawn.",
        [
            line("backtest", extremes(without_moves(comparison.again), POINTS), OTHER, "USD", dash="dot"),
            line("traded", extremes(without_moves(comparison.told.history), POINTS), PRICE, "USD"),
        ],
        {"height": 380, "xaxis": {"type": "date"}, "yaxis": {"title": {"text": "USD"}}},
    )


def _causes(told: Document) -> Plot:
    less = told["difference"]
    return Plot(
        "causes",
        "Why the results differ",
        "Traded less backtest, by the trades that it came from; the five add up to the whole.",
        [
            {
                "type": "waterfall",
                "x": [*CAUSES.values(), "difference"],
                "y": [*(short(less[name]) for name in CAUSES), None],
                "measure": ["relative"] * len(CAUSES) + ["total"],
                "text": [f"{less[name]:+,.2f}" for name in (*CAUSES, "net_usd")],
                "textposition": "outside",
                "cliponaxis": False,
                "increasing": {"marker": {"color": GAIN}},
                "decreasing": {"marker": {"color": LOSS}},
                "totals": {"marker": {"color": PRICE}},
                "hovertemplate": "%{x}: %{text} USD<extra></extra>",
            }
        ],
        {"height": 340, "showlegend": False, "yaxis": {"title": {"text": "USD"}}},
    )


def _parts(told: Document) -> str:
    rows: list[Sequence[str]] = [
        (
            words,
            usd(told["journal"][name]),
            usd(told["backtest"][name]),
            usd(told["difference"][name]),
        )
        for name, words in (
            ("net_usd", "net"),
            ("price_pnl_usd", "price moves"),
            ("slippage_usd", "slippage, a cost"),
            ("fees_usd", "fees, a cost"),
            ("funding_usd", "funding received"),
        )
    ]
    for name in ("trades", "fills"):
        here, there = told["journal"][name], told["backtest"][name]
        rows.append((name, f"{here:,}", f"{there:,}", f"{here - there:+,}"))
    return table(("", "traded", "backtest", "difference"), rows)


def _first(told: Document) -> str:
    rows: list[Sequence[str]] = []
    decision, fill = told["decisions"]["first"], told["first_fill"]
    if decision is not None:
        words = [
            escape(", ".join(str(value).replace("_", " ") for value in decision[side].values()))
            for side in ("journal", "backtest")
        ]
        rows.append([f"decision of {_moment(decision['ts'])}", *words])
    if fill is not None:
        both = (_fill(fill[side]) for side in ("journal", "backtest"))
        rows.append([f"fill number {fill['number']}", *both])
    return table(("", "traded", "backtest"), rows) if rows else "<p>Nowhere.</p>"


def _fill(fill: Document | None) -> str:
    if fill is None:
        return "none"
    what = f"{fill['side']} {fill['size_base']:g} at {fill['price_usd']:g}, fee {fill['fee_usd']:.4g}"
    return f"{_moment(fill['ts'])}: {what}"


def _trades(trades: Sequence[Document]) -> str:
    rows = [
        (
            _moment(trade["entry_ts"]),
            f"{trade['direction']}, {trade['strategy']} in {trade['regime']}".replace("_", " "),
            signed(trade["net_usd"], usd(trade["net_usd"])),
            escape(trade["why"].replace("_", " ")),
        )
        for trade in trades[:LISTED]
    ]
    more = f"<p>And {len(trades) - LISTED:,} more.</p>" if len(trades) > LISTED else ""
    return table(("entry", "trade", "net", "why"), rows) + more if rows else ""


def _both(trades: Sequence[Document]) -> str:
    worst = sorted(trades, key=lambda trade: (trade["net_usd"], trade["entry_ts"]))
    rows = [
        (
            _moment(trade["entry_ts"]),
            signed(trade["net_usd"], usd(trade["net_usd"])),
            f"{trade['entry_worse_bps']:+.1f} bps",
            f"{trade['entry_later_ms'] / 1_000:+.1f} s",
            f"{trade['exit_worse_bps']:+.1f} bps",
            trade["exit"].replace("_", " ")
            + ("" if trade["exit"] == trade["backtest_exit"] else f", not {trade['backtest_exit']}"),
        )
        for trade in worst[:LISTED]
    ]
    head = ("entry", "net", "entry worse", "later", "exit worse", "exit")
    return table(head, rows) if rows else ""


def _moment(ts: int) -> str:
    return datetime.fromtimestamp(ts / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
