"""Frames that a websocket may bring on its worst day: sound ones, broken in every way, from a seed."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from tests.venues.dataapi.builders import MINUTE, T0, a_candle, book_json, candle_frame, dlob_frame

SCALARS: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 0.1, 2**63, -(2**63), 10**30, 10**400, 1e308, -1e-308),
    *("", "0", "-1", "1e999", "NaN", "Infinity", "1_000", " 5 ", "null", "9" * 400, "\u0000", "\u20ac" * 50),
    *([], {}, [[]], {"a": {"a": {}}}),
)
ODD_TEXTS = (
    *("", " ", "null", "17", "[]", "{}", "true", '"text"', "no json", "{", "[1,2", "\ud800", "\ufeff{}"),
    '{"type":"update"}',
    '{"channel":"orderbook_perp_0","data":"{\\"bids\\": [[1"}',
    '{"channel":"trades_perp_0","data":"[]"}',
    '{"channel":"heartbeat"}',
    '{"message":"Subscribe received"}',
    '{"error":"no"}',
    '{"channel":"x","error":{"a":1}}',
    "[" * 5_000,
    '{"data":' * 2_000,
    '{"type":"update","candle":' + "[" * 3_000,
    '{"a":' + "9" * 5_000 + "}",
)


def trade_json(number: int) -> dict[str, Any]:
    """A fill as the order book's server writes it."""
    return {
        "ts": T0 // 1_000,
        "marketIndex": 0,
        "marketType": "perp",
        "takerOrderDirection": "long",
        "baseAssetAmountFilled": 0.5,
        "quoteAssetAmountFilled": "75.0",
        "fillRecordId": number,
        "txSig": f"signature{number}",
    }


def frames(seed: int, count: int, around_ts: int = T0) -> Iterator[str | bytes]:
    """`count` frames, about a fifth of them sound; candles lie around a time."""
    rng = Random(seed)
    for number in range(count):
        sound = _sound(rng, number, around_ts)
        match rng.randrange(10):
            case 0 | 1:
                yield sound
            case 2:
                yield sound[: rng.randrange(len(sound))]
            case 3:
                yield _flipped(rng, sound)
            case 4:
                yield rng.choice(ODD_TEXTS)
            case 5:
                yield rng.randbytes(rng.randrange(200))
            case 6:
                yield sound.encode() + rng.randbytes(3)
            case _:
                yield _swapped(rng, sound)


def _sound(rng: Random, number: int, around_ts: int) -> str:
    match rng.randrange(4):
        case 0:
            minutes = (around_ts - T0) // MINUTE + rng.randrange(-2, 3)
            return candle_frame(a_candle(minutes, volume=rng.random()))
        case 1:
            return dlob_frame(trade_json(number), "trades_perp_0")
        case 2:
            return dlob_frame([trade_json(number), trade_json(number + 1)], "trades_perp_0")
        case _:
            return dlob_frame(book_json(slot=number, ts=T0 + number))


def _flipped(rng: Random, text: str) -> str:
    letters = list(text)
    for _ in range(rng.randrange(1, 6)):
        letters[rng.randrange(len(letters))] = chr(rng.randrange(1, 0x250))
    return "".join(letters)


def _swapped(rng: Random, text: str) -> str:
    """The same frame with one value, or one key, replaced somewhere in it, inside `data` too."""
    frame: Any = json.loads(text)
    wrapped = isinstance(frame.get("data"), str)
    if wrapped:
        frame["data"] = json.loads(frame["data"])
    _swap(rng, frame)
    if wrapped and rng.randrange(8):
        frame["data"] = json.dumps(frame.get("data"))
    return json.dumps(frame)


def _swap(rng: Random, node: Any) -> None:
    keys: list[Any] = list(node) if isinstance(node, dict) else list(range(len(node)))
    if not keys:
        return
    key = rng.choice(keys)
    inner = node[key]
    if isinstance(inner, dict | list) and inner and rng.randrange(5):
        _swap(rng, inner)
    elif isinstance(node, dict) and not rng.randrange(4):
        del node[key]
    else:
        node[key] = rng.choice(SCALARS)
