"""The board: what strikes, how often, and that the same run goes wrong the same way."""

import pytest

from drift_e3.drill.faults import FAULTS, Fault, FaultKind, Faults, Service


def test_every_fault_has_a_sentence_for_people() -> None:
    assert set(FAULTS) == set(FaultKind)
    for info in FAULTS.values():
        assert info.sentence.endswith(".")
        assert info.services


def test_a_fault_strikes_only_where_it_was_put() -> None:
    faults = Faults()
    faults.start(FaultKind.HTTP_BUSY, service=Service.RPC, method="sendTransaction")
    assert faults.hit(FaultKind.HTTP_BUSY, Service.DLOB, "sendTransaction") is None
    assert faults.hit(FaultKind.HTTP_BUSY, Service.RPC, "getSlot") is None
    assert faults.hit(FaultKind.HTTP_ERROR, Service.RPC, "sendTransaction") is None
    assert faults.hit(FaultKind.HTTP_BUSY, Service.RPC, "sendTransaction") is not None


def test_a_fault_with_a_count_strikes_that_often() -> None:
    faults = Faults()
    fault = faults.start(FaultKind.LOST_TRANSACTION, count=2)
    struck = [faults.hit(FaultKind.LOST_TRANSACTION, Service.CHAIN) is not None for _ in range(4)]
    assert struck == [True, True, False, False]
    assert fault.struck == 2
    assert faults.active == ()


def drawn(seed: int) -> list[bool]:
    faults = Faults(seed)
    faults.start(FaultKind.HTTP_ERROR, chance=0.5)
    return [faults.hit(FaultKind.HTTP_ERROR, Service.RPC) is not None for _ in range(64)]


def test_chances_are_drawn_from_the_seed() -> None:
    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert 16 < sum(drawn(1)) < 48


def test_a_fault_cannot_be_put_where_it_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="does not strike"):
        Faults().start(FaultKind.LATE_LANDING, service=Service.DLOB)


def test_stopping_ends_all_of_a_kind_and_tells_who_watches() -> None:
    faults = Faults()
    told: list[tuple[FaultKind, bool]] = []

    def watcher(fault: Fault, began: bool) -> None:
        told.append((fault.kind, began))

    faults.watch(watcher)
    faults.start(FaultKind.PAUSE_EXCHANGE, amount=255)
    faults.start(FaultKind.KEEPER_ASLEEP)
    faults.stop(FaultKind.PAUSE_EXCHANGE)
    assert [fault.kind for fault in faults.active] == [FaultKind.KEEPER_ASLEEP]
    faults.stop()
    assert faults.active == ()
    assert told == [
        (FaultKind.PAUSE_EXCHANGE, True),
        (FaultKind.KEEPER_ASLEEP, True),
        (FaultKind.PAUSE_EXCHANGE, False),
        (FaultKind.KEEPER_ASLEEP, False),
    ]
