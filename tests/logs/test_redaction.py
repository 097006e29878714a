"""Redaction: planted secrets in every place that a log line has, and what must stay readable."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from drift_e3.core.terms import Instrument, Side
from drift_e3.logs.redaction import HIDDEN, redact, redact_text, redact_value

BASE58_KEY = "4wBqpZM9xaSheZzJSMawUKKwhdpChKbZ5eu5ky4Vigw1FVcF2NfdH9vdYVE1JHbpJ8WqC5yNFh3MEPZhG1qMcNEo"[:88]
BYTES = list(range(100, 164))
SIGNATURE = BASE58_KEY[::-1]


def leaves(value: object) -> Iterator[object]:
    match value:
        case dict():
            for key, item in value.items():
                yield key
                yield from leaves(item)
        case list():
            for item in value:
                yield from leaves(item)
        case _:
            yield value


@pytest.mark.parametrize(
    "name",
    [
        "key", "api_key", "apiKey", "X-Api-Key", "secret", "client_secret", "token", "botToken", "password",
        "passphrase", "Authorization", "mnemonic", "seed_phrase", "seed phrase", "private_key", "secretKey",
        "keypair", "credentials", "rpc.token", "Set-Cookie",
    ],
)  # fmt: skip
def test_a_field_that_is_named_like_a_secret_is_hidden(name: str) -> None:
    assert redact(None, "info", {name: "ab"})[name] == HIDDEN
    assert redact_value({"deep": [{name: 12}]}) == {"deep": [{name: HIDDEN}]}


@pytest.mark.parametrize(
    "name", ["public_key", "pubkey", "seed", "tokens", "eval_tokens", "monkey", "keyword", "passed"]
)
def test_a_field_that_only_sounds_like_one_is_shown(name: str) -> None:
    assert redact(None, "info", {name: "ab"})[name] == "ab"


def test_an_absent_secret_is_shown_as_absent() -> None:
    assert redact(None, "info", {"token": None}) == {"token": None}
    assert redact_value({"token": None}) == {"token": None}


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"loaded {BASE58_KEY} from disk", BASE58_KEY),
        (BASE58_KEY, BASE58_KEY),
        ("0f" * 64, "0f0f0f"),
        (f"wallet {json.dumps(BYTES)} read", "101, 102"),
        (f"wallet {BYTES[:32]} read", "101, 102"),
        ("header Authorization: Bearer abc.def-123", "abc.def"),
        ("bearer abcdef123456", "abcdef123456"),
        ("{'Authorization': 'Basic dXNlcjpwYXNz'}", "dXNlcjpwYXNz"),
        ("Cookie: session=abcdefgh; id=1", "abcdefgh"),
        ("https://user:hunter2@rpc.example.com/x", "hunter2"),
        ("https://hunter2@rpc.example.com", "hunter2"),
        ("https://rpc.example.com/?api-key=0123-4567&x=1", "0123-4567"),
        ("wss://rpc.example.com/?a=1&token=hunter2", "hunter2"),
        ("https://rpc.example.com/v2/AbCdEf0123456789AbCdEf01", "AbCdEf0123456789"),
        ("https://api.example.org/bot123456789:AAF-abc_defghijklmnopqrstuvwxyz012345/sendMessage", "AAF-abc"),
        ("cannot log in with password=hunter2, giving up", "hunter2"),
        ('{"api_key": "hunter2"}', "hunter2"),
        ("DRIFT_E3_OLLAMA__TOKEN=hunter2", "hunter2"),
        ("mnemonic: legal winner thank year wave sausage", "sausage"),
        ("seed phrase = legal winner thank year", "winner"),
        (
            "-----BEGIN PRIVATE KEY-----\nMIIabcdefghijk\n" + "x" * 40 + "\n-----END PRIVATE KEY-----",
            "MIIabc",
        ),
    ],
)
def test_a_value_that_looks_like_a_secret_is_hidden_wherever_it_stands(text: str, secret: str) -> None:
    assert secret in text
    places: list[Any] = [text, [text], {"a": {"b": (text,)}}, ValueError(text), {text: 1}, {text}]
    for place in places:
        line = redact(None, "info", {"message": place})
        assert secret not in json.dumps(line)
        assert HIDDEN in json.dumps(line)


@pytest.mark.parametrize(
    "text",
    [
        "Strong volume and positive funding: the momentum side looks better, key level 145.2 holds.",
        "https://docs.example.com/en/stable/getting-started?page=2",
        "http://127.0.0.1:11434",
        "sha256:" + "0f" * 32,
        "dRiftyHA39MWEi3m9aunc5MzRF1JYuBsbn6VPcn33UH",
        "c1722470700000-e3-entry",
        "[1, 2, 3]",
        "tokens: 130",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert redact_text(text) == text


def test_a_transaction_signature_is_shown_under_its_name_only() -> None:
    assert redact_value({"signature": SIGNATURE, "tx": SIGNATURE}) == {
        "signature": SIGNATURE,
        "tx": SIGNATURE,
    }
    assert redact_value({"note": SIGNATURE}) == {"note": HIDDEN}


def test_a_list_that_is_a_key_is_hidden_and_other_lists_are_not() -> None:
    assert redact_value({"a": BYTES, "b": tuple(BYTES[:32]), "c": BYTES[:5], "d": [300] * 64}) == {
        "a": HIDDEN,
        "b": HIDDEN,
        "c": BYTES[:5],
        "d": [300] * 64,
    }


@dataclass
class _Login:
    user: str
    password: str


class _Colour(Enum):
    RED = "x"


def test_values_become_plain() -> None:
    line = redact(
        None,
        "info",
        {
            "side": Side.BUY,
            "login": _Login("me", "hunter2"),
            "instrument": Instrument(),
            "colour": _Colour.RED,
            "raw": b"1234",
            "path": Path("/tmp/x"),
            "amount": Decimal("1.5"),
            "secretive": SecretStr("hunter2"),
            "nan": [float("nan"), 1.5],
            "yes": [True, None],
        },
    )
    assert line["side"] == "buy"
    assert line["login"] == {"user": "me", "password": HIDDEN}
    assert line["instrument"]["symbol"] == "SOL-PERP"
    assert (line["colour"], line["raw"], line["path"], line["amount"]) == (
        "RED",
        "[4 bytes]",
        "/tmp/x",
        "1.5",
    )
    assert line["nan"] == [None, 1.5]
    assert line["yes"] == [True, None]
    assert "hunter2" not in json.dumps(line)


def test_an_endless_value_is_cut() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert "[...]" in json.dumps(redact_value(endless))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
        max_leaves=20,
    )
)
def test_redaction_takes_any_value_and_gives_plain_types(value: object) -> None:
    for leaf in leaves(redact_value(value)):
        assert leaf is None or type(leaf) in {str, int, float, bool}


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_key_is_found_in_any_surroundings(before: str, after: str) -> None:
    assert BASE58_KEY not in redact_text(f"{before} {BASE58_KEY} {after}")
