"""Those who answer the core's questions: a local model, a record, nobody.

Each implements `ports.Advisor`: an answer, or the reason why there is none, is an event, never an exception.
What an answer means is `core.advice`'s.
"""
