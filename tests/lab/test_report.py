"""The report's numbers, plots and page: they add up, draw, need nothing else and do not change."""

import json
import re
from math import fsum, sin
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.lab.history import History
from drift_e3.lab.report.benchmark import buy_and_hold
from drift_e3.lab.report.card import digest, run_card
from drift_e3.lab.report.decimate import bars, bucket_length, extremes, regime_shares
from drift_e3.lab.report.drawing import length_in_words
from drift_e3.lab.report.figures import plots
from drift_e3.lab.report.page import page
from drift_e3.lab.report.summary import SPLITS, Document, summarise
from tests.lab.test_historian import told

H = 3_600_000


@pytest.fixture(scope="module")
def history() -> History:
    return told()[1]


@pytest.fixture(scope="module")
def summary(history: History) -> Document:
    return summarise(history, ["A note."])


def test_the_parts_add_up_to_the_change_of_equity(summary: Document) -> None:
    pnl = summary["pnl"]
    parts = (pnl["price_pnl_usd"], -pnl["slippage_usd"], -pnl["fees_usd"], pnl["funding_usd"])
    size = fsum(map(abs, parts))
    assert size > 10.0
    assert abs(pnl["residual_usd"]) <= 1e-9 * size
    assert abs(fsum(parts) - pnl["net_usd"]) <= 1e-9 * size
    assert abs(pnl["equity_end_usd"] - pnl["equity_start_usd"] - pnl["net_usd"]) <= 1e-9 * size


@pytest.mark.parametrize("split", SPLITS)
def test_every_split_adds_up_to_the_whole(summary: Document, split: str) -> None:
    told_ = summary["attribution"][split]
    rows = [*told_["groups"].values(), told_["open"], told_["aside"]]
    whole = fsum(row["net_usd"] for row in rows)
    assert abs(whole - summary["pnl"]["net_usd"]) <= 1e-9 * fsum(abs(row["net_usd"]) for row in rows)
    assert abs(told_["residual_usd"]) <= 1e-9 * fsum(abs(row["net_usd"]) for row in rows)
    assert sum(row["trades"] for row in told_["groups"].values()) == summary["trades"]["trades"]


def test_months_chain_to_the_whole_return(summary: Document) -> None:
    whole = 1.0
    for month in summary["months"]:
        whole *= 1.0 + month["return_frac"]
    assert whole - 1.0 == pytest.approx(summary["performance"]["return_frac"])


def test_a_summary_is_json_without_infinities(summary: Document) -> None:
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert "A note." in summary["warnings"]
    assert any("days: figures by the year" in sentence for sentence in summary["warnings"])


def test_an_undefined_figure_is_null_with_a_reason(summary: Document) -> None:
    for section in ("performance", "trades", "activity"):
        figures = summary[section]
        nulls = {name for name, value in figures.items() if value is None}
        assert nulls == set(figures["undefined"])


def test_what_is_held_pays_fees_and_funding(history: History) -> None:
    held = buy_and_hold(history)
    first, last = history.candles.open[0], history.candles.close[-1]
    fee = history.instrument.taker_fee_bps * 1e-4
    size = 1_000.0 / (first * (1.0 + fee))
    closes = {ts + H: usd for ts, usd in zip(history.candles.open_ts, history.candles.close, strict=True)}
    paid = fsum(
        rate * size * closes[max((ts for ts in closes if ts < at), default=min(closes))]
        if min(closes) < at
        else rate * size * first
        for at, rate in history.published
        if at <= held[-1][0]
    )
    assert held[-1][1] == pytest.approx(size * last * (1.0 - fee) - paid, rel=1e-9)


def test_plotly_takes_every_plot(history: History, summary: Document) -> None:
    objects: Any = pytest.importorskip("plotly.graph_objects")
    drawn = plots(history, summary)
    assert [plot.name for plot in drawn] == [
        "equity",
        "price",
        "parts",
        "groups",
        "distribution",
        "excursions",
    ]
    for plot in drawn:
        objects.Figure(data=plot.data, layout=plot.layout)


def test_the_page_is_the_same_every_time_and_needs_nothing_else(history: History, summary: Document) -> None:
    pytest.importorskip("plotly")
    title = "A <b>run</b>"
    first, second = (page(title, history, summary, {"card": "</script>"}) for _ in range(2))
    assert first == second
    own = re.sub(r"<script>.*?</script>", "", first, flags=re.DOTALL)
    assert not re.search(r"""(?:src|href)\s*=|url\(|@import""", own)
    assert "<b>run</b>" not in own
    assert own.count("</script>") == 1
    data = json.loads(re.search(r'id="plots">(.*?)</script>', first, re.DOTALL)[1])  # type: ignore[index]
    assert all(f'id="plot-{plot["name"]}"' in first for plot in data)


def test_a_run_without_candles_or_trades_has_a_page_too() -> None:
    pytest.importorskip("plotly")
    _, empty = told(count=2)
    few = page("Nothing", empty, summarise(empty), {})
    assert "no trade" in few
    assert "too few" in few


def test_a_card_follows_from_what_it_names(history: History) -> None:
    def card(**changed: Any) -> Document:
        given_ = {"seed": None, "advice": "off", "simulation": {"x": 1.0}} | changed
        return run_card("backtest", history, [{"role": "candles", "name": "a", "sha256": "00"}], **given_)

    assert card() == card()
    assert card()["parameters_hash"] != card(simulation={"x": 2.0})["parameters_hash"]
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})


# -- thinning ------------------------------------------------------------------------------------------------


def test_bars_keep_every_extreme(history: History) -> None:
    thinned = bars(history.candles, H, 40)
    assert len(thinned.ts) <= 41
    assert max(thinned.high) == max(history.candles.high)
    assert min(thinned.low) == min(history.candles.low)
    assert (thinned.open[0], thinned.close[-1]) == (history.candles.open[0], history.candles.close[-1])
    for place, ts in enumerate(thinned.ts):
        inside = [row for row, at in enumerate(history.candles.open_ts) if ts <= at < ts + thinned.length_ms]
        assert thinned.high[place] == max(history.candles.high[row] for row in inside)
        assert thinned.close[place] == history.candles.close[inside[-1]]


@given(values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=400), limit=st.integers(2, 30))
def test_a_thinned_curve_keeps_its_extremes_and_its_ends(values: list[float], limit: int) -> None:
    curve = [(1_700_000_000_000 + row * 60_000, value) for row, value in enumerate(values)]
    kept = extremes(curve, limit)
    assert set(kept) <= set(curve)
    assert [ts for ts, _ in kept] == sorted({ts for ts, _ in kept})
    assert max(value for _, value in kept) == max(values)
    assert min(value for _, value in kept) == min(values)
    assert (kept[0], kept[-1]) == (curve[0], curve[-1])
    assert len(kept) <= 4 * (limit + 1) or kept == curve


def test_a_year_of_minutes_is_thinned_to_a_few_thousand_points() -> None:
    curve = [(row * 60_000, sin(row / 1e4)) for row in range(525_600)]
    assert len(extremes(curve, 700)) <= 2_804


def test_lengths_are_multiples_of_the_frame() -> None:
    assert bucket_length(0, 100 * H, 60_000, 1_000) == 10 * 60_000
    assert bucket_length(0, 100 * H, 7 * 60_000, 1) % (7 * 60_000) == 0
    assert bucket_length(0, 20_000 * 24 * H, H, 10) >= 2_000 * 24 * H
    assert [length_in_words(ms) for ms in (500, 60_000, 2 * H, 24 * H)] == [
        "0.5 seconds",
        "minute",
        "2 hours",
        "day",
    ]


def test_shares_of_regimes_are_whole(history: History) -> None:
    shares = regime_shares(history.marks, 24 * H, H)
    assert all(fsum(each) == pytest.approx(1.0) for each in shares.shares)
    for each, most in zip(shares.shares, shares.most, strict=True):
        assert each[most] == max(each)
