"""The node's websocket: subscriptions to accounts and slots, notified once a slot.

A notification carries the account as it is at the end of the slot, not every change in between, as the real
node does for the subscriber's commitment; here all subscribers see the newest slot.
"""

from typing import Any, NamedTuple

from solders.pubkey import Pubkey

from drift_e3.drill.chain import FINALIZED_SLOTS, Chain
from drift_e3.drill.faults import Service
from drift_e3.drill.rpc_methods import account_json
from drift_e3.drill.sockets import Connection, Sockets

Json = dict[str, Any]


class _Watched(NamedTuple):
    """A subscription: to an account, or to slots (None); `last` is what was told of it."""

    number: int
    address: Pubkey | None
    last: object


class Subscriptions:
    """Everybody's subscriptions, by connection."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._given = 0
        self.sockets = Sockets(chain.faults, Service.RPC, self._hear)
        chain.after_landing.append(self._tell)

    def _hear(self, connection: Connection, call: Any) -> None:
        if not isinstance(call, dict):
            return
        answer: Json = {"jsonrpc": "2.0", "id": call.get("id")}
        try:
            answer["result"] = self._called(connection, call.get("method"), call.get("params") or [])
        except (IndexError, TypeError, ValueError) as error:
            answer["error"] = {"code": -32602, "message": f"Invalid params: {error}"}
        except KeyError:
            answer["error"] = {"code": -32601, "message": "Method not found"}
        self.sockets.push(connection, answer, content=False)

    def _called(self, connection: Connection, method: object, params: list[Any]) -> object:
        match method:
            case "accountSubscribe":
                address = Pubkey.from_string(params[0])
                return self._subscribe(connection, address, self._shown(address))
            case "slotSubscribe":
                return self._subscribe(connection, None, None)
            case "accountUnsubscribe" | "slotUnsubscribe":
                return connection.topics.pop(str(params[0]), None) is not None
            case _:
                raise KeyError(method)

    def _subscribe(self, connection: Connection, address: Pubkey | None, last: object) -> int:
        self._given += 1
        connection.topics[str(self._given)] = _Watched(self._given, address, last)
        return self._given

    def _shown(self, address: Pubkey) -> Json | None:
        return account_json(self._chain.get_account(address), {})

    def _tell(self, slot: int) -> None:
        for connection in self.sockets.connections:
            for topic, watched in tuple(connection.topics.items()):
                if watched.address is None:
                    root = slot - FINALIZED_SLOTS
                    told: Json = {"parent": slot - 1, "root": root, "slot": slot}
                    self._notify(connection, "slotNotification", watched.number, told)
                    continue
                now = self._shown(watched.address)
                if now != watched.last:
                    connection.topics[topic] = watched._replace(last=now)
                    told = {"context": {"slot": slot}, "value": now}
                    self._notify(connection, "accountNotification", watched.number, told)

    def _notify(self, connection: Connection, method: str, number: int, result: Json) -> None:
        params = {"result": result, "subscription": number}
        self.sockets.push(connection, {"jsonrpc": "2.0", "method": method, "params": params})
