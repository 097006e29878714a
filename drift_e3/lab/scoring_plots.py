"""Plots of a score card: reliability, hit rates and skill; the rest is `scoring_service_plots`'.

Pure. Plots are plotly's own plain objects; the page's script brings theme, fonts and size.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from drift_e3.lab.report.drawing import GAIN, OTHER, PRICE, Plot, short
from drift_e3.lab.scoring_card import Card
from drift_e3.lab.scoring_direction import BinScore, HitRate
from drift_e3.lab.scoring_horizon import HorizonScore, Slice
from drift_e3.lab.scoring_intervals import Interval, Measure
from drift_e3.lab.scoring_service_plots import (
    AMBER,
    SHARE_AXIS,
    agreement_plot,
    latency_plot,
    service_plot,
)

VIOLET: Final = "#8e4ec6"
ALL: Final = ("all", "all answers")
HORIZON_COLOURS: Final = (PRICE, GAIN, AMBER, VIOLET)


def plots(card: Card) -> list[Plot]:
    """Every plot that this card has something for."""
    scored = [score for score in card.horizons if score.direction is not None]
    drawn = [reliability_plot(score) for score in scored]
    if scored:
        drawn += [hits_plot(scored), skill_plot(scored)]
    if card.regimes.agreed_frac is not None:
        drawn.append(agreement_plot(card))
    if card.models:
        drawn.append(service_plot(card.models))
    if any(model.latency_ms for model in card.models):
        drawn.append(latency_plot(card.models))
    return drawn


def reliability_plot(score: HorizonScore) -> Plot:
    """What was claimed against what came true, and how often each confidence was claimed."""
    told = score.direction
    assert told is not None, "only horizons with answers are drawn"
    bins = told.bins
    most = max(one.answers for one in bins)
    return Plot(
        f"reliability-{score.horizon}",
        f"Reliability at {score.horizon}",
        f"{told.honesty.value.capitalize()}. On the diagonal a confidence is what it says; whiskers are "
        "95 %, bars below tell how often it was claimed.",
        [
            {
                "type": "scatter",
                "mode": "lines",
                "name": "perfect",
                "x": [0, 100],
                "y": [0, 100],
                "line": {"color": OTHER, "width": 1.2, "dash": "dot"},
                "hoverinfo": "skip",
            },
            {
                "type": "scatter",
                "mode": "lines",
                "name": "by chance",
                "x": [0, 100],
                "y": [short(100.0 * told.rate.expected_frac)] * 2,
                "line": {"color": AMBER, "width": 1.2, "dash": "dash"},
                "hovertemplate": "%{y:.1f} % by chance<extra></extra>",
            },
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": "answers",
                "x": [short(100.0 * one.mean_confidence) for one in bins],
                "y": [short(100.0 * one.hit_frac) for one in bins],
                "error_y": _whiskers([(one.hit_frac, one.interval) for one in bins]),
                "line": {"color": PRICE, "width": 1.4},
                "marker": {
                    "color": PRICE,
                    "size": [round(7.0 + 11.0 * (one.answers / most) ** 0.5, 1) for one in bins],
                },
                "text": [_bin_words(one) for one in bins],
                "hovertemplate": "%{text}<extra></extra>",
            },
            {
                "type": "bar",
                "name": "how often claimed",
                "x": [short(50.0 * (one.low + one.high)) for one in bins],
                "y": [one.answers for one in bins],
                "width": [short(92.0 * (one.high - one.low)) for one in bins],
                "marker": {"color": PRICE, "opacity": 0.35},
                "xaxis": "x",
                "yaxis": "y2",
                "hovertemplate": "%{y} answers<extra></extra>",
            },
        ],
        {
            "height": 430,
            # Below the bars, which it serves as well.
            "xaxis": {
                "title": {"text": "confidence claimed"},
                "range": [-2, 102],
                "anchor": "y2",
                **SHARE_AXIS,
            },
            "yaxis": {
                "title": {"text": "came true"},
                "range": [-3, 103],
                "domain": [0.24, 1.0],
                **SHARE_AXIS,
            },
            "yaxis2": {"domain": [0.0, 0.16], "showgrid": False, "nticks": 3, "rangemode": "tozero"},
        },
    )


def hits_plot(scored: Sequence[HorizonScore]) -> Plot:
    """Hit rates by everything they are grouped by, the horizons beside one another."""
    groups = [ALL]
    for score in scored:
        groups += [
            group for group in map(_group, score.slices) if group not in groups and _worth(score, group)
        ]
    # The order of the properties is the slices'; a value that only a later horizon has joins its like.
    properties = list(dict.fromkeys(by for by, _ in groups))
    groups.sort(key=lambda group: (properties.index(group[0]), group[1]))
    data: list[dict[str, Any]] = []
    for place, (score, colour) in enumerate(zip(scored, HORIZON_COLOURS, strict=False)):
        rates = _rates(score)
        there = [row for row, group in enumerate(groups) if group in rates]
        told = [rates[groups[row]] for row in there]
        data.append(
            _dots(
                score.horizon,
                colour,
                [rate.frac for rate in told],
                [row + _offset(place, len(scored)) for row in there],
                [rate.interval for rate in told],
                [_rate_words(rate) for rate in told],
            )
        )
    labels = [
        value.replace("_", " ") if by == ALL[0] else f"{by}: {value.replace('_', ' ')}"
        for by, value in groups
    ]
    return Plot(
        "hits",
        "How often right",
        "Share of directional answers whose sign the market took, with 95 % intervals over independent "
        "answers. Half is what a coin gets; what blind picks of the same sides get is in the table.",
        data,
        {
            "height": 110 + 44 * len(groups),
            "xaxis": {**SHARE_AXIS, "title": {"text": "right"}},
            "yaxis": _rows(labels),
            "shapes": [_upright(50.0)],
        },
    )


def skill_plot(scored: Sequence[HorizonScore]) -> Plot:
    """Brier skill over the base rate and over the rules, by horizon."""
    kinds: tuple[tuple[str, str, Callable[[HorizonScore], Measure]], ...] = (
        ("advisor over the base rate", PRICE, _base_skill),
        ("advisor over the rules", AMBER, lambda score: score.rules.advisor_skill),
        ("blend over the rules", GAIN, lambda score: score.rules.blend_skill),
    )
    data: list[dict[str, Any]] = []
    for place, (name, colour, of) in enumerate(kinds):
        there = [(row, measure) for row, measure in enumerate(map(of, scored)) if measure.value is not None]
        values = [measure.value or 0.0 for _, measure in there]
        data.append(
            _dots(
                name,
                colour,
                values,
                [row + _offset(place, len(kinds)) for row, _ in there],
                [measure.interval for _, measure in there],
                [f"{100.0 * value:+.2f} %" for value in values],
            )
        )
    return Plot(
        "skill",
        "Skill",
        "Brier skill: right of zero the claims are better than the reference's, left of it worse. The "
        "rules make claims only where a strategy signals. A dot without whiskers has too few answers for "
        "an interval.",
        data,
        {
            "height": 140 + 65 * len(scored),
            "xaxis": {**SHARE_AXIS, "title": {"text": "skill"}},
            "yaxis": _rows([score.horizon for score in scored]),
            "shapes": [_upright(0.0)],
        },
    )


def _dots(
    name: str,
    colour: str,
    fracs: Sequence[float],
    rows: Sequence[float],
    intervals: Sequence[Interval | None],
    words: Sequence[str],
) -> dict[str, Any]:
    """Dots with whiskers, one a row."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [short(100.0 * frac) for frac in fracs],
        "y": [short(row) for row in rows],
        "error_x": _whiskers(list(zip(fracs, intervals, strict=True))),
        "marker": {"color": colour, "size": 8},
        "text": list(words),
        "hovertemplate": "%{text}<extra>" + name + "</extra>",
    }


def _rows(labels: Sequence[str]) -> dict[str, Any]:
    """An axis of rows with names, from the top down."""
    return {
        "tickmode": "array",
        "tickvals": list(range(len(labels))),
        "ticktext": list(labels),
        "range": [len(labels) - 0.5, -0.5],
        "zeroline": False,
    }


def _offset(place: int, among: int) -> float:
    """How far from the middle of its row a dot stands, so that those of one row do not hide one another."""
    return 0.17 * (place - (among - 1) / 2.0)


def _group(one: Slice) -> tuple[str, str]:
    return one.by, one.value


def _base_skill(score: HorizonScore) -> Measure:
    assert score.direction is not None, "only horizons with answers are drawn"
    return score.direction.base_skill


def _rates(score: HorizonScore) -> dict[tuple[str, str], HitRate]:
    assert score.direction is not None, "only horizons with answers are drawn"
    return {
        ALL: score.direction.rate,
        **{_group(one): one.rate for one in score.slices},
    }


def _worth(score: HorizonScore, group: tuple[str, str]) -> bool:
    """Whether the group's property splits the answers at all."""
    return len([one for one in score.slices if one.by == group[0]]) > 1


def _whiskers(values: Sequence[tuple[float, Interval | None]]) -> dict[str, Any]:
    """Error bars from value and interval, in percent; none where there is no interval."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [short(100.0 * (interval.high - value)) if interval else 0.0 for value, interval in values],
        "arrayminus": [
            short(100.0 * (value - interval.low)) if interval else 0.0 for value, interval in values
        ],
        "thickness": 1.4,
        "width": 3,
    }


def _upright(x: float) -> dict[str, Any]:
    line = {"color": OTHER, "width": 1.2, "dash": "dot"}
    return {
        "type": "line",
        "x0": x,
        "x1": x,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": line,
        "layer": "below",
    }


def _bin_words(one: BinScore) -> str:
    return (
        f"claimed {100.0 * one.mean_confidence:.1f} %, came true {100.0 * one.hit_frac:.1f} %<br>"
        f"{100.0 * one.interval.low:.1f} to {100.0 * one.interval.high:.1f} %, {one.answers:,} answers"
    )


def _rate_words(rate: HitRate) -> str:
    return (
        f"right {100.0 * rate.frac:.1f} % ({rate.hits:,} of {rate.answers:,})<br>"
        f"{100.0 * rate.interval.low:.1f} to {100.0 * rate.interval.high:.1f} %, by chance "
        f"{100.0 * rate.expected_frac:.1f} %<br>worth {rate.effective:,.0f} independent answers"
    )
