"""Flat rows: the same columns for every record, and a Parquet file that says what the rows say."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from drift_e3.core.commands import AskAdvisor
from drift_e3.core.events import AdvisorEvent
from drift_e3.core.features import Features
from drift_e3.journal.reader import open_journal
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.lab.ledger import Record
from drift_e3.lab.ledger_reading import read_ledger
from drift_e3.lab.ledger_rows import COLUMNS, Row, first_order, row, write_parquet
from drift_e3.ports import DataError
from tests.core.builders import an_answer
from tests.lab.advised_journals import WARM_UP, failed, said, walk, write_advised


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    """Advice, but for each fifth question, which fails, and each seventh, whose answer is no advice."""
    count = 0

    def advise(command: AskAdvisor) -> AdvisorEvent:
        nonlocal count
        count += 1
        if count % 5 == 0:
            return failed(command, "timeout")
        if count % 7 == 0:
            return said(command, "no idea", outcome="no_answer")
        return said(command, an_answer("LONG" if command.question.features.r5 > 0.0 else "SHORT", 0.7))

    state = write_advised(tmp_path_factory.mktemp("rows"), walk(WARM_UP + 600), advise)
    with open_journal(state / JOURNAL_NAME) as reader:
        return list(read_ledger(reader))


@pytest.fixture(scope="module")
def rows(records: list[Record]) -> list[Row]:
    return [row(record) for record in records]


def test_every_row_has_every_column_with_a_value_of_its_type_or_null(rows: list[Row]) -> None:
    for one in rows:
        assert list(one) == [column.name for column in COLUMNS]
        for column in COLUMNS:
            assert one[column.name] is None or type(one[column.name]) is column.type
    assert len({column.name for column in COLUMNS}) == len(COLUMNS)


def test_no_column_is_always_empty_that_this_market_can_fill(rows: list[Row]) -> None:
    never = {column.name for column in COLUMNS if all(one[column.name] is None for one in rows)}
    assert {name for name in never if not name.startswith("f_")} == {"detail", "advice_reasoning"}
    assert {f"f_{name}" for name in Features._fields} <= {column.name for column in COLUMNS}


def test_a_row_of_advice_tells_the_whole_way_to_the_result(records: list[Record], rows: list[Row]) -> None:
    place = next(place for place, record in enumerate(records) if record.uses and record.uses[0].closed)
    record, one = records[place], rows[place]
    use = record.uses[0]
    assert use.closed is not None
    assert record.advice is not None
    assert one["outcome"] == "advice"
    assert one["advice_direction"] == record.advice.direction.label
    assert one["direction"] == use.decision.direction.label
    assert one["signal_confidence"] == use.decision.signal_confidence
    assert one["confidence"] == use.decision.confidence
    assert (one["order_id"], one["order_base"]) == (use.decision.order_id, use.decision.size_base)
    assert one["filled_base"] == use.fills[0].size_base
    assert one["filled_usd"] == pytest.approx(use.fills[0].price_usd)
    assert (one["net_usd"], one["closed_reason"]) == (use.closed.net_usd, use.closed.reason.label)
    assert (one["return_1h"], one["known_1h"]) == (record.results.at("1h").return_frac, "known")
    assert one["options"] == '{"seed":7}'
    assert (one["prompt"], one["prompt_tokens"], one["latency_ms"]) == ("what now?", 500, 1_000)


def test_a_row_of_a_failure_leaves_null_what_there_is_none_of(rows: list[Row]) -> None:
    one = next(one for one in rows if one["outcome"] == "timeout")
    assert one["model"] == "planted"
    for name in ("text", "advice_regime", "advice_confidence", "multiplier", "vetoed", "prompt_tokens"):
        assert one[name] is None
    assert one["rule_regime"] is not None


def test_without_a_signal_there_is_no_confidence_to_blend(rows: list[Row]) -> None:
    flat = [one for one in rows if one["direction"] == "flat"]
    assert flat
    assert all(one["signal_confidence"] is None and one["confidence"] is None for one in flat)


def test_a_parquet_file_says_what_the_rows_say(
    records: list[Record], rows: list[Row], tmp_path: Path
) -> None:
    path = tmp_path / "advice.parquet"
    assert write_parquet(iter(records), path) == len(rows) > 500
    assert pq.read_table(path).to_pylist() == rows
    assert pq.ParquetFile(path).num_row_groups == 2


def test_rows_are_json(rows: list[Row]) -> None:
    assert [json.loads(json.dumps(one, allow_nan=False)) for one in rows] == rows


def test_a_file_that_cannot_be_written_is_named(records: list[Record], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere/advice\.parquet: cannot be written"):
        write_parquet(records, tmp_path / "nowhere" / "advice.parquet")


def test_the_first_order_is_the_one_told(records: list[Record]) -> None:
    for record in records:
        ordered = [use for use in record.uses if use.decision.order_id]
        assert first_order(record) is (ordered[0] if ordered else None)
