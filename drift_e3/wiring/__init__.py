"""Names the adapters: the one place that knows which market, venue and advisor the settings mean."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, assert_never

from drift_e3.advisors.silent import SilentAdvisor
from drift_e3.config import ConfigError, Settings
from drift_e3.ports import Advisor
from drift_e3.venues.paper import MarketFeed, PaperMarket

if TYPE_CHECKING:
    from drift_e3.advisors.ollama import OllamaAdvisor
    from drift_e3.operating import Watcher
    from drift_e3.ops.notifier import Notifier
    from drift_e3.venues.tape.feed import TapeFeed
    from drift_e3.venues.tape.series import TapeReport


class Source(NamedTuple):
    """A market to play, and what there is to say of the files it comes from."""

    feed: MarketFeed
    reports: "Sequence[TapeReport]"


class Recording(NamedTuple):
    """A recorded market, and what there is to say of its files."""

    feed: "TapeFeed"
    reports: "Sequence[TapeReport]"


def recording(settings: Settings, start_ts: int | None = None, end_ts: int | None = None) -> Recording:
    """The tape of the settings; candles before `start_ts` (ms) only warm, `end_ts` is excluded.

    Raises `DataError` for files that cannot be trusted.
    """
    # Only where a tape is played: its reader brings a large library with it.
    from drift_e3.venues.tape.feed import TapeFeed
    from drift_e3.venues.tape.reading import read_book, read_candles, read_funding, read_ticks

    files = settings.tape
    if files.path is None:
        raise ConfigError(["tape.path: is needed for venue tape"])
    candles = read_candles(files.path)
    funding = None if files.funding is None else read_funding(files.funding)
    ticks = None if files.ticks is None else read_ticks(files.ticks)
    book = None if files.book is None else read_book(files.book)
    feed = TapeFeed(
        candles, funding, settings.instrument(), start_ts=start_ts, end_ts=end_ts, ticks=ticks, book=book
    )
    return Recording(feed, tuple(tape.report for tape in (candles, funding, ticks, book) if tape is not None))


def source(settings: Settings) -> Source:
    """The market of the settings, one that is played; `wiring.chain` makes those of the chain venues."""
    match settings.venue:
        case "synthetic":
            from drift_e3.venues.synthetic.feed import SyntheticFeed

            return Source(SyntheticFeed(seed=settings.synthetic.seed, instrument=settings.instrument()), ())
        case "tape":
            return Source(*recording(settings))
        case "drift" | "velocity":
            raise ValueError(f"{settings.venue} is live and cannot be played")
        case unknown:
            assert_never(unknown)


def oddities(reports: "Sequence[TapeReport]") -> Iterator[dict[str, object]]:
    """What is odd about files that are used all the same, as the fields of a log line each."""
    for report in reports:
        for finding in report.findings:
            yield {
                "path": report.path,
                "what": finding.anomaly.value,
                "count": finding.count,
                "first_row": finding.row,
                "note": finding.detail,
            }


def paper_market(settings: Settings, feed: MarketFeed) -> PaperMarket:
    """A feed with the simulated venue of the settings."""
    return PaperMarket(feed, settings.simulation(), settings.paper.equity_usd)


def advisor(settings: Settings) -> Advisor:
    """Who is asked for advice; the caller closes it. Raises as `model_server`."""
    return SilentAdvisor() if settings.advisor == "off" else model_server(settings)


def watchers(settings: Settings, environment: Mapping[str, str]) -> "Sequence[Watcher]":
    """Who watches the daemon: the service manager that started it, the status server.

    Raises `ConfigError` for a server that anybody could reach.
    """
    found: list[Watcher] = []
    if "NOTIFY_SOCKET" in environment:
        from drift_e3.ops.service_manager import ServiceManager

        manager = ServiceManager.called_by(environment)
        if manager is not None:
            found.append(manager)
    if settings.alerts.addresses:
        found.append(_notifier(settings.alerts.addresses))
    server = settings.server
    if server.port != 0 and settings.speed != "max":
        # Only where it serves: its library takes a while to import, and a market that is played as fast as
        # it goes is over before anybody could look.
        from drift_e3.ops.access import Access
        from drift_e3.ops.scorer import Scorer
        from drift_e3.ops.server import StatusServer

        token = "" if server.token is None else server.token.get_secret_value()
        try:
            access = Access(host=server.host, token=token, names=server.names)
        except ValueError as error:
            raise ConfigError([str(error)]) from error
        scorer = Scorer(_scoring(settings.state_dir), environment)
        found.append(StatusServer(access, server.port, settings.state_dir, scorer))
    return found


def _scoring(state_dir: Path) -> tuple[str, ...]:
    """The command that scores a journal's advice: this very program, whatever it was started by."""
    program = "from drift_e3.cli import main; main()"
    return (sys.executable, "-c", program, "advice", "score", "--state", str(state_dir), "--json", "-")


def _notifier(addresses: Sequence[str]) -> "Notifier":
    from drift_e3.ops.messengers import messengers
    from drift_e3.ops.notifier import Notifier

    try:
        return Notifier(messengers(addresses))
    except ImportError as error:
        raise ConfigError(["alerts.urls: needs apprise: pip install 'drift_e3[alerts]'"]) from error
    except ValueError as error:
        raise ConfigError([str(error)]) from error


def model_server(settings: Settings) -> "OllamaAdvisor":
    """The Ollama server of the settings; the caller closes it.

    Raises `ConfigError` for a prompt template that cannot be used.
    """
    # Only where it is asked: its HTTP client costs start-up time.
    from drift_e3.advisors.ollama import OllamaAdvisor
    from drift_e3.advisors.ollama_server import OllamaOptions
    from drift_e3.advisors.ollama_wire import open_session
    from drift_e3.advisors.prompt_templates import TemplateRefused, load_template

    model = settings.ollama
    try:
        template = load_template(model.template, model.template_dir)
    except TemplateRefused as error:
        raise ConfigError([f"ollama.template: {error}"]) from error
    token = "" if model.token is None else model.token.get_secret_value()
    return OllamaAdvisor(
        model.url,
        model.models,
        OllamaOptions(
            temperature=model.temperature,
            seed=model.seed,
            num_predict=model.num_predict,
            num_ctx=model.num_ctx,
            keep_alive=model.keep_alive,
            think={"true": True, "false": False, "auto": None}.get(model.think, model.think),
            structured=model.structured,
        ),
        template,
        session_factory=lambda: open_session(token),
        warm_up_s=model.warm_up_s,
    )
