"""The circuit of one server, step by step on a clock of its own."""

from hypothesis import given
from hypothesis import strategies as st

from drift_e3.venues.solana.endpoints import JITTER_FRAC, REST_S, REST_S_MAX, Circuit


def circuit(chance: float = 0.0) -> Circuit:
    return Circuit(lambda: chance)


def test_a_server_that_never_failed_is_asked_by_everybody() -> None:
    well = circuit()
    assert [well.admit(0.0) for _ in range(3)] == [True, True, True]


def test_a_failure_means_a_rest_and_then_a_single_call_tries() -> None:
    tried = circuit()
    tried.failed(10.0)
    assert not tried.closed
    assert not tried.admit(10.0 + REST_S * 0.99)
    assert tried.ready_in(10.0) == REST_S
    assert tried.admit(10.0 + REST_S)
    assert not tried.admit(10.0 + REST_S)


def test_after_a_good_try_everybody_is_let_in_again() -> None:
    tried = circuit()
    tried.failed(0.0)
    assert tried.admit(1.0)
    tried.succeeded()
    assert tried.closed
    assert tried.ready_in(1.0) == 0.0
    assert [tried.admit(1.0) for _ in range(3)] == [True, True, True]
    tried.failed(1.0)
    assert tried.ready_in(1.0) == REST_S


def test_each_further_failure_doubles_the_rest_up_to_a_limit() -> None:
    tried, now, rests = circuit(), 0.0, []
    for _ in range(40):
        assert tried.admit(now)
        tried.failed(now)
        rests.append(tried.ready_in(now))
        now += rests[-1]
    assert rests[:4] == [REST_S, 2 * REST_S, 4 * REST_S, 8 * REST_S]
    assert rests[-1] == REST_S_MAX


def test_a_try_that_tells_nothing_leaves_room_for_another() -> None:
    tried = circuit()
    tried.failed(0.0)
    assert tried.admit(1.0)
    tried.abandoned()
    assert tried.admit(1.0)


def test_calls_that_fail_together_count_once() -> None:
    tried = circuit()
    for _ in range(5):
        tried.failed(0.0)
    assert tried.ready_in(0.0) == REST_S


def test_a_server_that_asks_for_a_longer_rest_gets_it() -> None:
    tried = circuit()
    tried.failed(0.0)
    tried.failed(0.1, rest_s=7.0)
    assert tried.ready_in(0.1) == 7.0


@given(st.floats(0.0, 1.0), st.integers(1, 60))
def test_jitter_only_makes_a_rest_longer_and_by_a_bounded_share(chance: float, failures: int) -> None:
    tried, now = circuit(chance), 0.0
    for _ in range(failures):
        assert tried.admit(now)
        tried.failed(now)
        now += tried.ready_in(now)
    tried.failed(now)
    plain = min(REST_S * 2.0**failures, REST_S_MAX)
    assert plain <= tried.ready_in(now) + 1e-6
    assert tried.ready_in(now) <= plain * (1.0 + JITTER_FRAC) + 1e-6
