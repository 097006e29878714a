"""The decision core: pure, deterministic, without input or output.

What lives here thinks. It imports only the standard library's arithmetic, reads no clock, draws no random
number and logs nothing: *now* is the `seen_ts` of the event in hand. Imports follow the data.
"""
