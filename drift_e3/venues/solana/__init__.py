"""What both chain venues share: reading the chain, sending at most once, keys, the account told as events.

`views` and `accounting` are free of chain libraries; `program` is what Drift and Velocity each implement.
"""
