"""The plots of a search: where it looked, what survived, how the best stands in its surroundings and outside.

Pure: plotly's own plain objects, as all reports have them.
"""

from collections.abc import Sequence
from typing import Any

from drift_e3.lab.report.drawing import GAIN, LOSS, OTHER, PRICE, Plot, short
from drift_e3.lab.search.driver import Found
from drift_e3.lab.search.plan import Plan, Value
from drift_e3.lab.search.score import period_score
from drift_e3.lab.search.trial import Trial, ranked

SHOWN = 400
"""Lines of the map: more are a blur."""
DAY_MS = 86_400_000


def plots(plan: Plan, found: Found) -> list[Plot]:
    """The plots that there is something for."""
    if found.winner is None:
        return [_rungs(plan, found)]
    return [
        _map(plan, found),
        _outside(plan, found),
        _rungs(plan, found),
        _stability(plan, found.winner, found),
        _equity(plan, found),
    ]


def _map(plan: Plan, found: Found) -> Plot:
    """Parallel coordinates over the trials that came to the end, coloured by score."""
    scored = [trial for trial in ranked(found.trials) if trial.score is not None]
    step = max(-(-len(scored) // SHOWN), 1)
    shown = scored[::step]
    scores = [short(trial.score or 0.0) for trial in shown]
    dimensions = [
        _dimension(axis.key, [float(trial.values[at]) for trial in shown])
        for at, axis in enumerate(plan.axes)
        if len(axis.values) > 1
    ]
    dimensions.append(_dimension("score", scores))
    return Plot(
        name="map",
        title="The map of the search",
        caption=f"{len(shown):,} of the {len(scored):,} sets that were traded to the end, a line each; drag "
        "along an axis to pick some out.",
        data=[
            {
                "type": "parcoords",
                "line": {
                    "color": scores,
                    "colorscale": [[0.0, LOSS], [0.5, OTHER], [1.0, GAIN]],
                    "showscale": True,
                },
                "dimensions": dimensions,
                "labelangle": -35,
                "labelside": "bottom",
            }
        ],
        layout={"height": 460, "margin": {"l": 100, "r": 40, "t": 30, "b": 130}},
    )


def _dimension(label: str, values: Sequence[float]) -> dict[str, Any]:
    low, high = min(values), max(values)
    if low == high:
        low, high = low - 0.5, high + 0.5
    return {"label": label, "values": list(values), "range": [low, high]}


def _outside(plan: Plan, found: Found) -> Plot:
    """The finalists: score in training against score out of sample."""
    pairs = [
        (trial, period_score(trial.validation, plan.scoring))
        for trial in found.finalists
        if trial.validation is not None
    ]
    there = [(trial, score) for trial, score in pairs if score is not None]
    ends = [0.0, max([score or 0.0 for trial, out in there for score in (trial.score, out)], default=1.0)]
    data = [
        _line("as good outside", ends, ends, OTHER, dash="dot"),
        _points("those behind the winner", [one for one in there if one[0] is not found.winner], PRICE, 8),
        _points("the winner", [one for one in there if one[0] is found.winner], GAIN, 14),
    ]
    return Plot(
        name="outside",
        title="In sample against out of sample",
        caption="The best of the search on the period it never saw. Below the line: worse than in training.",
        data=data,
        layout={
            "height": 380,
            "xaxis": {"title": {"text": "score in training"}},
            "yaxis": {"title": {"text": "score out of sample"}},
        },
    )


def _points(name: str, there: Sequence[tuple[Trial, float]], colour: str, size: int) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [short(trial.score or 0.0) for trial, _ in there],
        "y": [short(score) for _, score in there],
        "text": [f"trial {trial.number}" for trial, _ in there],
        "marker": {"color": colour, "size": size, "opacity": 0.8},
    }


def _rungs(plan: Plan, found: Found) -> Plot:
    """How many sets of the sample were traded how far."""
    sampled = [trial for trial in found.trials if trial.stage == "sample"]
    counts = [sum(1 for trial in sampled if trial.share >= rung) for rung in plan.rungs]
    return Plot(
        name="rungs",
        title="Who came how far",
        caption="Sets of the sample that were traded on growing parts of the training time.",
        data=[
            {
                "type": "bar",
                "name": "sets",
                "x": [f"{rung:.0%}" for rung in plan.rungs],
                "y": counts,
                "text": [f"{count:,}" for count in counts],
                "marker": {"color": PRICE},
            }
        ],
        layout={"height": 380, "xaxis": {"type": "category"}, "yaxis": {"title": {"text": "sets"}}},
    )


def _stability(plan: Plan, winner: Trial, found: Found) -> Plot:
    """The winner's score with each parameter moved by itself, over the place among its values."""
    data: list[dict[str, Any]] = []
    for at, axis in enumerate(plan.axes):
        own = winner.values[at]
        points: list[tuple[Value, float | None]] = [
            (step.value, step.score) for step in found.steps if step.key == axis.key
        ]
        if not points:
            continue
        points = sorted([*points, (own, winner.score)], key=lambda point: float(point[0]))
        middle = next(place for place, point in enumerate(points) if point[0] == own)
        line = _line(
            axis.key,
            [float(place - middle) for place in range(len(points))],
            [score for _, score in points],
            None,
        )
        data.append(line | {"mode": "lines+markers", "text": [f"{value:g}" for value, _ in points]})
    data.append(
        _line("the winner", [0.0], [winner.score], GAIN)
        | {"mode": "markers", "marker": {"size": 14, "color": GAIN}}
    )
    return Plot(
        name="stability",
        title="Stability around the winner",
        caption="The score in training when one parameter moves and all others stay; an edge is no needle.",
        data=data,
        layout={
            "height": 420,
            "xaxis": {"title": {"text": "steps from the winner's value"}, "dtick": 1},
            "yaxis": {"title": {"text": "score in training"}},
        },
    )


def _equity(plan: Plan, found: Found) -> Plot:
    """The winner's real account, each period from the same beginning."""
    data: list[dict[str, Any]] = []
    for measured, periods, colour in (
        (found.inside, plan.training, PRICE),
        (found.outside, (plan.validation,), GAIN),
    ):
        returns = list(measured.returns) if measured is not None else []
        for period in periods:
            days = min(max(1, -(-(period.end_ts - period.start_ts) // DAY_MS)), len(returns))
            growth, curve = 1.0, [0.0]
            for change in returns[:days]:
                growth *= 1.0 + change
                curve.append(100.0 * (growth - 1.0))
            del returns[:days]
            times = [float(period.start_ts + day * DAY_MS) for day in range(len(curve))]
            data.append(_line(period.name, times, curve, colour))
    return Plot(
        name="equity",
        title="The winner's account",
        caption="Change since the beginning of each period in per cent, marked to the market each midnight "
        "UTC, after all costs and without regime weights.",
        data=data,
        layout={"height": 360, "xaxis": {"type": "date"}, "yaxis": {"ticksuffix": " %"}},
    )


def _line(
    name: str, x: Sequence[float], y: Sequence[float | None], colour: str | None, dash: str = "solid"
) -> dict[str, Any]:
    line: dict[str, Any] = {"width": 1.8, "dash": dash}
    if colour is not None:
        line["color"] = colour
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": list(x),
        "y": [None if value is None else short(value) for value in y],
        "line": line,
    }
