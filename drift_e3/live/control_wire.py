"""What a person's command and a running daemon say to each other: one JSON object a line, in turns.

Here live the messages' bounds and their encoding. Serving is `control`'s, asking is `control_client`'s.
"""

from dataclasses import dataclass
from typing import Annotated

import msgspec

from drift_e3.operating import Answer, Verb

REQUEST_BYTES_MAX = 1_024
ANSWER_BYTES_MAX = 1_048_576
BY_MAX = 64
WAIT_S_MAX = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`by` is who asks, for the journal; what closes is answered when flat, at the latest after `wait_s`."""

    verb: Verb
    by: Annotated[str, msgspec.Meta(max_length=BY_MAX, pattern=r"^[^\x00-\x1f\x7f]*\Z")] = ""
    wait_s: Annotated[float, msgspec.Meta(ge=0.0, le=WAIT_S_MAX)] = 0.0


encode = msgspec.json.Encoder().encode
decode_request = msgspec.json.Decoder(Request).decode
decode_answer = msgspec.json.Decoder(Answer).decode
NOT_UNDERSTOOD = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What the decoders raise for anything else."""
