"""The Velocity perpetuals program, read and written in our own codec: the `Program` of this venue.

Bytes in, views out; intents in, instructions out. Nothing here sends, waits, or keeps state beyond addresses.
"""
