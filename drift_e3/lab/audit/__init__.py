"""The safety envelope over a journal: was it kept, by books apart from the trader's.

`auditing` reads the journal and is where to begin. Nothing here runs the trader, decides or changes anything.
"""
