"""Which search it is: hashes of the data, of the code, and of everything together."""

import json
from array import array
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import drift_e3
from drift_e3.core.params import Limits
from drift_e3.core.terms import Instrument
from drift_e3.journal.code_hash import code_hash, hash_of
from drift_e3.lab.search.plan import Plan
from drift_e3.venues.sim.settings import SimSettings
from drift_e3.venues.tape.series import CandleTape, FundingTape


class Account(NamedTuple):
    """What every set is traded with."""

    equity_usd: float
    limits: Limits
    instrument: Instrument
    simulation: SimSettings


class Hashes(NamedTuple):
    """`data` is of the tape's rows, `code` of what decides and fills, `search` of all that the trials depend
    on, the search's own code included, `judge` of the code that judges them. With all of them equal a search
    gives equal bytes."""

    data: str
    code: str
    search: str
    judge: str


JUDGES = ("verdict", "statistics", "bootstrap", "overfitting")
"""The lab's modules that a verdict is made by. They stand apart, so that a search that was stopped goes on
under another judge with all its trials."""


def hashes_of(
    plan: Plan, account: Account, candles: CandleTape, funding: FundingTape | None, advice: str
) -> Hashes:
    """The hashes of a search; `advice` is that of the archive of answers, empty without one."""
    data = _data_hash(candles, funding)
    lab = hash_of(Path(drift_e3.__file__).parent, ("lab/search", "lab/kernel"))
    whole = json.dumps([plan, account, data, advice, code_hash(), lab])
    return Hashes(data, code_hash(), sha256(whole.encode()).hexdigest(), judge_hash())


def judge_hash(folder: Path = Path(drift_e3.__file__).parent / "lab") -> str:
    """Sixteen hexadecimal digits over the judging modules of the lab in `folder`."""
    digest = sha256()
    for name in JUDGES:
        content = (folder / f"{name}.py").read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def _data_hash(candles: CandleTape, funding: FundingTape | None) -> str:
    digest = sha256(f"{candles.frame_ms}\n".encode())
    columns: list[array[int] | array[float] | None] = [
        candles.ts_ms,
        candles.open,
        candles.high,
        candles.low,
        candles.close,
        candles.volume,
        candles.taker_buy_volume,
    ]
    if funding is not None:
        columns += [funding.ts_ms, funding.rate_frac_1h, funding.hours, funding.premium_frac]
    for column in columns:
        digest.update(f"{-1 if column is None else len(column)}\n".encode())
        digest.update(b"" if column is None else column)
    return digest.hexdigest()
