"""A run told to people: `summary` makes the numbers, `card` says what they were made from, `page` draws them.

The same for a backtest and for what was really traded; all of it follows from a `History`, so that the same
run gives the same bytes. `decimate` and `figures` serve the page; `benchmark` is what doing nothing clever
would have given.
"""
