"""Days and times as people write them on the command line."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

DAY = timedelta(days=1)
NO_TIME = timedelta()

End = Annotated[str | None, typer.Option(metavar="D", help="Last day (included) or time (excluded), UTC.")]


def moment_ms(option: str, text: str | None, whole_day: timedelta) -> int | None:
    """A day or a time (UTC unless it says otherwise) in ms; to a day without a time `whole_day` is added."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        if len(text) == len("2025-05-31"):
            moment += whole_day
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no date such as 2025-05-31", param_hint=option) from None
    return int(moment.timestamp() * 1_000)
