"""The oracle's price read from the chain, for who trades on paper."""

from drift_e3.core.events import OracleTick
from drift_e3.ports import Clock, Put
from drift_e3.status import ServerStatus
from drift_e3.venues.solana.lookout import Lookout
from drift_e3.venues.solana.views import ChainView


class OracleSource:
    """Brings each price that the oracle publishes, as seen by an opened lookout without an account."""

    def __init__(self, lookout: Lookout, clock: Clock) -> None:
        self._lookout = lookout
        self._clock = clock

    def servers(self) -> tuple[ServerStatus, ...]:
        """The RPC servers that the price is read through."""
        return self._lookout.servers()

    async def run(self, put: Put) -> None:
        """Bring prices until cancelled."""
        told_ts = 0
        async for seen in self._lookout.views():
            if isinstance(seen, ChainView) and seen.oracle.publish_ts > told_ts:
                told_ts = seen.oracle.publish_ts
                await put(
                    [
                        OracleTick(
                            seen_ts=self._clock.now_ms(),
                            publish_ts=told_ts,
                            price_usd=seen.oracle.price_usd,
                        )
                    ]
                )
