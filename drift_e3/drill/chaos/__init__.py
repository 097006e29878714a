"""A seeded time of trouble for a real daemon, and the books that are held against it afterwards.

`acts` is what can go wrong, `schedule` when it does, `service` keeps the daemon running as a service manager
would, `stage` carries the schedule out, `watch` looks on, `checks` compares, `card` tells.
"""
