"""The venues' off-chain services: candles, funding, open interest, order book, trades; live and as history.

Drift and Velocity speak the same shapes. `records` says what they tell; `shapes`, `answers` and `frames`
decode it; `client` asks over HTTP, `stream` keeps websockets alive, `candles` decides which candles are
closed, `feed` joins all of it into core events, `recorder` and `download` write tapes. Nothing here trades,
and no money is decided on it: the account's truth is on the chain.
"""
