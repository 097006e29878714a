"""Tapes as files: `loading` opens what other programs write, `survey` lists all that is wrong with a file,
`coverage` says what it covers, `resample` makes longer candles, `writing` writes them.

The rules themselves are `venues.tape`'s: what passes here is what a backtest takes.
"""
