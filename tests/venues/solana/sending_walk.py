"""The walk through all states of a world: each is held against what must hold, and each comes to an end."""

from collections import deque
from typing import NamedTuple

from drift_e3.venues.solana.submission import Stage
from tests.venues.solana.sending_states import Broken, Scenario, State
from tests.venues.solana.sending_world import World


class Walked(NamedTuple):
    """What a walk has seen: states, transitions between them, and in how many states each stage stood."""

    states: int
    transitions: int
    stages: dict[Stage, int]


def explore(scenario: Scenario, states_max: int = 2_000_000) -> Walked:
    """Visit every state breadth first; raises `Broken` with the first that is not as it must be."""
    world = World(scenario)
    first = world.first()
    seen, queue = {first}, deque([first])
    transitions = 0
    stages = dict.fromkeys(Stage, 0)
    while queue:
        state = queue.popleft()
        world.check(state)
        for known in state.mind or ():
            if known:
                stages[known.stage] += 1
        for after in world.after(state):
            transitions += 1
            if after not in seen:
                seen.add(after)
                queue.append(after)
        assert len(seen) <= states_max, "the scenario is too large"
    ended: set[State] = set()
    for begin in seen:
        state, path = begin, set[State]()
        while state not in ended and not world.settled(state):
            path.add(state)
            state = world.calm(state)
            if state in path:
                raise Broken(f"no end from {begin}")
        ended |= path
    return Walked(len(seen), transitions, stages)
