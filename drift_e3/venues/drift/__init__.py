"""The Drift v2 perpetuals program, read and written through driftpy: the `Program` of this venue.

Bytes in, views out; tickets in, instructions out. Nothing here sends, waits, or keeps state beyond addresses.
Importing any module but this one and `liveness` costs what driftpy costs: seconds and some 90 MB.
"""
