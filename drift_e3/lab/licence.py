"""The licence in a parameter card: what a verdict covers, so that nothing else passes for it.

Here live its shape, its making and the question whether it covers what is about to be traded. It is bound to
the parameters by a hash and sealed by another: whoever edits either has a card without a licence. That guards
against mistakes and second thoughts, not against forgery. Only the standard library and the core: the
daemon's settings read it at every start. The verdict itself is `lab.verdict`'s.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from hashlib import sha256
from typing import Any, NamedTuple

from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import Regime

LICENSED, REFUSED = "licensed", "refused"


class Leg(StrEnum):
    """A kind of data besides candles that rules of entry look at."""

    PREMIUM = "premium"
    FUNDING = "funding"
    IMBALANCE = "imbalance"
    SPREAD = "spread"


class Flaw(StrEnum):
    """Why a licence does not cover what is about to be traded: the words with which a person waives it."""

    UNLICENSED = "unlicensed"
    FEWER_LEGS = "fewer-legs"
    OTHER_MARKET = "other-market"


class Complaint(NamedTuple):
    """A flaw, and what is wrong in a line."""

    flaw: Flaw
    text: str


class InvalidLicence(ValueError):
    """A card's licence is not one: a key is missing, unknown or of the wrong type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """What was judged, and how.

    `parameters` is `parameters_hash` of the rules; `limits` are those that every trial was traded with. The
    licence holds for these rules within these limits or tighter ones, on candles of `frame_ms` of `symbol`,
    where there are no more `legs` than the search had. `trials` is N, `own_trials` those of this search,
    `earlier` the hash of the set of earlier ones. `data`, `code` and `search` say where it comes from, by
    hash. Not `intact`: changed after it was sealed.
    """

    verdict: str
    reasons: tuple[str, ...]
    parameters: str
    limits: dict[str, float | list[float]]
    symbol: str
    frame_ms: int
    legs: tuple[str, ...]
    trials: int
    own_trials: int
    earlier: str
    data: str
    code: str
    search: str
    intact: bool = True

    def document(self) -> dict[str, Any]:
        """The licence as it stands in a card, sealed."""
        content = _content(self)
        return content | {"seal": _hash(content)}

    def complaints(
        self, params: Params, limits: Limits, symbol: str, frame_ms: int, legs: frozenset[Leg]
    ) -> list[Complaint]:
        """What speaks against trading these rules within these limits on this market under this licence.

        `legs` are those that the market's feed has. A licence that does not hold at all is the one complaint.
        """
        if not self.intact:
            return [Complaint(Flaw.UNLICENSED, "the licence was changed after it was sealed")]
        if self.verdict != LICENSED:
            return [Complaint(Flaw.UNLICENSED, f"the verdict on the card is {self.verdict}: {self._why()}")]
        if self.parameters != parameters_hash(params):
            return [
                Complaint(
                    Flaw.UNLICENSED,
                    "the parameters in force are not those that were licensed: the card was edited, or a "
                    "setting overrides it",
                )
            ]
        looser = looser_limits(self.limits, limits)
        if looser:
            return [Complaint(Flaw.UNLICENSED, f"limits are looser than licensed: {', '.join(looser)}")]
        found: list[Complaint] = []
        if symbol != self.symbol:
            found.append(Complaint(Flaw.OTHER_MARKET, f"licensed for {self.symbol}, this is {symbol}"))
        if frame_ms != self.frame_ms:
            found.append(
                Complaint(
                    Flaw.OTHER_MARKET,
                    f"licensed on candles of {self.frame_ms // 1_000} s, this feed has {frame_ms // 1_000} s",
                )
            )
        missing = [leg.value for leg in Leg if leg in legs and leg.value not in self.legs]
        if missing:
            found.append(
                Complaint(Flaw.FEWER_LEGS, f"searched without {', '.join(missing)}, which this feed provides")
            )
        return found

    def _why(self) -> str:
        if not self.reasons:
            return "no reason is given"
        more = len(self.reasons) - 1
        return self.reasons[0] + (f", and {more} more on the card" if more else "")


def legs_of(*, funding: bool, premium: bool, book: bool, taker_flow: bool) -> frozenset[Leg]:
    """The legs that a market has whose feed has these. A book gives spread and imbalance; without one the
    imbalance is that of the candles' taker flow."""
    there = {
        Leg.PREMIUM: premium,
        Leg.FUNDING: funding,
        Leg.IMBALANCE: book or taker_flow,
        Leg.SPREAD: book,
    }
    return frozenset(leg for leg, known in there.items() if known)


def parameters_hash(params: Params) -> str:
    """A hash of every rule parameter and route by name and value."""
    values = {
        # Whole numbers and switches as floats: a card may write 3 for 3.0.
        name: float(value) if isinstance(value, int | float) else value
        for name, value in params._asdict().items()
    }
    return _hash(values | {"routing": [int(route) for route in params.routing]})


def limits_record(limits: Limits) -> dict[str, float | list[float]]:
    """Limits by name, as a licence holds them."""
    values = limits._asdict()
    return {
        name: [float(cap) for cap in value] if name == "leverage_caps" else float(value)
        for name, value in values.items()
    }


def looser_limits(licensed: Mapping[str, float | list[float]], limits: Limits) -> list[str]:
    """The names of limits that are looser than licensed, with both values."""
    # Only where it is asked: it brings the whole trader along, which the settings do without.
    from drift_e3.core.trader import tighter_limits

    # A limit that the licence does not know of did not exist yet, and counts as licensed.
    known: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in licensed.items()
        if name in Limits._fields
    }
    _, kept = tighter_limits(limits._replace(**known), limits)
    return [f"{name} {_told(getattr(limits, name))} (licensed: {_told(known[name])})" for name in kept]


def read_licence(content: object) -> Licence:
    """A licence from a card, `intact` or not. Raises `InvalidLicence` where it is none."""
    if not isinstance(content, dict):
        raise InvalidLicence("is not an object of keys and values")
    for name in content:
        if name not in _KINDS:
            raise InvalidLicence(f"{name}: unknown key")
    for name, kind in _KINDS.items():
        if name not in content:
            raise InvalidLicence(f"{name}: is missing")
        value = content[name]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise InvalidLicence(f"{name}: {_shortened(value)} is not {_KIND_NAMES[kind]}")
    for name, limit in content["limits"].items():
        parts = limit if isinstance(limit, list) and limit else [limit]
        if any(not isinstance(part, int | float) or isinstance(part, bool) for part in parts):
            raise InvalidLicence(f"limits.{name}: {_shortened(limit)} is not a number")
        if isinstance(limit, list) != (name == "leverage_caps") or (
            isinstance(limit, list) and len(limit) != len(Regime)
        ):
            raise InvalidLicence(f"limits.{name}: {_shortened(limit)} has not the right number of values")
    for name in ("reasons", "legs"):
        if any(not isinstance(text, str) for text in content[name]):
            raise InvalidLicence(f"{name}: {_shortened(content[name])} is not a list of texts")
    bare = {name: value for name, value in content.items() if name != "seal"}
    licence = Licence(**bare | {name: tuple(bare[name]) for name in ("reasons", "legs")})
    return replace(licence, intact=content["seal"] == _hash(bare))


_KINDS: dict[str, type] = {
    "verdict": str,
    "reasons": list,
    "parameters": str,
    "limits": dict,
    "symbol": str,
    "frame_ms": int,
    "legs": list,
    "trials": int,
    "own_trials": int,
    "earlier": str,
    "data": str,
    "code": str,
    "search": str,
    "seal": str,
}
_KIND_NAMES: dict[type, str] = {str: "text", int: "a whole number", list: "a list", dict: "an object"}


def _content(licence: Licence) -> dict[str, Any]:
    values = {field.name: getattr(licence, field.name) for field in fields(licence) if field.name != "intact"}
    return values | {name: list(values[name]) for name in ("reasons", "legs")}


def _hash(content: object) -> str:
    return sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _told(value: object) -> str:
    return "/".join(f"{part:g}" for part in value) if isinstance(value, tuple | list) else f"{value:g}"


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
