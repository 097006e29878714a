import random

from hypothesis import given
from hypothesis import strategies as st

from drift_e3.venues.solana.user_ids import USER_IDS, free_user_id

NUMBERS = st.integers(1, 255)


def test_new_numbers_come_before_used_ones() -> None:
    assert free_user_id((), ()) == 1
    assert free_user_id((), (1, 2, 3)) == 4
    assert free_user_id({4, 5}, (1, 2, 3)) == 6


def test_then_comes_the_one_that_was_used_longest_ago() -> None:
    used = random.Random(3).sample(USER_IDS, len(USER_IDS))
    assert free_user_id((), used) == used[0]
    assert free_user_id(set(used[:5]), used) == used[5]
    assert free_user_id((), [*used, used[0]]) == used[1]


def test_without_a_free_number_there_is_none() -> None:
    assert free_user_id(USER_IDS, ()) is None
    assert free_user_id(set(USER_IDS) - {77}, (77,)) == 77


def test_other_peoples_numbers_do_not_disturb() -> None:
    assert free_user_id({0, 999}, (0, 0, 999)) == 1


@given(st.sets(NUMBERS), st.lists(NUMBERS, max_size=600))
def test_a_number_is_free_and_nobody_free_has_rested_longer(busy: set[int], used: list[int]) -> None:
    number = free_user_id(busy, used)
    if number is None:
        assert busy == set(USER_IDS)
        return
    assert number in USER_IDS
    assert number not in busy
    last = {each: at for at, each in enumerate(used)}
    assert all(last.get(number, -1) <= last.get(other, -1) for other in set(USER_IDS) - busy)


def test_a_number_comes_round_only_after_all_others() -> None:
    used: list[int] = []
    for _ in range(1_000):
        number = free_user_id({3, 9}, used)
        assert number is not None
        assert number not in used[-252:]
        used.append(number)
