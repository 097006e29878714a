"""All trials of a search as a table: a row each, in the order of trying."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from drift_e3.lab.search.plan import Plan
from drift_e3.lab.search.score import Metrics, period_score
from drift_e3.lab.search.trial import Trial


def trial_table(plan: Plan, trials: list[Trial]) -> pa.Table:
    """The trials with their parameters (those searched), how far they came, their scores, and the metrics of
    each period as ``<period>.<metric>``; null where a trial did not come so far.

    The rows of trials that were dropped hold what they had then, on a part of the time (`share`).
    """
    columns: dict[str, pa.Array] = {
        "trial": pa.array([trial.number for trial in trials], pa.int64()),
        "stage": pa.array([trial.stage for trial in trials], pa.string()),
        "share": pa.array([trial.share for trial in trials], pa.float64()),
        "score": pa.array([trial.score for trial in trials], pa.float64()),
        "score_out_of_sample": pa.array(
            [
                None if trial.validation is None else period_score(trial.validation, plan.scoring)
                for trial in trials
            ],
            pa.float64(),
        ),
        "dropped": pa.array([trial.dropped or None for trial in trials], pa.string()),
        "broken_rule": pa.array([trial.broken or None for trial in trials], pa.string()),
    }
    for at, axis in enumerate(plan.axes):
        kind = pa.bool_() if isinstance(axis.values[0], bool) else pa.float64()
        columns[axis.key] = pa.array([trial.values[at] for trial in trials], kind)
    for place, period in enumerate(plan.training):
        rows = [trial.rows[place] if place < len(trial.rows) else None for trial in trials]
        columns |= _metrics(period.name, rows)
    columns |= _metrics(plan.validation.name, [trial.validation for trial in trials])
    return pa.table(columns)


def write_trials(table: pa.Table, path: Path) -> None:
    """Write the table as Parquet; raises `OSError`."""
    pq.write_table(table, path, compression="zstd")


def _metrics(name: str, rows: list[Metrics | None]) -> dict[str, pa.Array]:
    return {
        f"{name}.{metric}": pa.array([None if row is None else row[at] for row in rows], pa.float64())
        for at, metric in enumerate(Metrics._fields)
    }
