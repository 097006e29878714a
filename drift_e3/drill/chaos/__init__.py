"""A seeded time of trouble for a real daemon, and the books that are held against it afterwards.

`acts` and `table` are what can go wrong, `schedule` when it does, `service` keeps the daemon running as a
service manager would, `troubles` carries the schedule out, `watch` looks on, `checks` compares, `card` tells.
"""
