"""Bodies that are not what they should be: none is taken for an answer, and none escapes as anything else."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from drift_e3.venues.solana import calls, jsonrpc, methods
from drift_e3.venues.solana.calls import Call
from drift_e3.venues.solana.failures import DETAIL_CHARS_MAX, Fault, RpcRejected, RpcUnavailable, printable
from tests.venues.solana.rpc_doors import ONE, SIGNATURES, a_transaction
from tests.venues.solana.scripted_rpc import in_context

CALLS: dict[str, Call[Any]] = {
    call.method: call
    for call in (
        methods.accounts([ONE]), methods.account_slice(ONE, 0, 1), methods.latest_blockhash(),
        methods.height(), methods.statuses(SIGNATURES[:1], history=False), methods.simulate(a_transaction()),
        methods.send(bytes(a_transaction())), methods.transaction_logs(SIGNATURES[0]),
        methods.recent_fees([ONE]), methods.slot(), methods.health(), methods.genesis_hash(),
    )
}  # fmt: skip
ODD_RESULTS: list[object] = [
    None, True, 0, -1, 1.5, "x", [], {}, [[]], [{}], {"context": {}}, in_context(None), in_context({}),
    in_context([{}]), in_context([{"slot": 1}]), in_context({"blockhash": "!", "lastValidBlockHeight": 1}),
    in_context({"blockhash": "1" * 44, "lastValidBlockHeight": 1}),
    in_context({"blockhash": "1" * 32, "lastValidBlockHeight": -1}),
    in_context([{"slot": 1, "err": None, "confirmationStatus": "guessed"}]),
    in_context([{"slot": 1, "confirmationStatus": "confirmed"}]), in_context([None, None]),
    in_context({"logs": []}), in_context({"err": None, "logs": [1]}),
    in_context({"owner": "1" * 32, "lamports": 1, "data": ["YWI=", "base64"]}),
    {"slot": 1, "meta": {"logMessages": [None]}}, [{"prioritizationFee": -1}],
    {"absoluteSlot": 1}, {"absoluteSlot": 1, "blockHeight": "2"}, "y" * 65,
]  # fmt: skip
FINE: dict[str, list[object]] = {
    "getAccountInfo": [in_context(None)],
    "getTransaction": [None],
    "getRecentPrioritizationFees": [[]],
    "getSlot": [0],
    "getGenesisHash": ["x"],
}
"""Results that are odd for the others but not for these."""


@pytest.mark.parametrize("method", CALLS)
def test_an_odd_result_is_never_taken_for_an_answer(method: str) -> None:
    for result in ODD_RESULTS:
        if result in FINE.get(method, []) and result is not True:
            calls.read_answer(CALLS[method], Raw(json.dumps(result).encode()), 0)
            continue
        with pytest.raises(RpcUnavailable) as caught:
            calls.read_answer(CALLS[method], Raw(json.dumps(result).encode()), 0)
        assert caught.value.fault is Fault.BAD_RESULT, result


def test_a_status_that_does_not_say_whether_it_failed_is_no_status() -> None:
    """The field must be there: its absence is not success."""
    result = Raw(json.dumps(in_context([{"slot": 1, "confirmationStatus": "finalized"}])).encode())
    with pytest.raises(RpcUnavailable):
        calls.read_answer(CALLS["getSignatureStatuses"], result, 0)


def test_the_answer_to_a_send_must_name_the_transaction_that_was_sent() -> None:
    signature = str(a_transaction().signatures[0])
    call = CALLS["sendTransaction"]
    assert calls.read_answer(call, Raw(json.dumps(signature).encode()), 0).value is None
    with pytest.raises(RpcUnavailable):
        calls.read_answer(call, Raw(json.dumps(str(SIGNATURES[0])).encode()), 0)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode), st.sampled_from(list(CALLS)))
def test_reading_is_total(body: bytes, method: str) -> None:
    """Whatever comes, it is an answer or one of our two errors."""
    for text in (body.decode("utf-8", "replace"), f'{{"id":1,"result":{body.decode("utf-8", "replace")}}}'):
        with contextlib.suppress(RpcUnavailable, RpcRejected):
            calls.read_answer(CALLS[method], jsonrpc.result_of(text, 1, str), 0)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["context", "slot", "value", "err", "data", "owner", "logs", "meta", "blockhash"])
        | st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
), st.sampled_from(list(CALLS)))  # fmt: skip
def test_reading_is_total_over_json(result: object, method: str) -> None:
    with contextlib.suppress(RpcUnavailable):
        calls.read_answer(CALLS[method], Raw(json.dumps(result).encode()), 0)


@pytest.mark.parametrize("code", sorted(jsonrpc.FINAL_CODES))
def test_errors_that_come_before_anything_is_done_are_final(code: int) -> None:
    with pytest.raises(RpcRejected):
        jsonrpc.result_of(json.dumps({"id": 1, "error": {"code": code, "message": "m"}}), 1, str)


@pytest.mark.parametrize("code", [-32002, -32603, -32005, -32000, 0, 1, 503])
def test_other_errors_may_be_another_tomorrow(code: int) -> None:
    """-32002 is the failed preflight, which bytes that have landed already fail too."""
    with pytest.raises(RpcUnavailable) as caught:
        jsonrpc.result_of(json.dumps({"id": 1, "error": {"code": code, "message": "m"}}), 1, str)
    assert caught.value.fault is Fault.NODE_ERROR


def test_an_error_needs_no_number_because_its_request_may_have_been_unreadable() -> None:
    with pytest.raises(RpcRejected):
        jsonrpc.result_of('{"id": null, "error": {"code": -32700, "message": "Parse error"}}', 1, str)


@given(st.text(max_size=3_000))
def test_what_a_server_says_becomes_a_short_printable_line(text: str) -> None:
    said = printable(text)
    assert len(said) <= DETAIL_CHARS_MAX
    assert said.isprintable()
    assert "://" not in said
