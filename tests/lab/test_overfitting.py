"""The probability of backtest overfitting against a plain computation, and on noise and on skill."""

from itertools import combinations

import numpy as np
import pytest

from drift_e3.lab.overfitting import cscv


def plainly(returns: np.ndarray, blocks: int) -> tuple[float, float]:
    """The paper's procedure step by step: logit of the relative rank, share at or below zero."""
    days, trials = returns.shape
    length = days // blocks
    pieces = [returns[days - length * blocks :][i * length : (i + 1) * length] for i in range(blocks)]
    below, losses, splits = 0.0, 0, 0
    for inside in combinations(range(blocks), blocks // 2):
        train = np.vstack([pieces[i] for i in inside])
        test = np.vstack([pieces[i] for i in range(blocks) if i not in inside])
        best = int(np.argmax(train.mean(axis=0) / train.std(axis=0)))
        outside = test.mean(axis=0) / test.std(axis=0)
        rank = 1 + int((outside < outside[best]).sum())
        logit = np.log(rank / (trials + 1) / (1 - rank / (trials + 1)))
        below += 1.0 if logit < 0 else 0.5 * (logit == 0)
        losses += test[:, best].sum() < 0
        splits += 1
    return below / splits, losses / splits


@pytest.mark.parametrize(("days", "trials", "blocks"), [(61, 7, 6), (40, 12, 8), (33, 2, 4)])
def test_it_is_what_the_papers_steps_give(days: int, trials: int, blocks: int) -> None:
    returns = np.random.default_rng(days).standard_normal((days, trials)) + 0.05
    found = cscv(returns, blocks)
    assert (found.pbo, found.loss_probability) == pytest.approx(plainly(returns, blocks))


def test_choosing_among_noise_is_a_coin_toss() -> None:
    random = np.random.default_rng(3)
    found = [cscv(random.standard_normal((160, 20)), 8).pbo for _ in range(150)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.06)


def test_choosing_the_one_that_has_skill_is_not() -> None:
    returns = np.random.default_rng(4).standard_normal((320, 20))
    returns[:, 7] += 0.35
    found = cscv(returns)
    assert found.splits == 12_870
    assert found.pbo < 0.02
    assert found.loss_probability < 0.02


def test_choosing_what_only_shone_once_is_overfitting() -> None:
    """Each trial is good in one block and poor in all others: the best of one half never is in the other."""
    returns = np.random.default_rng(6).standard_normal((160, 16)) * 0.01 - 0.001
    for block in range(16):
        returns[block * 10 : (block + 1) * 10, block] += 0.1
    assert cscv(returns).pbo > 0.95


def test_many_trials_are_worked_off_in_portions_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    returns = np.random.default_rng(5).standard_normal((64, 9))
    whole = cscv(returns, 8)
    monkeypatch.setattr("drift_e3.lab.overfitting.CHUNK_VALUES", 40)
    assert cscv(returns, 8) == whole


def test_trials_that_never_trade_tie() -> None:
    found = cscv(np.zeros((32, 5)), 4)
    assert (found.pbo, found.loss_probability) == (0.5, 0.0)


@pytest.mark.parametrize(("shape", "blocks"), [((100, 1), 16), ((31, 5), 16), ((100, 5), 15), ((100, 5), 0)])
def test_what_cannot_be_halved_is_refused(shape: tuple[int, int], blocks: int) -> None:
    with pytest.raises(ValueError, match="cannot halve"):
        cscv(np.ones(shape), blocks)
