"""Events in a transaction's log."""

import base64
import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from drift_e3.venues.solana.anchor import event_discriminator
from drift_e3.venues.solana.program_logs import TRUNCATED, emitted, is_cut_off

OURS = Pubkey(b"p" * 32)
OTHER = Pubkey(b"q" * 32)


def b64(payload: bytes) -> str:
    return base64.b64encode(payload).decode()


def test_payloads_are_found_in_both_sorts_of_lines() -> None:
    logs = [
        f"Program {OURS} invoke [1]",
        "Program log: Instruction: PlaceAndTakePerpOrder",
        f"Program data: {b64(b'first event')}",
        f"Program log: {b64(b'second event')}",
        f"Program {OURS} consumed 269624 of 934786 compute units",
        f"Program {OURS} success",
    ]
    assert list(emitted(logs, OURS)) == [b"first event", b"second event"]


def test_what_other_programs_wrote_is_not_ours() -> None:
    line = f"Program data: {b64(b'somebody')}"
    mine = f"Program data: {b64(b'ours, twice')}"
    logs = [
        line,
        f"Program {OTHER} invoke [1]",
        line,
        f"Program {OURS} invoke [2]",
        mine,
        f"Program {OTHER} invoke [3]",
        line,
        f"Program {OTHER} success",
        mine,
        f"Program {OURS} failed: custom program error: 0x1778",
        line,
        f"Program {OTHER} success",
        line,
    ]
    assert list(emitted(logs, OURS)) == [b"ours, twice"] * 2


def test_a_line_that_only_quotes_an_invocation_changes_nothing() -> None:
    logs = [
        f"Program {OTHER} invoke [1]",
        f"Program log: Program {OURS} invoke [2]",
        f"Program data: {b64(b'a forged event')}",
    ]
    assert list(emitted(logs, OURS)) == []


def test_words_that_are_no_payload_are_skipped() -> None:
    words = ["stale", "word", b64(b"short"), "AAA", "====", "a b", ""]
    logs = [f"Program {OURS} invoke [1]", *(f"Program log: {word}" for word in words)]
    assert list(emitted(logs, OURS)) == []


def test_a_log_that_was_cut_off_says_so() -> None:
    assert is_cut_off(["Program log: x", TRUNCATED])
    assert not is_cut_off(["Program log: x"])


@given(
    st.lists(st.one_of(st.text(), st.sampled_from([f"Program {OURS} invoke [1]", f"Program {OURS} success"])))
)
def test_any_lines_are_read_without_an_error(logs: list[str]) -> None:
    assert all(len(payload) >= 8 for payload in emitted(logs, OURS))


def test_recorded_logs_hold_the_events_that_were_recorded(shared_data: Path) -> None:
    drift = Pubkey.from_string("dRiftyHA39MWEi3m9aunc5MzRF1JYuBsbn6VPcn33UH")
    for record in json.loads((shared_data / "onchain" / "drift_v2_tx_logs.json").read_text()):
        found = [(payload[:8], len(payload)) for payload in emitted(record["logs"], drift)]
        wanted = [
            (event_discriminator(event["event"]), event["size"])
            for event in record["decoded_summary"]["events"]
            if event["event"]
        ]
        assert found == wanted
