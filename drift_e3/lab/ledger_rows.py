"""Records of advice as flat rows for people and other programs: one value a column, null for unknown.

The same columns in every row and every format; `COLUMNS` is their one definition. What a record is belongs to
`ledger`.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from math import fsum
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from drift_e3.core.advice import Advice
from drift_e3.core.decision import Decision
from drift_e3.core.events import NOT_TOLD, AdviceFailed, AdviceReceived, Attempt
from drift_e3.core.features import Features
from drift_e3.core.terms import FLAT, Term
from drift_e3.lab.ledger import HORIZONS_MS, Record, Use
from drift_e3.ports import DataError

Value = str | int | float | bool | None
Row = dict[str, Value]
Part = Record | AdviceReceived | AdviceFailed | Attempt | Advice | Decision | Use | None


class Column(NamedTuple):
    """A column: its name, the type of its values, and what it is of a record."""

    name: str
    type: type[str] | type[int] | type[float] | type[bool]
    of: Callable[[Record], object]


def _of_reply(record: Record) -> Part:
    return record.reply


def _of_attempt(record: Record) -> Part:
    return record.attempt


def _of_advice(record: Record) -> Part:
    return record.advice


def _of_decision(record: Record) -> Part:
    return record.decision


def _of_signal(record: Record) -> Part:
    decision = record.decision
    return decision if decision is not None and decision.direction != FLAT else None


def first_order(record: Record) -> Use | None:
    """The first decision with an order that was made while the advice was at hand."""
    return next((use for use in record.uses if use.decision.order_id), None)


def _use_on_answer(record: Record) -> Use | None:
    """The decision that waited for the answer, where it was on a signal."""
    decision = record.decision
    return next((use for use in record.uses if decision is not None and use.decision.ts == decision.ts), None)


def _tried(record: Record) -> str | None:
    """Every model that was tried, as JSON; the text of the one that was heard is the answer's own."""
    return msgspec.json.encode(record.reply.attempts).decode() if record.reply is not None else None


def _heard_confidence(record: Record) -> float | None:
    """The advisor's confidence as it was weighed: its own, or what that had earned."""
    use = _use_on_answer(record)
    return use.decision.advice.confidence if use is not None and use.decision.advice is not None else None


def _filled_base(record: Record) -> float | None:
    use = first_order(record)
    return fsum(fill.size_base for fill in use.fills) if use is not None else None


def _filled_usd(record: Record) -> float | None:
    """The mean price of the entry."""
    use = first_order(record)
    if use is None or not use.fills:
        return None
    paid_usd = fsum(fill.size_base * fill.price_usd for fill in use.fills)
    return paid_usd / fsum(fill.size_base for fill in use.fills)


def _closed(name: str) -> Callable[[Record], object]:
    def of(record: Record) -> object:
        use = first_order(record)
        return getattr(use.closed, name) if use is not None and use.closed is not None else None

    return of


def _named(part: Callable[[Record], Part], name: str) -> Callable[[Record], object]:
    def of(record: Record) -> object:
        # What there is none of has no attributes, and a failure has no text.
        return getattr(part(record), name, None)

    return of


def _columns(
    part: Callable[[Record], Part],
    kind: type[str] | type[int] | type[float] | type[bool],
    names: str,
    prefix: str = "",
) -> list[Column]:
    return [Column(prefix + name, kind, _named(part, name)) for name in names.split()]


def _result(place: int, name: str) -> Callable[[Record], object]:
    return lambda record: getattr(record.results.all()[place], name)


def _feature(name: str) -> Callable[[Record], object]:
    return lambda record: getattr(record.question.features, name)


COLUMNS: Final[tuple[Column, ...]] = (
    Column("question_id", str, lambda record: record.question_id),
    Column("symbol", str, lambda record: record.question.symbol),
    Column("asked_ts", int, lambda record: record.question.ts),
    Column("close_ts", int, lambda record: record.close_ts),
    Column("said_ts", int, lambda record: record.said_ts or None),
    Column("deadline_ms", int, lambda record: record.deadline_ms),
    Column("price_usd", float, lambda record: record.results.price_usd),
    Column("outcome", str, lambda record: record.outcome),
    Column("model", str, lambda record: record.model or None),
    *_columns(_of_attempt, str, "digest options"),
    *_columns(_of_reply, str, "template prompt_hash prompt text detail"),
    *_columns(_of_reply, int, "latency_ms"),
    *_columns(_of_attempt, int, "load_ms prompt_tokens answer_tokens"),
    Column("attempts", int, lambda record: len(record.reply.attempts) if record.reply is not None else 0),
    Column("tried", str, _tried),
    *_columns(_of_advice, str, "regime direction", "advice_"),
    *_columns(_of_advice, float, "confidence multiplier", "advice_"),
    *_columns(_of_advice, str, "reasoning", "advice_"),
    Column("rule_regime", str, lambda record: record.question.rule_regime),
    *_columns(_of_decision, float, "rule_confidence"),
    *_columns(_of_decision, str, "regime strategy direction"),
    *_columns(_of_signal, float, "signal_confidence confidence"),
    Column("heard_confidence", float, _heard_confidence),
    *_columns(_use_on_answer, float, "multiplier"),
    *_columns(_use_on_answer, bool, "vetoed"),
    *_columns(_of_decision, str, "no_advice verdict reason"),
    *_columns(_of_decision, float, "equity_usd position_base"),
    Column("signals", int, lambda record: len(record.uses)),
    Column("counted", int, lambda record: len([use for use in record.uses if use.counted])),
    Column("order_id", str, lambda record: use.decision.order_id if (use := first_order(record)) else None),
    Column(
        "order_base", float, lambda record: use.decision.size_base if (use := first_order(record)) else None
    ),
    Column("filled_base", float, _filled_base),
    Column("filled_usd", float, _filled_usd),
    Column("closed_reason", str, _closed("reason")),
    Column("net_usd", float, _closed("net_usd")),
    *(
        Column(f"{name}_{horizon}", kind, _result(place, attribute))
        for place, horizon in enumerate(HORIZONS_MS)
        for name, attribute, kind in (("return", "return_frac", float), ("known", "knowledge", str))
    ),
    *(Column(f"f_{name}", float, _feature(name)) for name in Features._fields),
)
"""Times are UTC ms, money is USD, returns are fractions; features carry the prefix ``f_``.

`direction`, `signal_confidence` (before the blend), `heard_confidence` (the advisor's, as it was weighed),
`confidence` (after), `multiplier`, `vetoed` and `verdict` are of the decision that waited for the answer.
`signals` is how many decisions on signals were made while the advice was at hand, `counted` for how many it
counted; `order_id` and what follows are of the first of them with an order.
"""


def row(record: Record) -> Row:
    """A record as one flat row."""
    return {column.name: _plain(column.of(record)) for column in COLUMNS}


def write_parquet(records: Iterable[Record], path: Path) -> int:
    """Write the records' rows as Parquet, a group at a time; give their number. Raises `DataError` where the
    file cannot be written."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    schema = pa.schema([(column.name, types[column.type]) for column in COLUMNS])
    written = 0
    try:
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for rows in _groups(map(row, records)):
                writer.write_table(pa.Table.from_pylist(rows, schema))
                written += len(rows)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error
    return written


GROUP_ROWS: Final = 500
"""Rows in memory at once: with prompts a few megabytes."""


def _groups(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while group := list(islice(rows, GROUP_ROWS)):
        yield group


def _plain(value: object) -> Value:
    """A value as JSON and Parquet know it: words for enumerations, null for what is not known."""
    if isinstance(value, Term):
        return value.label
    if isinstance(value, float):
        return value if value == value else None
    if value is None or value == "" or (value == NOT_TOLD and not isinstance(value, bool)):
        return None
    assert isinstance(value, str | int), f"no value of a row: {value!r}"
    return str(value) if isinstance(value, str) else value
