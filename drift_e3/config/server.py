"""The sections of what goes with trading: how the journal is kept, the status server, the messengers."""

from pydantic import SecretStr

from drift_e3.config.fields import Names, Section, number, said


class ServerSettings(Section):
    """The status server: page, API, metrics and health."""

    host: str = said(
        "127.0.0.1",
        "where it listens; any but this machine's own loopback needs a token",
        "an IP address or localhost",
        r"^(localhost|[0-9.]{7,15}|[0-9A-Fa-f:.]{2,45})$",
    )
    port: int = number(8_787, 0, 65_535, "count", "its port; 0: no status server")
    token: SecretStr | None = said(
        None, "who has it may halt, resume, flatten and reduce; none: nobody may", "16 or more characters"
    )
    names: Names = said(
        (), "further host names under which it is reached, for example behind a proxy", "names with commas"
    )


class JournalSettings(Section):
    """How the journal is kept."""

    rotate_mb: float = number(
        64.0,
        0,
        1e6,
        "MB",
        "at the first snapshot (each UTC day, each 100,000 events) at which the journal's live file holds "
        "more, what it holds becomes a segment in the folder journal; 0: never",
    )
    keep_days: int = number(
        0, 0, 36_500, "days", "segments older than this are deleted, the oldest first; 0: all are kept"
    )
    backup_first: bool = said(True, "delete no segment that the last `drift-e3 backup` does not hold")


class AlertSettings(Section):
    """Messages to a person: positions, halts, divergence, stale feeds, the day in short."""

    urls: SecretStr | None = said(
        None,
        "messengers as apprise writes them, for example tgram://token/chat; none: nobody is told",
        "addresses with commas between",
    )

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses one by one."""
        urls = "" if self.urls is None else self.urls.get_secret_value()
        return tuple(url.strip() for url in urls.split(",") if url.strip())
