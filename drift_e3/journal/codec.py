"""Messages to canonical JSON and back.

Here live the table of message kinds and the two directions; nothing here reads or writes files. Dataclasses
become objects, named tuples arrays, integer enumerations their value. NaN becomes null, and comes back as NaN
wherever the field is a plain float.
"""

import types
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import cache
from math import nan
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec

from drift_e3.core.commands import Command
from drift_e3.core.events import Event
from drift_e3.core.notes import Note

Message = Event | Command | Note


class PayloadError(ValueError):
    """A payload cannot be decoded as its kind: one line with kind and reason."""


def _kind(message_type: type) -> str:
    """The class name in snake case: ``CandleClosed`` is ``candle_closed``."""
    name = message_type.__name__
    return name[0].lower() + "".join(
        f"_{letter.lower()}" if letter.isupper() else letter for letter in name[1:]
    )


EVENT_TYPES: dict[str, type[Event]] = {_kind(member): member for member in get_args(Event)}
COMMAND_TYPES: dict[str, type[Command]] = {_kind(member): member for member in get_args(Command)}
NOTE_TYPES: dict[str, type[Note]] = {_kind(member): member for member in get_args(Note)}
MESSAGE_TYPES: dict[str, type[Message]] = {**EVENT_TYPES, **COMMAND_TYPES, **NOTE_TYPES}
KINDS: dict[type, str] = {message_type: kind for kind, message_type in MESSAGE_TYPES.items()}
"""The kind of each message class, for example ``KINDS[Fill] == "fill"``."""

encode: Callable[[Message], bytes] = msgspec.json.Encoder().encode
"""Canonical JSON of a message: equal messages give equal bytes."""


def decode(kind: str, payload: bytes) -> Message:
    """The message that `encode` was given; raises `PayloadError` for an unknown kind or another's payload."""
    try:
        message: Message = _decoder(kind)(payload)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise PayloadError(f"{kind}: {error}") from error
    return message


def decode_event(kind: str, payload: bytes) -> Event:
    """`decode` for a row of the events table; a command or note there is a `PayloadError` too."""
    if kind not in EVENT_TYPES:
        raise PayloadError(f"{kind}: not a kind of event")
    event: Event = decode(kind, payload)  # type: ignore[assignment]  # by its kind it is one
    return event


@cache
def _decoder(kind: str) -> Callable[[bytes], Any]:
    message_type: Any = MESSAGE_TYPES.get(kind)
    if message_type is None:
        raise PayloadError(f"{kind}: not a kind of message")
    decode_known = msgspec.json.Decoder(message_type).decode

    def decode_message(payload: bytes) -> Any:
        try:
            return decode_known(payload)
        except msgspec.ValidationError:
            # Mostly a null where a float is due: fill those, and if that was not it, fail for good.
            return msgspec.convert(_filler(message_type)(msgspec.json.decode(payload)), message_type)

    return decode_message


_Filler = Callable[[Any], Any]
"""Gives a decoded JSON value with NaN in place of each null that stands for a float."""


@cache
def _filler(hint: Any) -> _Filler:
    """The filler for values of a type; what does not look like it is left to the conversion to refuse."""
    if hint is float:
        return lambda raw: nan if raw is None else raw
    members = [member for member in get_args(hint) if member is not types.NoneType]
    if get_origin(hint) is Final:
        return _filler(members[0])
    if get_origin(hint) in (Union, types.UnionType):
        fill_member = _filler(members[0])
        return lambda raw: None if raw is None else fill_member(raw)
    if get_origin(hint) is tuple and members[-1] is Ellipsis:
        fill_each = _filler(members[0])
        return lambda raw: [fill_each(item) for item in raw] if isinstance(raw, list) else raw
    if get_origin(hint) is tuple:
        return _filler_of_array([_filler(member) for member in members])
    if hasattr(hint, "_fields"):
        field_types = get_type_hints(hint)
        return _filler_of_array([_filler(field_types[name]) for name in hint._fields])
    if is_dataclass(hint):
        return _filler_of_object({name: _filler(field) for name, field in get_type_hints(hint).items()})
    return _untouched


def _filler_of_array(fillers: list[_Filler]) -> _Filler:
    def fill(raw: Any) -> Any:
        # Fewer items than fields are the payload of older code, whose new fields have defaults.
        if not isinstance(raw, list) or len(raw) > len(fillers):
            return raw
        return [fill_item(item) for fill_item, item in zip(fillers, raw, strict=False)]

    return fill


def _filler_of_object(fillers: dict[str, _Filler]) -> _Filler:
    def fill(raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        return {name: fillers.get(name, _untouched)(item) for name, item in raw.items()}

    return fill


def _untouched(raw: Any) -> Any:
    return raw
