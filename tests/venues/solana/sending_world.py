"""A world in which everything that can go wrong with a submission does.

The sender's part is the real table and the real decisions of `sending`; around them stand a chain whose last
block may be dropped, nodes that lag, a network that loses requests and answers, delivers late and twice, a
disk, and a process that may die between any two steps. A height is a slot and a second of the chain's clock.

`sending_walk` visits every state that can be reached.
"""

from collections.abc import Iterator

from drift_e3.venues.solana import sending
from drift_e3.venues.solana.sending import (
    AccountSeen,
    Failure,
    Found,
    HeightSeen,
    Moment,
    Saved,
    StatusSeen,
    TurnedDown,
)
from drift_e3.venues.solana.submission import Basis, Kind, Stage, Submission
from drift_e3.venues.solana.views import OrderSeen
from tests.venues.solana.sending_states import (
    EFFECTIVE,
    FIRST_ORDER_ID,
    Broken,
    Entry,
    Mind,
    Scenario,
    State,
    Tx,
    order_seen,
    tx_of,
    wanted_for,
)

MAKES_AN_ORDER = frozenset({"rests", "taken", "moved"})


class World:
    """The successors of a state, and what must hold in each."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.tasks = scenario.tasks
        self.rules = scenario.rules
        # Later nothing is signed, so that its time is over, for everybody to see, before the world ends.
        self.signs_until = scenario.heights - scenario.valid_blocks - 2

    def first(self) -> State:
        nothing: Mind = (None,) * len(self.tasks)
        return State(1, frozenset(), (), 0, nothing, nothing, (0,) * len(self.tasks))

    # -- the chain -------------------------------------------------------------------------------------------

    def next_order_id(self, state: State, height: int) -> int:
        placed = [entry for entry in state.chain if entry.height <= height and entry.effect in MAKES_AN_ORDER]
        return FIRST_ORDER_ID + len(placed) + (0 < state.foreign <= height)

    def orders(self, state: State, height: int) -> tuple[OrderSeen, ...]:
        """Open orders in the account; an order's number counts those before it."""
        made = [(0, number, FIRST_ORDER_ID - 1) for number in self.scenario.held]
        for at, entry in enumerate(state.chain, start=1):
            if entry.height <= height and entry.effect in {"rests", "moved"}:
                order_id = self.next_order_id(state, entry.height) - 1
                made.append((at, self.tasks[entry.tx.task].user_order_id, order_id))
        return tuple(
            order_seen(order_id, number)
            for at, number, order_id in made
            if not any(
                entry.effect in {"done", "moved"}
                and entry.height <= height
                and self.tasks[entry.tx.task].user_order_id == number
                for entry in state.chain[at:]
            )
        )

    def account(self, state: State, height: int) -> AccountSeen:
        return AccountSeen(
            height, height * 1_000, self.next_order_id(state, height), self.orders(state, height)
        )

    def effects(self, state: State, tx: Tx) -> tuple[str, ...]:
        task = self.tasks[tx.task]
        if task.kind is Kind.CANCEL:
            return ("done", "failed")
        if task.kind is Kind.MODIFY:
            there = any(order.user_order_id == task.user_order_id for order in self.orders(state, state.head))
            return ("moved", "failed") if there else ("failed",)
        if task.max_ts and state.head > task.max_ts:
            return ("void", "failed")
        return ("rests", "failed") if not task.max_ts else ("rests", "taken", "failed")

    def can_still_act(self, state: State, tx: Tx) -> bool:
        task = self.tasks[tx.task]
        if state.head > tx.last_valid or (task.max_ts and state.head > task.max_ts):
            return False
        return all(entry.tx != tx for entry in state.chain)

    # -- what may happen -------------------------------------------------------------------------------------

    def after(self, state: State) -> Iterator[State]:
        yield from self._nature(state)
        if state.mind is None:
            yield self._restart(state)
            return
        yield state._replace(mind=None)
        for height in self._confirmed(state):
            yield self._told(state, self.account(state, height))
        for task in range(len(self.tasks)):
            yield from self._steps(state, task)

    def _nature(self, state: State) -> Iterator[State]:
        if state.head < self.scenario.heights:
            yield state._replace(head=state.head + 1)
        if any(entry.height == state.head for entry in state.chain):
            yield state._replace(chain=tuple(entry for entry in state.chain if entry.height < state.head))
        if self.scenario.foreign and not state.foreign:
            yield state._replace(foreign=state.head)
        for tx in state.net:
            if state.head <= tx.last_valid and all(entry.tx != tx for entry in state.chain):
                for effect in self.effects(state, tx):
                    yield state._replace(chain=(*state.chain, Entry(tx, state.head, effect)))

    def _nodes(self, state: State) -> range:
        """The heights that a node which is asked may have come to."""
        return range(max(state.head - self.scenario.lag, 1), state.head + 1)

    def _confirmed(self, state: State) -> range:
        nodes = self._nodes(state)
        return range(max(nodes.start - 1, 0), nodes.stop - 1)

    def _restart(self, state: State) -> State:
        woken = tuple(
            sending.advance(row, Moment.RESTARTED, self.rules)
            if row and row.stage not in sending.DONE
            else row
            for row in state.disk
        )
        disk = tuple(
            new if new and new.stage in sending.DONE else row
            for new, row in zip(woken, state.disk, strict=True)
        )
        return state._replace(mind=woken, disk=disk)

    def _told(self, state: State, seen: AccountSeen) -> State:
        assert state.mind is not None
        for task, known in enumerate(state.mind):
            if known:
                state = self._learns(state, task, seen)
        return state

    def _learns(self, state: State, task: int, seen: sending.Observation) -> State:
        """What the process and its disk know after an observation; the end is written down at once."""
        assert state.mind is not None
        before = state.mind[task]
        assert before
        new = sending.advance(before, seen, self.rules)
        if new.stage in sending.DONE:
            # Nothing reads the rest any more; without it there are far fewer states to tell apart.
            new = Submission(new.wanted, new.stage, slot=new.slot)
        mind = (*state.mind[:task], new, *state.mind[task + 1 :])
        store = isinstance(seen, Saved) or new.stage in sending.DONE
        disk = (*state.disk[:task], new, *state.disk[task + 1 :]) if store else state.disk
        return state._replace(mind=mind, disk=disk)

    def _steps(self, state: State, task: int) -> Iterator[State]:
        assert state.mind is not None
        known = state.mind[task]
        if known is None:
            yield from self._begin(state, task)
        elif known.stage is Stage.INTENDED:
            yield self._learns(state, task, TurnedDown(6003, "InsufficientCollateral"))
            for height in self._confirmed(state):
                if height <= self.signs_until:
                    yield self._sign(state, task, height)
        elif known.stage is Stage.LEAVING:
            yield self._learns(state, task, Moment.OUT)
            if tx_of(known) not in state.net:
                yield self._learns(state, task, Moment.KEPT)
                yield self._learns(state, task, TurnedDown(None, "BlockhashNotFound"))
        elif known.stage not in sending.DONE:
            # Not due is less of the same. Our own clock may be anywhere.
            for late in (True, False) if self.tasks[task].max_ts else (False,):
                yield from self._carry_out(state, task, self._plan(state, task, late=late))

    def _begin(self, state: State, task: int) -> Iterator[State]:
        assert state.mind is not None
        if state.head - 1 > self.signs_until:
            return
        undecided = [known for known in state.mind if known and known.stage not in sending.DONE]
        landed = max((known.slot for known in state.mind if known and known.stage is Stage.LANDED), default=0)
        for height in self._confirmed(state):
            account = self.account(state, height)
            what = self.tasks[task]
            if what.kind is Kind.PLACE and what.user_order_id in {
                one.user_order_id for one in account.orders
            }:
                continue  # a new order is given a number that no open order has
            wanted = wanted_for(task, what, Basis(height, account.next_order_id))
            if sending.blocked(wanted, undecided, landed) is None:
                self._check_begin(state, task, height)
                submission = Submission(wanted)
                mind = (*state.mind[:task], submission, *state.mind[task + 1 :])
                disk = (*state.disk[:task], submission, *state.disk[task + 1 :])
                yield state._replace(mind=mind, disk=disk)

    def _sign(self, state: State, task: int, height: int) -> State:
        version = state.signed[task] + 1
        tx = Tx(task, version, height + self.scenario.valid_blocks)
        saved = Saved(f"signature {task} {version}", bytes(tx), tx.last_valid, height)
        signed = (*state.signed[:task], version, *state.signed[task + 1 :])
        return self._learns(state, task, saved)._replace(signed=signed)

    def _plan(self, state: State, task: int, *, late: bool) -> sending.Plan:
        assert state.mind is not None
        known = state.mind[task]
        assert known
        others = (other for other in state.mind if other and other is not known)
        alone = all(other.stage in sending.DONE for other in others)
        return sending.plan(known, self.rules, due=True, late=late, alone=alone)

    def _carry_out(self, state: State, task: int, todo: sending.Plan) -> Iterator[State]:
        """Each part of the plan, and none, in any order: more than the sender ever does."""
        assert state.mind is not None
        known = state.mind[task]
        assert known
        if todo.give_up:
            yield self._learns(state, task, TurnedDown(None, todo.give_up))
        if todo.send:
            self._check_send(state, task)
            sent = self._learns(state, task, Moment.SENDING)
            delivered = sent._replace(net=sent.net | {tx_of(known)})
            if known.stage is Stage.SIGNED:
                yield from (sent, delivered)
            else:
                yield self._learns(delivered, task, Moment.OUT)
                yield self._learns(sent, task, Moment.KEPT)
                yield self._learns(sent, task, TurnedDown(None, "AlreadyProcessed"))
        if todo.ask_status or todo.ask_height:
            yield self._learns(state, task, Moment.SILENCE)
        for node in self._nodes(state):
            if todo.ask_status:
                yield self._learns(state, task, self.status(state, known, node, history=todo.history))
            if todo.ask_height:
                yield self._learns(state, task, HeightSeen(node - 1, node - 1))

    def status(self, state: State, known: Submission, node: int, *, history: bool) -> StatusSeen:
        found = None
        memory = self.scenario.memory if history else self.scenario.memory_at_hand
        for entry in state.chain:
            if entry.tx == tx_of(known) and 0 <= node - entry.height <= memory:
                failure = Failure(6001, "Slipped") if entry.effect == "failed" else None
                found = Found(entry.height, entry.height < node, failure)
        return StatusSeen(node, history, found)

    # -- what must hold --------------------------------------------------------------------------------------

    def _check_begin(self, state: State, task: int, height: int) -> None:
        """An intent that adds exposure begins with nothing in flight and with all that landed in sight; a
        cancel begins when no earlier transaction could do its work in its stead; and nothing begins with a
        number whose order may yet be given other terms, save what takes that order back."""
        for tx in state.net:
            other, mine = self.tasks[tx.task], self.tasks[task]
            alive = self.can_still_act(state, tx)
            if mine.adds_exposure and alive:
                raise Broken(f"task {task} begins while task {tx.task} may still land")
            same = other.user_order_id == mine.user_order_id
            if alive and same and other.kind is Kind.CANCEL and tx.task != task:
                raise Broken(f"task {task} begins while the cancel {tx.task} may still land")
            if alive and same and Kind.MODIFY in {mine.kind, other.kind} and mine.kind is not Kind.CANCEL:
                raise Broken(f"task {task} begins while task {tx.task} may still change the order")
        for entry in state.chain:
            unseen = entry.height > height and entry.effect in EFFECTIVE
            if self.tasks[task].adds_exposure and unseen:
                raise Broken(f"task {task} begins without knowing of {entry}")

    def _check_send(self, state: State, task: int) -> None:
        assert state.mind is not None
        if self.tasks[task].adds_exposure:
            mine = state.mind[task]
            if mine is None or mine.stage is Stage.UNKNOWN:
                raise Broken(f"task {task} is sent again after nobody watched")
            for other, known in enumerate(state.mind):
                if other != task and known and known.stage not in sending.DONE:
                    raise Broken(f"task {task} is sent while task {other} is undecided")

    def check(self, state: State) -> None:
        """What must hold in every state. A verdict once true stays true, because every later state is held
        against it too."""
        for task, wanted in enumerate(self.tasks):
            out = {tx for tx in state.net if tx.task == task}
            if len(out) > 1 or state.signed[task] > 1:
                raise Broken(f"task {task} ({wanted.kind.label}) was signed {state.signed[task]} times")
        for known in (*state.disk, *(state.mind or ())):
            if known:
                self._check_verdict(state, known)

    def _check_verdict(self, state: State, known: Submission) -> None:
        task = int(known.wanted.intent_id)
        effects = [entry.effect for entry in state.chain if entry.tx.task == task]
        match known.stage:
            case Stage.LANDED:
                allowed = effects in (["rests"], ["taken"], ["moved"], ["void"], ["done"])
            case Stage.FAILED:
                allowed = effects == ["failed"]
            case Stage.LAPSED:
                allowed = effects in ([], ["void"], ["failed"])
            case Stage.EXPIRED | Stage.REFUSED:
                allowed = effects == []
            case Stage.FORGOTTEN:
                allowed = not any(self.can_still_act(state, tx) for tx in state.net if tx.task == task)
            case _:
                allowed = True
        if not allowed:
            raise Broken(f"task {task} is reported {known.stage.label}, on chain it is {effects}")

    # -- the end ---------------------------------------------------------------------------------------------

    def settled(self, state: State) -> bool:
        return state.mind is not None and all(
            known is None or known.stage in sending.DONE for known in state.mind
        )

    def calm(self, state: State) -> State:
        """The next state of a world in which nothing goes wrong any more, and nothing that is on its way
        arrives either."""
        if state.mind is None:
            return self._restart(state)
        for task, known in enumerate(state.mind):
            if known is None or known.stage in sending.DONE:
                continue
            after = self._calm_step(state, task, known)
            if after != state:
                return after
        if state.head == self.scenario.heights:
            raise Broken(f"nothing leads on from {state}")
        return state._replace(head=state.head + 1)

    def _calm_step(self, state: State, task: int, known: Submission) -> State:
        if known.stage is Stage.INTENDED:
            return self._sign(state, task, min(state.head - 1, self.signs_until))
        if known.stage is Stage.LEAVING:
            return self._learns(state, task, Moment.OUT)
        max_ts = self.tasks[task].max_ts
        todo = self._plan(state, task, late=bool(max_ts) and state.head > max_ts)
        if todo.give_up:
            return self._learns(state, task, TurnedDown(None, todo.give_up))
        if todo.send and known.stage is Stage.SIGNED:
            return self._learns(state, task, Moment.SENDING)
        after = state
        if todo.ask_status:
            seen = self.status(state, known, state.head, history=todo.history)
            after = self._learns(after, task, seen)
        if todo.ask_height:
            after = self._learns(after, task, HeightSeen(state.head - 1, state.head - 1))
        return after
