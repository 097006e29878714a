"""The collector's pause."""

import gc

import pytest

from drift_e3.lab.collector import collector_paused


def test_it_is_off_meanwhile_and_on_again_even_after_a_bug() -> None:
    seen = []

    def fail() -> None:
        seen.append(gc.isenabled())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        collector_paused()(fail)()
    assert seen == [False]
    assert gc.isenabled()


def test_who_has_it_off_has_it_off_afterwards() -> None:
    gc.disable()
    try:
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
