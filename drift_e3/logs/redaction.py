"""Secrets taken out of what is about to be shown: by the name of a field and by the shape of a value.

Here live the rules and the walk over values; it turns everything into plain types on the way, so that any
value can be rendered. Where the result goes is no business of this module. A false alarm hides a word, a miss
gives an account away: in doubt a value is hidden. Journals are not redacted: no event may hold a secret.
"""

import dataclasses
import re
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from math import isfinite
from typing import Any

from structlog.typing import WrappedLogger

from drift_e3.core.terms import Term

HIDDEN = "[redacted]"
DEEPEST = 8
"""Values nested deeper than this are cut: nothing that a person reads goes so deep, and a cycle would."""

_WORDS = (
    r"(?:api|private|secret|signing|access|auth|encryption)[ _-]?key|keypair|secret|token"
    r"|password|passwd|passphrase|pwd|authorization|credentials?|cookie|bearer|jwt"
    r"|mnemonic|seed[ _-]?(?:phrase|words)"
)
_SECRET_NAME = re.compile(rf"(?:^|[_\-. ])(?:key|{_WORDS})s?$")
_PUBLIC_NAME = re.compile(r"(?:public|idempotency|sort|primary)[_-]?keys?$|(?:^|[_-])tokens$")
_SIGNATURE_NAME = re.compile(r"(?:^|_)(?:signatures?|sig|tx|transaction)$")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_BASE58 = "1-9A-HJ-NP-Za-km-z"
_URL_USER = re.compile(r"(://)[^/\s@?#\"']+@")
_URL_QUERY = re.compile(rf"(?i)([?&;][\w.-]*(?:key|{_WORDS}|auth|sig|signature)=)[^&#\s\"'<>]+")
# Services that put the key into the path, such as /v2/<key> or /bot<id>:<key>/: long, and with a digit.
_URL_PATH_KEY = re.compile(r"(?<=/)(?=[\w:.~%-]*\d)[\w:~%-]{20,}(?=[/?#\s\"')\]]|$)")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>]+", re.IGNORECASE)
_BYTE_ARRAY = re.compile(r"\[\s*\d{1,3}(?:\s*,\s*\d{1,3}){63}\s*\]|\[\s*\d{1,3}(?:\s*,\s*\d{1,3}){31}\s*\]")
_KEY_BYTES = re.compile(rf"(?<![{_BASE58}0])(?:[{_BASE58}]{{85,88}}|[0-9a-fA-F]{{128}})(?![{_BASE58}0])")
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_SCHEME = re.compile(r"(?i)\b(bearer)\s+[\w.~+/=-]{6,}")
_HEADER = re.compile(r"(?i)\b(authorization|cookie)([\"']?\s*[:=]\s*[\"']?)[^\r\n\"',}]+")
_PHRASE = re.compile(r"(?i)\b(mnemonic|seed[ _-]?(?:phrase|words))([\"']?\s*[:=]\s*[\"']?)[^\r\n\"'}]+")
_ASSIGNED = re.compile(rf"(?i)((?:\b|_)(?:{_WORDS})[\"']?\s*[:=]\s*[\"']?)(?!\[redacted)[^\s\"',;&}})\]]+")
_HINTS = (
    "key",
    "secret",
    "token",
    "pass",
    "pwd",
    "auth",
    "cred",
    "cookie",
    "mnemonic",
    "seed",
    "bearer",
    "jwt",
)
"""One of them is in every text that the patterns with words can match; looking for them first is ten times
faster."""

_SHORTEST = 8
_SHORTEST_KEY_BYTES = 64


def redact(_logger: WrappedLogger, _method: str, line: Any) -> Any:
    """A structlog processor: the line with its values plain and its secrets hidden."""
    for name, value in line.items():
        if value is None:
            continue
        if _names_secret(name):
            line[name] = HIDDEN
            continue
        kind = type(value)
        if kind is float or kind is int or kind is bool or (kind is str and _is_harmless(value)):
            continue
        line[name] = redact_value(value, name)
    return line


def redact_value(value: object, name: str = "", depth: int = 0) -> Any:
    """`value`, found under `name`, as plain types with its secrets hidden."""
    if value is None or (name and _names_secret(name)):
        return None if value is None else HIDDEN
    match value:
        case str() if not isinstance(value, Enum):
            return value if name and _names_signature(name) and " " not in value else redact_text(value)
        case Term():
            return value.label
        case Enum():
            return value.name
        case bool() | int():
            return value
        case float():
            return value if isfinite(value) else None
        case bytes() | bytearray() | memoryview():
            return f"[{len(value)} bytes]"
    if depth >= DEEPEST:
        return "[...]"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    elif isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    match value:
        case Mapping():
            return {
                redact_text(str(key)): redact_value(item, str(key), depth + 1) for key, item in value.items()
            }
        case list() | tuple() | set() | frozenset():
            if _is_key_bytes(value):
                return HIDDEN
            return [redact_value(item, name, depth + 1) for item in value]
        case BaseException():
            return redact_text(f"{type(value).__name__}: {value}")
        case _:
            return redact_text(str(value))


def redact_text(text: str) -> str:
    """`text` with everything hidden in it that looks like a secret."""
    if _is_harmless(text):
        return text
    if "://" in text:
        text = _URL.sub(_redact_url, text)
    if len(text) >= _SHORTEST_KEY_BYTES:
        text = _KEY_BYTES.sub(HIDDEN, text)
        if "[" in text:
            text = _BYTE_ARRAY.sub(HIDDEN, text)
        if "-----BEGIN" in text:
            text = _PEM.sub(HIDDEN, text)
    lower = text.lower()
    if any(hint in lower for hint in _HINTS):
        text = _HEADER.sub(rf"\1\2{HIDDEN}", text)
        text = _PHRASE.sub(rf"\1\2{HIDDEN}", text)
        text = _SCHEME.sub(rf"\1 {HIDDEN}", text)
        text = _ASSIGNED.sub(rf"\1{HIDDEN}", text)
    return text


def _is_harmless(text: str) -> bool:
    """Whether no pattern can match: most values of a log line are ids and labels and end here."""
    length = len(text)
    return length < _SHORTEST or (
        length < _SHORTEST_KEY_BYTES and " " not in text and "=" not in text and ":" not in text
    )


def _redact_url(found: re.Match[str]) -> str:
    url = _URL_USER.sub(rf"\1{HIDDEN}@", found[0])
    url = _URL_QUERY.sub(rf"\1{HIDDEN}", url)
    return _URL_PATH_KEY.sub(HIDDEN, url)


@lru_cache(maxsize=1024)
def _names_secret(name: str) -> bool:
    """Whether a field of this name holds a secret: ``apiKey``, ``rpc_token``, but not ``seed``."""
    folded = _HUMP.sub("_", name).lower()
    return _SECRET_NAME.search(folded) is not None and _PUBLIC_NAME.search(folded) is None


@lru_cache(maxsize=1024)
def _names_signature(name: str) -> bool:
    """Whether a field holds a transaction's signature, which is as long as a secret key and public."""
    return _SIGNATURE_NAME.search(_HUMP.sub("_", name).lower()) is not None


def _is_key_bytes(values: list[Any] | tuple[Any, ...] | set[Any] | frozenset[Any]) -> bool:
    """Whether these are the 32 or 64 bytes of a key, as wallets write them."""
    return len(values) in {32, 64} and all(type(item) is int and 0 <= item <= 255 for item in values)
