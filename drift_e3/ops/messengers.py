"""The messengers that notices go out by: apprise knows a hundred of them by their addresses.

Addresses hold tokens and are never shown, not even those that are refused.
"""

import logging
from collections.abc import Sequence

from drift_e3.ops.notifier import Send


def messengers(addresses: Sequence[str]) -> Send:
    """Sends to all of these.

    Raises ValueError for an address that names no messenger, ImportError where the library is not installed.
    """
    from apprise import Apprise, AppriseAsset

    # It logs addresses, with their tokens.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    everybody = Apprise(asset=AppriseAsset(app_id="drift_e3", async_mode=True))
    for number, address in enumerate(addresses, 1):
        if not everybody.add(address):
            raise ValueError(f"alerts.urls: address {number} names no messenger that is known")

    async def send(title: str, body: str) -> bool:
        return bool(await everybody.async_notify(title=title, body=body))

    return send
