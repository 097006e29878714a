"""The journal: every event and what the trader made of it, append-only, in one state directory.

A live file (`journal.db`) with the newest part, and finished segments (`journal/`) with what came before it.
Here live their format, the one writer with its rotations, the readers, exported records, backups and the
replay. Nothing here decides, trades or knows a venue; and nothing outside knows that the journal is SQLite.
"""
