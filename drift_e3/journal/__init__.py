"""The journal: every event and what the trader made of it, in one append-only file per state directory.

Here live its format, its one writer, its readers, exported records and the replay. Nothing here decides,
trades or knows a venue; and nothing outside knows that the journal is SQLite.
"""
