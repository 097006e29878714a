"""The sections of those who watch the daemon: the status server and the messengers."""

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
