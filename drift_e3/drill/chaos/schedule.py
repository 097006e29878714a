"""When what goes wrong: a pure function of the seed.

Two lanes run side by side, so that troubles meet: one in the daemon's surroundings, one in its own process,
disk and clock. In each lane every group comes up in turn, in an order of the seed's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from drift_e3.drill.chaos.acts import Act, Group
from drift_e3.drill.chaos.table import ACTS

AROUND: Final = (Group.FEED, Group.RPC, Group.SENDING, Group.VENUE, Group.PRICE, Group.MODEL)
WITHIN: Final = (Group.PROCESS, Group.CLOCK, Group.DISK, Group.PROCESS)
GAP_AROUND_S: Final = (2.0, 12.0)
GAP_WITHIN_S: Final = (12.0, 40.0)
"""Between two strikes of a lane (s of the market)."""
S_PER_MINUTE: Final = 60.0
CLOSE_SHARE: Final = 0.5
"""So many strikes begin around the close of a candle, when orders are on their way."""
CLOSE_S: Final = (-3.0, 4.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """One act at its time: `begins_s` after the beginning (s of the market), for `seconds`."""

    begins_s: float
    seconds: float
    act: Act
    strength: float | None

    @property
    def ends_s(self) -> float:
        return self.begins_s + self.seconds


def schedule(seed: int, minutes: float) -> tuple[Strike, ...]:
    """All strikes of a run, in the order in which they begin; the last one is over at the end."""
    ends_s = minutes * S_PER_MINUTE
    strikes = [
        *_lane(Random(f"{seed}/around"), AROUND, GAP_AROUND_S, ends_s),  # noqa: S311  (a drill, not a secret)
        *_lane(Random(f"{seed}/within"), WITHIN, GAP_WITHIN_S, ends_s),  # noqa: S311  (the same)
    ]
    return tuple(sorted(strikes, key=lambda strike: (strike.begins_s, strike.act.name)))


def plan(seed: int, length: int = 60) -> tuple[int, ...]:
    """Where the market goes, minute by minute: always somewhere, so that there is something to trade."""
    dice = Random(f"{seed}/market")  # noqa: S311  (a drill, not a secret)
    return tuple(dice.choices((1, -1), k=length))


def _lane(
    dice: Random, groups: tuple[Group, ...], gap_s: tuple[float, float], ends_s: float
) -> Iterator[Strike]:
    """Strikes one after the other, never two at a time."""
    free_s = 0.0
    for act in _deal(dice, groups):
        begins_s = round(_near_a_close(dice, free_s + dice.uniform(*gap_s), free_s), 1)
        seconds = round(dice.uniform(*act.seconds), 1)
        strength = None if act.strength is None else dice.uniform(*act.strength)
        free_s = begins_s + seconds
        if free_s > ends_s:
            return
        yield Strike(
            begins_s=begins_s,
            seconds=seconds,
            act=act,
            strength=None if strength is None else round(strength, 4),
        )


def _deal(dice: Random, groups: tuple[Group, ...]) -> Iterator[Act]:
    """Acts without end, a group after the other, no act twice before all of its group have been."""
    decks: dict[Group, list[Act]] = {group: [] for group in groups}
    while True:
        for group in dice.sample(groups, len(groups)):
            if not decks[group]:
                acts = [act for act in ACTS if act.group is group]
                decks[group] = dice.sample(acts, len(acts))
            yield decks[group].pop()


def _near_a_close(dice: Random, begins_s: float, not_before_s: float) -> float:
    """Some strikes are moved to the next close of a candle that is near; minutes are the market's."""
    close_s = round(begins_s / S_PER_MINUTE) * S_PER_MINUTE
    moved_s = close_s + dice.uniform(*CLOSE_S)
    near = abs(close_s - begins_s) < S_PER_MINUTE / 4
    wanted = dice.random() < CLOSE_SHARE
    return moved_s if wanted and near and moved_s > not_before_s else begins_s
