"""The sections of the parties outside: model server, chain, services of the venue, key and account."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from drift_e3.config.fields import (
    Names,
    OptionalUrl,
    Section,
    UserPath,
    check_url,
    check_urls,
    number,
    said,
)


class OllamaSettings(Section):
    """The model server and how it is asked."""

    url: Annotated[str, AfterValidator(check_url)] = said(
        "http://127.0.0.1:11434", "address of the Ollama server", "an http or https address"
    )
    token: SecretStr | None = said(None, "bearer token, where a proxy before the server wants one", "text")
    models: Annotated[Names, Field(min_length=1, max_length=8)] = said(
        ("qwq", "qwen2.5", "mistral"),
        "the first is asked first, the others are its fallbacks",
        "1 to 8 model names with commas between",
    )
    deadline_ms: int = number(
        8_000, 100, 600_000, "ms", "for all models together; a later answer is not used"
    )
    num_predict: int = number(400, 16, 32_768, "tokens", "longest answer; too small a value cuts it")
    num_ctx: int = number(4_096, 512, 1_048_576, "tokens", "context length, question and answer together")
    temperature: float = number(0.2, 0, 2, "x", "0 gives the likeliest answer")
    seed: int = number(7, 0, 2**31 - 1, "count", "seed of the model's sampling")
    keep_alive: str = said(
        "30m",
        "how long the server keeps the model in memory after an answer; negative: always",
        "a duration such as 30m, 90s or -1",
        r"^-?\d{1,9}(ms|s|m|h)?$",
    )
    think: Literal["false", "true", "low", "medium", "high", "auto"] = said(
        "false",
        "let thinking models think first, or how hard: slower, and the schema may be ignored; "
        "auto: as the model likes",
    )
    structured: bool = said(True, "ask for JSON by schema; without, the guide's labelled lines do as well")
    warm_up_s: int = number(
        300, 1, 3_600, "s", "to load a model and put it one known question, before it is asked for advice"
    )
    template: str = said(
        "default-v1",
        "wording of the prompt; brief-v1: short, for small models; guide-v1: the user's own guide's",
        "brief-v1, default-v1, guide-v1, or the name of a file in template_dir, without .txt",
        r"^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$",
    )
    template_dir: UserPath | None = said(None, "folder of your own wordings, NAME.txt each")


PUBLIC_RPC = "https://api.mainnet-beta.solana.com"
"""The RPC server of Solana's mainnet that anybody may use a little."""


class RpcSettings(Section):
    """The chain's RPC servers."""

    urls: Annotated[SecretStr, AfterValidator(check_urls)] | None = said(
        None,
        f"RPC servers, the first that answers is used; none: {PUBLIC_RPC}, which limits every caller",
        "http or https addresses with commas between",
    )
    calls_per_s: float = number(5.0, 0.1, 1_000, "calls/s", "budget of each RPC server")
    timeout_s: float = number(5.0, 0.1, 120, "s", "a call takes no longer than this")

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The addresses one by one, in order of preference."""
        urls = PUBLIC_RPC if self.urls is None else self.urls.get_secret_value()
        return tuple(url.strip() for url in urls.split(","))


class DataApiSettings(Section):
    """The venue's own history and candle service."""

    url: OptionalUrl = said(
        None, "address of the data API; none: the venue's own", "an http or https address"
    )
    frame: Literal["1m", "5m", "15m", "1h"] = said("1m", "length of the candles that are traded on")
    candles: Literal["auto", "fills", "oracle"] = said(
        "auto", "prices of the candles: the venue's fills, the oracle's, or by how much is traded"
    )


class DlobSettings(Section):
    """The venue's order book service."""

    url: OptionalUrl = said(
        None, "address of the order book; none: the venue's own", "an http or https address"
    )


class KeySettings(Section):
    """The key that signs orders. Paper never reads it."""

    file: UserPath | None = said(None, "key file (JSON bytes or base58), readable by its owner alone")
    credential: str = said(
        "drift-e3-key",
        "name of the service credential or Docker secret that is used where no file is given",
        "a plain name",
        r"^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$",
    )
    allow_owner: bool = said(False, "sign with the account's owner key, which can also withdraw")


class AccountSettings(Section):
    """The account that is traded live."""

    authority: str | None = said(
        None,
        "address of the account's owner",
        "a base58 address",
        r"^[1-9A-HJ-NP-Za-km-z]{32,44}$",
    )
    sub_account: int = number(0, 0, 65_535, "count", "number of the account among the owner's")
    foreign: Literal["refuse", "adopt"] = said(
        "refuse", "what is done with a position that the daemon did not open: nothing, or guard and close it"
    )


class LiveSettings(Section):
    """Limits of live trading that no rule knows."""

    order_valid_s: int = number(20, 5, 60, "s", "the program must not place an order later than this")
    priority_fee_percentile: int = number(
        75, 0, 100, "count", "priority fee, as a percentile of what others paid lately"
    )
    priority_fee_lamports_max: int = number(
        100_000, 0, 10_000_000, "lamports", "highest priority fee of one transaction"
    )
    deployment_slot: int = number(
        0, 0, 2**53, "count", "approved deployment of the program; 0: the one found at the first live start"
    )
