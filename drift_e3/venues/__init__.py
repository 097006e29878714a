"""The parties that take orders, and the stand-ins for them: fill model, synthetic market, tape, chain venues.

Adapters live here, each behind a port; nothing here decides what to trade.
"""
