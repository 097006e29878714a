"""The search as a whole over a made market: it finds the best, and the same whoever does it and however often
it is begun."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import optuna
import pyarrow.parquet as pq
import pytest

from drift_e3.config import load
from drift_e3.lab.search.plan import Axis, Period
from drift_e3.lab.search.work import Result, Task
from drift_e3.lab.search.workers import Finished, Processes, ThisProcess
from tests.lab.search.made_search import (
    AXES,
    Hill,
    Listening,
    a_bench,
    a_plan,
    a_session,
    contents,
    day,
    searched,
)

PLAN = a_plan()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    searched(folder, PLAN)
    return folder


def card_of(folder: Path) -> dict[str, object]:
    card: dict[str, object] = json.loads((folder / "card.json").read_text())
    return card


class Killed(ThisProcess):
    """A worker that dies after so many tasks."""

    def __init__(self, after: int) -> None:
        super().__init__(a_bench(PLAN))
        self.left = after

    def map(self, tasks: Iterable[Task], finished: Finished) -> Iterator[Result]:
        def until_death() -> Iterator[Task]:
            for task in tasks:
                if self.left == 0:
                    raise KeyboardInterrupt
                self.left -= 1
                yield task

        return super().map(until_death(), finished)


def test_the_files_are_those_three(whole: Path) -> None:
    assert set(contents(whole)) == {"card.json", "trials.parquet", "report.html"}


def test_it_finds_the_neighbourhood_of_the_best(whole: Path) -> None:
    parameters = card_of(whole)["parameters"]
    assert isinstance(parameters, dict)
    assert parameters["m_bodyOverAtr"] == pytest.approx(0.55)
    assert (parameters["m_volumeZ"], parameters["m_stopLossPct"], parameters["m_spreadBps"]) == (
        2.0,
        0.01,
        40.0,
    )


def test_the_daemon_takes_the_card(whole: Path) -> None:
    loaded = load(overrides={"params_card": whole / "card.json"}, environment={}, env_file=whole / "none")
    assert loaded.settings.trading().params.m_bodyOverAtr == pytest.approx(0.55)


def test_every_trial_is_in_the_table_with_how_far_it_came(whole: Path) -> None:
    rows = pq.read_table(whole / "trials.parquet").to_pylist()
    assert [row["trial"] for row in rows] == list(range(len(rows)))
    assert {row["stage"] for row in rows} == {"sample", "refinement"}
    dropped = [row for row in rows if row["dropped"]]
    assert dropped
    assert all(row["share"] < 1.0 for row in dropped)
    assert all(row["share"] == 1.0 for row in rows if not row["dropped"])
    assert max(row["score"] for row in rows if row["share"] == 1.0) == card_of(whole)["about"]["score"]  # type: ignore[index]


@pytest.mark.parametrize("after", [0, 1, 5, 14, 23])
def test_a_search_that_was_interrupted_goes_on_to_the_same_bytes(
    after: int, whole: Path, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        searched(tmp_path, PLAN, Killed(after))
    assert not (tmp_path / "card.json").exists()
    searched(tmp_path, PLAN, resume=True)
    assert contents(tmp_path) == contents(whole)


def test_nothing_that_is_in_the_log_is_done_again(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        searched(tmp_path, PLAN, Killed(12))
    counting = Killed(10_000)
    searched(tmp_path, PLAN, counting, resume=True)
    alone = Killed(10_000)
    searched(tmp_path / "alone", PLAN, alone)
    assert alone.left - counting.left == -12


@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.torture)])
def test_it_is_the_same_with_any_number_of_workers(count: int, whole: Path, tmp_path: Path) -> None:
    searched(tmp_path, PLAN, Processes(a_bench(PLAN), count))
    assert contents(tmp_path) == contents(whole)


def test_another_seed_is_another_search(whole: Path, tmp_path: Path) -> None:
    searched(tmp_path, PLAN._replace(seed=54))
    assert contents(tmp_path)["trials.parquet"] != contents(whole)["trials.parquet"]


def test_the_validation_period_is_traded_only_when_the_winner_stands(tmp_path: Path) -> None:
    """Whatever validation brings, what was searched and chosen is the same."""
    other = PLAN._replace(validation=Period("outside", day(200), day(220), 2.0))
    mine, theirs = searched(tmp_path / "a", PLAN), searched(tmp_path / "b", other)
    assert mine["parameters"] == theirs["parameters"]
    assert mine["about"]["score"] == theirs["about"]["score"]
    assert mine["about"]["score_out_of_sample"] != theirs["about"]["score_out_of_sample"]


def test_a_grid_that_fits_is_searched_whole(tmp_path: Path) -> None:
    plan = a_plan(axes=AXES[:2], max_combinations=16, refinement="none")
    card = searched(tmp_path, plan)
    assert card["about"]["search"]["trials"] == card["about"]["search"]["grid"] == 16


def test_parameters_of_small_impact_wait_for_the_refinement(tmp_path: Path) -> None:
    searched(tmp_path, PLAN)
    rows = pq.read_table(tmp_path / "trials.parquet").to_pylist()
    assert {row["m_spreadBps"] for row in rows if row["stage"] == "sample"} == {30.0}
    assert {row["m_spreadBps"] for row in rows if row["stage"] == "refinement"} > {30.0, 35.0}


def test_steps_are_halved_and_then_halved_again(tmp_path: Path) -> None:
    plan = a_plan(refinement_trials=400)
    searched(tmp_path, plan)
    rows = pq.read_table(tmp_path / "trials.parquet").to_pylist()
    spreads = [row["m_spreadBps"] for row in rows if row["stage"] == "refinement"]
    assert {35.0, 45.0} <= set(spreads)
    assert {37.5, 42.5} & set(spreads)
    assert set(spreads) <= {30.0 + 2.5 * step for step in range(9)}


def test_optuna_refines_within_the_ends_of_the_axes_and_repeatably(tmp_path: Path) -> None:
    plan = a_plan(
        seed=2**40,
        refinement="optuna",
        refinement_trials=40,
        axes=(*AXES, Axis("ai_regimeOverride", (False, True)), Axis("f_volumeZ", (1.0,))),
    )
    card = searched(tmp_path / "a", plan)
    again = searched(tmp_path / "b", plan)
    assert card == again
    rows = [
        row
        for row in pq.read_table(tmp_path / "a" / "trials.parquet").to_pylist()
        if row["stage"] == "optuna"
    ]
    assert len(rows) == 40
    assert all(0.4 <= row["m_bodyOverAtr"] <= 0.8 and row["f_volumeZ"] == 1.0 for row in rows)
    assert {row["ai_regimeOverride"] for row in rows} == {False, True}
    assert len({row["m_bodyOverAtr"] for row in rows}) == 40


def test_optuna_is_told_of_the_best_and_of_the_latest_and_of_no_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told: list[list[float]] = []

    def watched(study: optuna.Study, trials: list[optuna.trial.FrozenTrial]) -> None:
        told.append([trial.params["m_bodyOverAtr"] for trial in trials])
        add(study, trials)

    add = optuna.Study.add_trials
    monkeypatch.setattr(optuna.Study, "add_trials", watched)
    searched(tmp_path / "a", a_plan(refinement="optuna", refinement_trials=120, rungs=(1.0,)))
    rows = pq.read_table(tmp_path / "a" / "trials.parquet").to_pylist()
    assert [len(batch) for batch in told] == [40, 72, 80, 80]
    assert told[0] == [row["m_bodyOverAtr"] for row in rows[:40]]
    before = [row for row in rows[:136] if row["share"] == 1.0]
    best = sorted((row for row in before if not row["broken_rule"]), key=lambda row: -row["score"])[:20]
    others = [row for row in before if row not in best][-60:]
    assert sorted(told[3]) == sorted(row["m_bodyOverAtr"] for row in (*best, *others))


def test_walk_forward_searches_anew_before_each_part(tmp_path: Path) -> None:
    card = searched(
        tmp_path,
        a_plan(
            folds=3,
            training=(Period("inside", day(0), day(80), 1.0),),
            validation=Period("outside", day(90), day(110), 1.0),
        ),
    )
    folds = card["about"]["walk_forward"]
    assert [fold["chosen_on"][-1][1] for fold in folds] == [fold["traded_on"][0][0] for fold in folds]
    assert [fold["traded_on"][0][0][:10] for fold in folds] == ["2025-01-21", "2025-02-10", "2025-03-02"]
    assert all(fold["trades_outside"] == 40 for fold in folds)
    assert all(fold["parameters"]["m_volumeZ"] == 2.0 for fold in folds)


def test_a_market_in_which_nothing_works_still_comes_to_an_end(tmp_path: Path) -> None:
    crew = ThisProcess(a_bench(PLAN, Hill(drain=0.01)))
    card = searched(tmp_path, PLAN, crew)
    assert card["about"]["broken_rule"] == "minProfitFactor"
    assert card["about"]["verdict"]["verdict"] == "refused"


def test_without_ten_trades_there_is_no_winner(tmp_path: Path) -> None:
    plan = a_plan(training=(Period("inside", day(0), day(3), 1.0),))
    card = searched(tmp_path, plan)
    assert card["about"]["score"] is None
    assert card["about"]["verdict"]["verdict"] == "refused"
    assert card["about"]["periods"] == []


def test_progress_is_told_of_stages_sets_and_the_best(tmp_path: Path) -> None:
    heard = Listening()
    crew = ThisProcess(a_bench(PLAN))
    card = a_session(PLAN).run(tmp_path / "out", tmp_path / "ledger", crew, heard, resume=False)
    assert [name for name, _ in heard.stages[:2]] == [
        "stage 1, 0.125 of the time",
        "stage 1, 0.25 of the time",
    ]
    assert heard.sets == sum(sets for _, sets in heard.stages) + 2
    assert heard.scores[-1] == card["about"]["score"]


def test_a_finished_search_is_known_by_its_card(whole: Path, tmp_path: Path) -> None:
    assert a_session(PLAN).finished(whole) == card_of(whole)
    assert a_session(PLAN, "00" * 32).finished(whole) is None
    assert a_session(PLAN).finished(tmp_path) is None


def test_a_stopped_search_goes_on_under_another_judge(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        searched(tmp_path / "out", PLAN, Killed(12))
    session = a_session(PLAN)
    other = replace(session, hashes=session.hashes._replace(judge="another"))
    crew = Killed(10_000)
    card = other.run(tmp_path / "out", tmp_path / "out.db", crew, Listening(), resume=True)
    assert card["about"]["verdict"]["judge"] == "another"
    assert (other.is_judged(card), session.is_judged(card)) == (True, False)
