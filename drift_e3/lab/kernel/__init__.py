"""The full strategy over candle tapes, compiled: bit for bit what `lab.backtest` makes of the same tape.

What a rule says is said once, in the core and in `venues.sim`: features, regimes, signals, levels, blending,
sizing, review, fill prices and margins here are the very functions that the daemon calls, compiled by numba.
Written a second time is only the order in which trader and simulated venue call them on a candle tape, in
`venue`, `desk`, `guarding`, `entering` and `playing`; `tests/lab/kernel` compares every decision, fill, trade
and dollar with those of the backtest. What is refused there and in `running` is for the backtest alone.

`preparing.prepare` and `running.run` are the way in. To import them is to import numba, which no daemon does.
"""
