"""The run card: what a run was made from and what came of it, so that it can be made again and compared.

The same run gives the same card, whenever and wherever: no time of making, no path, no name of a machine.
"""

import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import msgspec

import drift_e3
from drift_e3.core.events import SettingsChanged
from drift_e3.journal.code_hash import code_hash, hash_of
from drift_e3.journal.codec import encode
from drift_e3.journal.records import record
from drift_e3.lab.history import History
from drift_e3.lab.report.summary import Document

FORMAT = 1
MAKING = ("core", "journal", "lab", "venues/sim", "venues/tape")
"""The packages that a run and its report follow from."""


def run_card(
    kind: str,
    history: History,
    data: Sequence[Document],
    *,
    seed: int | None,
    advice: object,
    simulation: Mapping[str, object] | None,
) -> Document:
    """The card of a run of this `kind` (``backtest``, ``paper``, ``live``) over `data`.

    `seed` is None where nothing was drawn at random; `advice` says whose answers were heard; `simulation` has
    the constants of the fill model, None where fills were real.
    """
    parameters = {
        "settings": record(SettingsChanged(seen_ts=0, settings=history.settings), 0)["settings"],
        "instrument": history.instrument._asdict(),
        "simulation": None if simulation is None else dict(simulation),
        "equity_usd": history.account.initial_usd,
    }
    return {
        "format": FORMAT,
        "kind": kind,
        "symbol": history.instrument.symbol,
        "begins_ts": history.begins_ts,
        "ends_ts": history.ends_ts,
        "seed": seed,
        "advice": advice,
        "parameters_hash": digest(parameters),
        "data": list(data),
        "data_hash": digest([each["sha256"] for each in data]),
        "code_hash": code_hash(),
        "report_code_hash": hash_of(Path(drift_e3.__file__).parent, MAKING),
        "program": version("drift_e3"),
        "python": ".".join(map(str, sys.version_info[:2])),
        "result": {
            "equity_end_usd": history.account.equity_usd(history.price_usd),
            "trades": len(history.trades),
            "fills": len(history.fills),
            "fills_hash": _of_fills(history),
        },
        "parameters": parameters,
    }


def file_data(role: str, path: Path) -> Document:
    """A file as a card names it: what it was for, its own name and its content's hash."""
    content = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            content.update(block)
    return {"role": role, "name": path.name, "sha256": content.hexdigest()}


def digest(value: object) -> str:
    """SHA-256 over the canonical JSON (sorted keys) of plain values."""
    return sha256(msgspec.json.encode(value, order="sorted")).hexdigest()


def _of_fills(history: History) -> str:
    content = sha256()
    for fill in history.fills:
        content.update(encode(fill))
    return content.hexdigest()
