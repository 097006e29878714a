"""The books held against each other: a run in order has no findings, and every planted fault has one."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from drift_e3.core.commands import SubmitOrder
from drift_e3.drill.chaos.checks import Record, check
from drift_e3.drill.witness import Witness
from drift_e3.journal.codec import Message
from drift_e3.venues.solana.outbox import OUTBOX_NAME
from tests.live.journals import opened, plant_difference, rewrite, spoil
from tests.live.live_stage import LiveStage, a_stage
from tests.live.virtual_time import run_virtually


class Traded(NamedTuple):
    """A state directory whose daemon has traded and ended, and the chain that it traded on."""

    state: Path
    witness: Witness
    moves: list[int]
    stage: LiveStage

    def copy(self, folder: Path, change: object = None) -> Path:
        """The same record in another directory, its journal rewritten."""
        target = rewrite(self.state, folder / "planted", change=change)  # type: ignore[arg-type]
        (target / OUTBOX_NAME).write_bytes((self.state / OUTBOX_NAME).read_bytes())
        return target

    def checked(self, state: Path | None = None) -> Record:
        return check(state or self.state, self.witness, self.moves)


@asynccontextmanager
async def traded(folder: Path) -> AsyncGenerator[Traded]:
    async with a_stage(folder) as stage:
        moves: list[int] = []
        held = [0]

        def look(_: int) -> None:
            base = stage.witness.base()
            if base != held[0]:
                moves.append(base - held[0])
                held[0] = base

        stage.local.chain.after_landing.append(look)
        await stage.start()
        await stage.until(lambda: stage.state.tally.trades == 1, 180.0)
        await stage.seconds(2.0)
        await stage.stop()
        yield Traded(stage.state_dir, stage.witness, moves, stage)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Traded:
    """One trade. What the chain holds stays when its servers are gone."""
    kept: list[Traded] = []

    async def story() -> None:
        async with traded(tmp_path_factory.mktemp("traded")) as one:
            kept.append(one)

    run_virtually(story)
    return kept[0]


def test_a_run_in_order_has_no_findings(run: Traded) -> None:
    record = run.checked()
    assert (record.orders_doubled, record.fills_lost) == (0, 0)
    assert [*record.doubled, *record.lost, *record.broken] == []
    assert record.fills == len(run.moves) == 2
    assert record.sent == record.placed == 4


def test_an_order_that_is_twice_in_the_journal_is_doubled(run: Traded, tmp_path: Path) -> None:
    def twice(_: int, messages: Sequence[Message]) -> Sequence[Message]:
        return [copy for one in messages for copy in ([one, one] if isinstance(one, SubmitOrder) else [one])]

    record = run.checked(run.copy(tmp_path, twice))
    assert record.orders_doubled == record.sent // 2 == 4
    assert "is in the journal 2 times" in record.doubled[0]
    assert any("replay differs" in words for words in record.broken)


def test_an_order_on_the_chain_without_a_record_is_doubled(run: Traded, tmp_path: Path) -> None:
    state = run.copy(tmp_path)
    (state / OUTBOX_NAME).unlink()
    record = run.checked(state)
    assert record.orders_doubled == record.placed == 4
    assert "of which the outbox has no record" in record.doubled[0]


def test_an_order_that_was_signed_and_never_wanted_is_told(run: Traded, tmp_path: Path) -> None:
    def silenced(_: int, messages: Sequence[Message]) -> Sequence[Message]:
        return [one for one in messages if not isinstance(one, SubmitOrder)]

    record = run.checked(run.copy(tmp_path, silenced))
    assert sum("the journal has never heard of it" in words for words in record.broken) == 4


def test_fills_that_were_over_before_anybody_looked_are_lost(run: Traded) -> None:
    record = check(run.state, run.witness, [*run.moves, 5_000_000_000, -5_000_000_000])
    assert record.fills_lost == 2


def test_a_move_of_the_account_that_the_journal_has_not_booked_is_lost(run: Traded, tmp_path: Path) -> None:
    first_fill = _seq_of_fill(run.state, 1)
    state = rewrite(run.state, tmp_path / "cut", upto=first_fill)
    (state / OUTBOX_NAME).write_bytes((run.state / OUTBOX_NAME).read_bytes())
    record = run.checked(state)
    assert (record.fills, record.fills_lost) == (1, 1)
    assert "the journal's books are not the account's: base" in record.lost[0]


def test_a_spoilt_row_is_told(run: Traded, tmp_path: Path) -> None:
    state = run.copy(tmp_path)
    spoil(state, 1_530)
    record = run.checked(state)
    assert any("checksum differs" in words or "damaged" in words for words in record.broken)


def test_a_decision_that_does_not_follow_is_told(run: Traded, tmp_path: Path) -> None:
    seq = plant_difference(run.state, tmp_path / "planted")
    (tmp_path / "planted" / OUTBOX_NAME).write_bytes((run.state / OUTBOX_NAME).read_bytes())
    record = run.checked(tmp_path / "planted")
    assert any(f"the replay differs at event {seq}" in words for words in record.broken)


def test_a_journal_that_is_not_there_is_told(run: Traded, tmp_path: Path) -> None:
    assert "cannot be read" in run.checked(tmp_path).broken[0]


def _seq_of_fill(state: Path, number: int) -> int:
    with opened(state) as reader:
        rows = [row.seq for row in reader.rows_of(("fill",))]
    return rows[number - 1]
