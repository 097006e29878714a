"""The search for parameters: a plan goes in, judged trials and a winner come out.

`plan` says what is searched, `grid` which sets there are, `score` what one is worth, `evaluator` how it is
traded, `work` and `workers` who does that, `log` what survives a crash, `stages` and `driver` the order of it
all, `card`, `trials` and `page` what is written. The same plan over the same data gives the same bytes,
whoever does the work and however often it is killed.
"""
