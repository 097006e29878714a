"""Local stand-ins for all that the daemon meets outside: chain, data API, order book, and their faults.

The tests and `drift-e3 chaos` use it, the daemon never. Everything listens on the loopback only. Nothing here
imitates more than the documented behaviour of the real party, and what is imitated says so.
"""
