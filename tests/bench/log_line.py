"""What a line of the log costs the loop, beside the standard library's way."""

import json
import logging
from io import StringIO
from itertools import repeat
from time import perf_counter
from typing import Any, Final

import structlog

from drift_e3.logs import configure
from tests.bench.measuring import Figure, Scale, alternate, ratios

FIELDS: Final[dict[str, Any]] = {
    "order_id": "1736121660000-entry",
    "fill_id": "1736121660000-entry-1",
    "side": "buy",
    "size_base": 1.25,
    "price_usd": 151.2345,
    "slippage_bps": 1.75,
    "fee_usd": 0.189043,
    "liquidity": "taker",
    "reason": "entry",
}


def measure(scale: Scale) -> list[Figure]:
    """Microseconds of a line with nine fields: ours is redacted, stamped and encoded."""
    lines = 10 * scale.samples
    times = alternate(scale.rounds, [lambda: _ours(lines), lambda: _standard(lines)])
    return [
        Figure(
            measure="log",
            name="line of the log, JSON",
            unit="us",
            values=times["ours_us"],
            peer="logging with json.dumps",
            ratios=ratios(times["ours_us"], times["standard_us"]),
        )
    ]


def _ours(lines: int) -> dict[str, float]:
    configure("json", "info", StringIO())
    log = structlog.get_logger()
    try:
        began = perf_counter()
        for _ in repeat(None, lines):
            log.info("order.filled", ts=1_736_121_660_000, **FIELDS)
        return {"ours_us": (perf_counter() - began) / lines * 1e6}
    finally:
        structlog.reset_defaults()


def _standard(lines: int) -> dict[str, float]:
    logger = logging.getLogger("tests.bench")
    handler = logging.StreamHandler(StringIO())
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    began = perf_counter()
    for _ in repeat(None, lines):
        logger.info("%s", json.dumps({"event": "order.filled", **FIELDS}))
    taken_s = perf_counter() - began
    logger.removeHandler(handler)
    return {"standard_us": taken_s / lines * 1e6}
