"""Sets traded in the compiled loop come to what the daemon's own core makes of them, bit for bit."""

from pathlib import Path

import pytest

from drift_e3.config import load
from drift_e3.config.search import plan_of, read_search
from drift_e3.lab.kernel import running
from drift_e3.lab.search.evaluator import Evaluator, PlainEvaluator
from drift_e3.lab.search.plan import Axis, Period, Plan, between
from drift_e3.lab.search.sampling import sample
from drift_e3.lab.search.work import Bench, Result, Task, Values
from drift_e3.wiring import searches
from drift_e3.wiring.searches import Tapes
from tests.cli.searches import record_answers
from tests.lab.search.made_search import a_plan, day
from tests.live.markets import settings
from tests.live.tapes import random_walk, write_candles, write_funding

AXES = (
    Axis("m_volumeZ", (0.5, 1.0, 1.5)),
    Axis("m_realizedVol", (0.1, 0.3)),
    Axis("m_stopLossPct", (0.008, 0.012)),
    Axis("f_volumeZ", (0.3, 0.6)),
)
CHOSEN = settings()
ACCOUNT = searches.account_of(CHOSEN)
MADE = a_plan(
    base=CHOSEN.trading().params,
    axes=AXES,
    training=(Period("one", day(10), day(18), 1.0), Period("two", day(20), day(24), 1.0)),
    validation=Period("three", day(26), day(30), 1.0),
    regime_weights=(0.4, 1.0, 1.2, 0.8, 0.6),
)


@pytest.fixture(scope="module")
def tapes(tmp_path_factory: pytest.TempPathFactory) -> Tapes:
    folder = tmp_path_factory.mktemp("compiled")
    tape = write_candles(folder / "tape.csv", random_walk(7, 24 * 31, minutes=60))
    funding = write_funding(folder / "funding.csv", 7, 24 * 31)
    return searches.open_tapes(
        load(overrides={"venue": "tape", "tape.path": tape, "tape.funding": funding}, environment={}).settings
    )


def done(evaluator: Evaluator, plan: Plan, sets: tuple[Values, ...], periods: tuple[Period, ...]) -> Result:
    bench = Bench(evaluator=evaluator, base=plan.base, keys=plan.keys, regime_weights=plan.regime_weights)
    return bench.do(Task("t", sets, periods, returns=True, costs=True))


def compiled(tapes: Tapes, plan: Plan) -> Evaluator:
    return searches.compiled_evaluator(tapes, ACCOUNT, (*plan.training, plan.validation))


@pytest.mark.parametrize("share", [0.3, 0.8, 1.0])
def test_metrics_returns_and_costs_are_those_of_the_core(share: float, tapes: Tapes) -> None:
    sets = tuple(sample(MADE)[::7])
    periods = between(MADE.training, 0.0, share)
    reference = done(searches.plain_evaluator(tapes, ACCOUNT), MADE, sets, periods)
    assert done(compiled(tapes, MADE), MADE, sets, periods) == reference
    assert any(row.trades > 0.0 for measured in reference for row in measured.rows)


def test_a_part_from_the_middle_of_a_period_is_played_from_there(tapes: Tapes) -> None:
    sets = tuple(sample(MADE)[:3])
    parts = between(MADE.training, 0.25, 0.5)
    assert parts[0].start_ts > MADE.training[0].start_ts
    reference = done(searches.plain_evaluator(tapes, ACCOUNT), MADE, sets, parts)
    assert done(compiled(tapes, MADE), MADE, sets, parts) == reference


def test_a_set_comes_to_the_same_in_any_company(tapes: Tapes) -> None:
    sets = tuple(sample(MADE)[:5])
    evaluator = compiled(tapes, MADE)
    together = done(evaluator, MADE, sets, MADE.training)
    alone = tuple(done(evaluator, MADE, (one,), MADE.training)[0] for one in sets)
    assert together == alone


def test_answers_of_an_archive_count_as_they_do_for_the_core(tapes: Tapes, tmp_path: Path) -> None:
    path = record_answers(tmp_path, tapes.candles)
    advice = searches.open_advice(path, tapes, "SOL-PERP", MADE.training)
    plan = MADE._replace(axes=(*AXES, Axis("ai_confidenceWeight", (0.3, 0.9))))
    sets = tuple(sample(plan)[::9])
    reference = done(searches.plain_evaluator(tapes, ACCOUNT, advice), plan, sets, plan.training)
    periods = (*plan.training, plan.validation)
    heard = done(searches.compiled_evaluator(tapes, ACCOUNT, periods, advice), plan, sets, plan.training)
    assert heard == reference
    assert heard != done(compiled(tapes, plan), plan, sets, plan.training)


def test_what_the_loop_does_not_play_is_left_to_the_core(
    tapes: Tapes, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluator, note = searches.chosen_evaluator(MADE, tapes, ACCOUNT, None, 8_000)
    assert (type(evaluator).__name__, note) == ("CompiledEvaluator", "")
    monkeypatch.setattr(running, "ENTRIES_MAX", 5)
    evaluator, note = searches.chosen_evaluator(MADE, tapes, ACCOUNT, None, 8_000)
    assert type(evaluator) is PlainEvaluator
    assert "the core itself trades, which takes its time" in note


def test_the_guides_sets_on_the_recorded_hours_are_those_of_the_core(shared_data: Path) -> None:
    config = read_search(Path("optimize-llm-regime-adaptive"))
    chosen = load(
        overrides=config.settings
        | {
            "venue": "tape",
            "tape.path": shared_data / "candles" / "sol_usdt_binance_spot_1h.parquet",
            "tape.funding": shared_data / "funding" / "sol_hyperliquid_funding_1h_2023-05_2025-07.parquet",
        },
        environment={},
    ).settings
    recorded, account = searches.open_tapes(chosen), searches.account_of(chosen)
    plan = plan_of(config, chosen.trading().params, config.training, {})
    sets = tuple(sample(plan)[:2])
    evaluator = searches.compiled_evaluator(recorded, account, (*plan.training, plan.validation))
    reference = done(searches.plain_evaluator(recorded, account), plan, sets, plan.training)
    assert done(evaluator, plan, sets, plan.training) == reference
    assert all(measured.costs for measured in reference)
