"""Score cards of an advisor, made by the lab's own scores over answers made by hand."""

import msgspec

from drift_e3.lab.scoring_horizon import score_horizon
from tests.lab.scored_answers import an_answer_of
from tests.live.tapes import HOUR


def a_card(answers: int) -> bytes:
    """The lab's own card, as far as it is read, over answers of which four in five come true."""
    said = [an_answer_of(1, 0.6, -0.01 if n % 5 == 0 else 0.01, number=n) for n in range(answers)]
    horizon = score_horizon(said, "1h", HOUR, 1, 0.002)
    return msgspec.json.encode(
        {"symbol": "X", "questions": answers, "outcomes": {"advice": answers}, "horizons": [horizon]}
    )
