"""Whether the parameters in force are licensed: `run --live` refuses where they are not, paper says so.

What a licence covers is `lab.licence`'s; here it is held against the settings and the market at hand. The
defaults have no licence either: nobody searched them, and leaving the card out must not be the way around it.
"""

from collections.abc import Collection, Iterator

from drift_e3.cli.launch import CHAIN_VENUES
from drift_e3.config import ConfigError, Loaded
from drift_e3.lab.licence import Complaint, Flaw, Leg, Licence, legs_of
from drift_e3.wiring.chain import FRAMES_MS

LIVE_LEGS = legs_of(funding=True, premium=True, book=True, taker_flow=False)
"""What the live feed of either chain venue provides."""


def complaints(loaded: Loaded) -> list[Complaint]:
    """What speaks against trading with these settings. A market that is no live one counts as the licence's
    own: nothing is at stake there but the parameters."""
    card, settings = loaded.card, loaded.settings
    if card is None:
        text = "no parameter card is given, and the default parameters have no licence"
        return [Complaint(Flaw.UNLICENSED, text)]
    licence = card.licence
    if licence is None:
        return [Complaint(Flaw.UNLICENSED, f"{card.path}: the card has no licence")]
    trading = settings.trading()
    symbol, frame_ms, legs = settings.symbol, FRAMES_MS[settings.data_api.frame], LIVE_LEGS
    if settings.venue not in CHAIN_VENUES:
        symbol, frame_ms, legs = licence.symbol, licence.frame_ms, frozenset[Leg]()
    found = licence.complaints(trading.params, trading.limits, symbol, frame_ms, legs)
    return [Complaint(flaw, f"{card.path}: {text}") for flaw, text in found]


def refuse(loaded: Loaded, accepted: Collection[Flaw]) -> None:
    """Raise `ConfigError` (exit code 78) with a line for each complaint that was not accepted by its name."""
    lines = [
        f"--live: {text}; to trade it all the same: --accept {flaw}"
        for flaw, text in complaints(loaded)
        if flaw not in accepted
    ]
    if lines:
        raise ConfigError(lines)


def warnings(loaded: Loaded, *, live: bool) -> Iterator[str]:
    """What a person should know of the licence: on paper too, where a card is used or live is rehearsed."""
    if live or loaded.card is not None or loaded.settings.venue in CHAIN_VENUES:
        for _, text in complaints(loaded):
            yield text if live else f"{text}: run --live refuses this"
    if licence_of(loaded) is not None and loaded.settings.advisor != "off":
        yield "the licence is for the rules alone: what the advisor adds was not judged"


def standing(loaded: Loaded) -> str:
    """The licence in a few words."""
    found, licence = complaints(loaded), licence_of(loaded)
    if licence is None or any(flaw is Flaw.UNLICENSED for flaw, _ in found):
        return "NONE: these parameters have not been shown to be more than luck"
    legs = ", ".join(licence.legs) or "candles alone"
    return f"{licence.verdict} after {licence.trials} trials on {licence.symbol} with {legs}"


def licence_of(loaded: Loaded) -> Licence | None:
    """The licence on the card, if there is one."""
    return None if loaded.card is None else loaded.card.licence
