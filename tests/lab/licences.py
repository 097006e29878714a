"""A licence as a search would issue it, with anything else on demand."""

from dataclasses import replace
from typing import Any

from drift_e3.core.params import Limits, Params
from drift_e3.lab.licence import LICENSED, Leg, Licence, limits_record, parameters_hash

ALL_LEGS = frozenset(Leg)


def licence(params: Params | None = None, limits: Limits | None = None, **changes: Any) -> Licence:
    """A licence for these rules and limits, the defaults where none are given, on everything there is."""
    issued = Licence(
        verdict=LICENSED,
        reasons=(),
        parameters=parameters_hash(params or Params()),
        limits=limits_record(limits or Limits()),
        symbol="SOL-PERP",
        frame_ms=60_000,
        legs=tuple(sorted(ALL_LEGS)),
        trials=300,
        own_trials=200,
        earlier="e" * 64,
        data="d" * 64,
        code="c" * 16,
        search="s" * 64,
    )
    return replace(issued, **changes)
