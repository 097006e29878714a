"""drift_e3: a trading daemon for perpetual futures on Drift and Velocity, paper by default.

Events go in, commands come out, through one pure object (`core.trader.Trader`); everything that waits
for somebody outside lives around it.
"""

__version__ = "0.1.0"
