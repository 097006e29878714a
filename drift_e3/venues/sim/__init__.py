"""A simulated perpetuals venue with its own account: the one fill model of paper trading and backtest.

Pure and deterministic: the same steps and commands give the same events. Where the recorded market does not
say what would have happened, the model takes the answer that is worse for us.
"""
