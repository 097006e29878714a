"""Checks of the RPC servers: whether they answer, how far apart they are, of which cluster. Pure."""

from collections.abc import Sequence
from typing import Final

from drift_e3.venues.solana.rpc import EndpointHealth
from drift_e3.wiring.doctor.report import Check, failed, passed, warned

LAG_SLOTS_MAX: Final = 25
"""Ten seconds; the oracle's price of a server that is further behind is too old to enter on."""
CLUSTERS: Final = {
    "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d": "mainnet",
    "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG": "devnet",
    "4uhcVJyU9pJkvQyUS88uRDiswHXSCkY3zQawwpjtsNAn": "testnet",
}
"""The clusters by their genesis hash."""
URLS: Final = "DRIFT_E3_RPC__URLS"
REMEDIES: Final = {
    "rate_limited": f"name a server of your own in {URLS}, or ask less by DRIFT_E3_RPC__CALLS_PER_S",
    "over_budget": "allow more calls by DRIFT_E3_RPC__CALLS_PER_S",
    "unreachable": f"see whether the address in {URLS} is right and the network lets you out",
    "timeout": f"name a nearer or faster server in {URLS}, or wait longer by DRIFT_E3_RPC__TIMEOUT_S",
    "http_error": f"see whether the address in {URLS} is right, its access key included",
    "bad_body": f"see whether the address in {URLS} is that of a Solana RPC server",
    "bad_result": f"see whether the address in {URLS} is that of a Solana RPC server",
    "behind": f"wait until the server has caught up, or name another in {URLS}",
}
"""What to do, by the fault with which a server's problem begins."""


def rpc(servers: Sequence[EndpointHealth]) -> Check:
    """Whether there is a server that answers; a warning while others do not."""
    detail = "; ".join(map(_told, servers))
    sick = [server for server in servers if server.problem]
    if not sick:
        return passed("rpc", detail)
    if len(sick) == len(servers):
        return failed("rpc", detail, rpc_remedy(sick[0].problem))
    return warned("rpc", detail, rpc_remedy(sick[0].problem))


def rpc_remedy(problem: str) -> str:
    """What to do about a server's problem, which begins with its fault."""
    another = f"wait until the server is well, or name another in {URLS}"
    return REMEDIES.get(problem.partition(":")[0], another)


def lag(servers: Sequence[EndpointHealth]) -> Check:
    """How far the servers are apart."""
    slots = {server.host: server.slot for server in servers if server.slot >= 0}
    if len(slots) < 2:
        return passed("rpc_lag", "one server answers: there is nothing to compare")
    newest = max(slots.values())
    late = [f"{host} is {newest - slot} slots behind" for host, slot in slots.items() if slot < newest]
    if newest - min(slots.values()) <= LAG_SLOTS_MAX:
        return passed("rpc_lag", "; ".join(late) or "the servers are at the same slot")
    return warned("rpc_lag", "; ".join(late), f"leave out of {URLS} what stays behind, or name it last")


def cluster(servers: Sequence[EndpointHealth]) -> Check:
    """Whether all servers are of the same cluster, and of which."""
    hashes = list(dict.fromkeys(server.genesis for server in servers if server.genesis))
    names = [CLUSTERS.get(genesis, f"an unknown cluster ({genesis})") for genesis in hashes]
    if len(hashes) > 1:
        told = " and ".join(names)
        return failed("cluster", f"the servers are of {told}", f"name servers of one cluster in {URLS}")
    if not hashes:
        return warned("cluster", "no server says which cluster it is of", f"see whether {URLS} is right")
    if names[0] == "mainnet":
        return passed("cluster", "mainnet")
    remedy = f"nothing to do if a test is what you want; else name mainnet's servers in {URLS}"
    return warned("cluster", f"this is not mainnet but {names[0]}", remedy)


def history(servers: Sequence[EndpointHealth]) -> Check:
    """Whether a server can be asked for the fate of transactions that are older than a minute: an order whose
    answer was lost waits for that."""
    asked = [server for server in servers if not server.problem]
    without = [server for server in asked if server.forgets]
    if not without:
        return passed("rpc_history", "the fate of an old transaction can be asked for")
    detail = "; ".join(f"no history of transactions: {server.forgets}" for server in without)
    if len(without) < len(asked):
        return warned("rpc_history", detail, f"leave such servers out of {URLS}, or name them last")
    return failed("rpc_history", detail, f"name a server that keeps transaction history in {URLS}")


def _told(server: EndpointHealth) -> str:
    if server.slot < 0:
        # It names the server.
        return server.problem
    told = f"{server.host}: slot {server.slot} in {server.latency_ms:.0f} ms"
    return f"{told}, {server.problem}" if server.problem else told
