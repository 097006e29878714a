"""The score card of an advisor as one HTML page that needs nothing else.

Only words and layout live here; numbers come from `scoring_card`, plots from `scoring_plots`, the frame is
the reports' `sheet`.
"""

from collections.abc import Iterable, Sequence
from html import escape

from drift_e3.lab.report.sheet import figure, header, pair, section, sheet
from drift_e3.lab.scoring_card import Card, Together
from drift_e3.lab.scoring_plots import plots
from drift_e3.lab.scoring_words import (
    HORIZON_HEAD,
    MODEL_HEAD,
    UNKNOWN,
    between,
    day,
    findings,
    horizon_row,
    model_row,
    percent,
    seconds,
)

DEFINITIONS = (
    "A directional answer of confidence a claims that the return from the price at the answer to the price "
    "at the horizon has its sign with probability a, net of nothing; it is right where it has. By chance: "
    "blind picks of the same sides. Edge: right less chance. Overclaims: mean confidence less right. Brier: "
    "mean squared distance of claim and outcome, 0.25 for always saying half. ECE: expected calibration "
    "error in ten bins, and what honesty would get by chance. Skill: 1 less the Brier score over the "
    "reference's. Intervals are 95 %; neighbours that share a stretch of market count as one another's "
    "copies as far as they are. Of twenty findings one is luck."
)


def page(card: Card) -> str:
    """The whole page. Raises `NoPlots` where plotly is not installed."""
    drawn = {plot.name: plot for plot in plots(card)}
    reliability = [figure(drawn.get(f"reliability-{score.horizon}")) for score in card.horizons]
    title = f"Advice on {card.symbol}" if card.symbol else "Advice"
    body = [
        header(title, f"{day(card.first_ts)} to {day(card.last_ts)} UTC · {card.questions:,} questions"),
        _findings(card),
        _tiles(card),
        section("By horizon", _by_horizon(card), DEFINITIONS),
        pair(*reliability[:2]),
        pair(*reliability[2:]),
        figure(drawn.get("hits")),
        pair(figure(drawn.get("skill")), figure(drawn.get("agreement"))),
        pair(figure(drawn.get("service")), figure(drawn.get("latency"))),
        section("Models", _table(MODEL_HEAD, map(model_row, card.models)) if card.models else ""),
        section("The Brier score in parts", _parts(card), PARTS),
        section("FLAT answers", _flat(card), _flat_words(card)),
        section("Confidence: advisor against rules", _together(card), TOGETHER),
        section("What is known", _known(card), KNOWN),
    ]
    return sheet(title, body, list(drawn.values()))


PARTS = (
    "Score = reliability - resolution + uncertainty + within (Murphy 1973; Stephenson, Coelho and Jolliffe "
    "2008). Reliability: claims against what came true, 0 is best. Resolution: how far claims tell apart "
    "what comes true from what does not, more is better. Uncertainty: the score of always claiming the "
    "share that came true."
)
TOGETHER = (
    "The advisor's confidence with that of the rules' regime, and with that of a signal where there was one: "
    "-1 to 1 with 95 % intervals that take pairs as independent."
)
KNOWN = "Answers are judged once the market got there; one that falls into a gap of the candles never is."


def _findings(card: Card) -> str:
    items = "".join(f"<li>{escape(finding)}</li>" for finding in findings(card))
    return f'<section class="card"><h2>What can be said</h2><ul>{items}</ul></section>'


def _tiles(card: Card) -> str:
    tiles = [
        (f"{card.questions:,}", "questions"),
        (
            percent(card.outcomes.get("advice", 0) / card.questions if card.questions else None),
            "understood in time",
        ),
        (seconds(card.latency_ms.get("p50")), "to an answer, half of them"),
        (seconds(card.latency_ms.get("p99")), "all but one in a hundred"),
        (percent(card.regimes.agreed_frac), "of regimes as the rules say"),
        (UNKNOWN if card.regimes.kappa is None else f"{card.regimes.kappa:.2f}", "kappa: beyond chance"),
    ]
    told = "".join(f'<div class="tile"><b>{value}</b><small>{name}</small></div>' for value, name in tiles)
    return f'<div class="tiles">{told}</div>'


def _by_horizon(card: Card) -> str:
    """A column for each horizon."""
    head, *rows = zip(HORIZON_HEAD, *map(horizon_row, card.horizons), strict=True)
    return _table(head, rows)


def _parts(card: Card) -> str:
    rows = [
        (
            score.horizon,
            *(
                f"{value:.4f}"
                for value in (
                    score.direction.parts.score,
                    score.direction.parts.reliability,
                    score.direction.parts.resolution,
                    score.direction.parts.uncertainty,
                    score.direction.parts.within,
                )
            ),
        )
        for score in card.horizons
        if score.direction is not None
    ]
    head = ("horizon", "score", "reliability", "resolution", "uncertainty", "within")
    return _table(head, rows) if rows else ""


def _flat(card: Card) -> str:
    rows = [
        (
            score.horizon,
            f"{score.flat.answers:,}",
            percent(score.flat.quiet_frac),
            between(score.flat.interval),
            percent(score.flat.base_frac),
        )
        for score in card.horizons
        if score.flat.answers
    ]
    return _table(("horizon", "answers", "right", "95 %", "after all questions"), rows) if rows else ""


def _flat_words(card: Card) -> str:
    return (
        f"Right where the market then moved no more than a round trip costs ({percent(card.cost_frac, 2)}): "
        "neither side would have earned it."
    )


def _together(card: Card) -> str:
    rows = [
        (name, *_correlations(together))
        for name, together in (
            ("the rules' regime", card.rule_confidence),
            ("a strategy's signal", card.signal_confidence),
        )
        if together.pearson is not None
    ]
    return _table(("with", "pairs", "Pearson", "Spearman"), rows) if rows else ""


def _correlations(together: Together) -> tuple[str, ...]:
    assert together.pearson is not None, "only what is known is told"
    told = [
        UNKNOWN if one is None else f"{one.value:+.2f} [{one.interval.low:+.2f}, {one.interval.high:+.2f}]"
        for one in (together.pearson, together.spearman)
    ]
    return (f"{together.pearson.pairs:,}", *told)


def _known(card: Card) -> str:
    kinds = sorted({kind for counts in card.known.values() for kind in counts})
    rows = [(name, *(f"{counts.get(kind, 0):,}" for kind in kinds)) for name, counts in card.known.items()]
    return _table(("horizon", *(kind.value for kind in kinds)), rows) if kinds else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
