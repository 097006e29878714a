"""Who may ask the status server for what: a table of attacks, each refused for its own reason."""

import pytest

from drift_e3.ops.access import TRIES, TRY_EVERY_S, Access, Asked, is_loopback

TOKEN = "a-token-of-24-characters"
BEARER = f"Bearer {TOKEN}"
HALT = "/api/control/halt"


def asked(method: str = "POST", path: str = HALT, host: str = "127.0.0.1:8787", **headers: str) -> Asked:
    return Asked(method, path, host, **headers)


def local() -> Access:
    return Access(host="127.0.0.1", token=TOKEN)


def reachable(**changed: object) -> Access:
    return Access(host="0.0.0.0", token=TOKEN, **changed)  # type: ignore[arg-type]


ATTACKS = {
    "no token": (asked(), 401),
    "an empty header": (asked(authorization=""), 401),
    "an empty bearer": (asked(authorization="Bearer "), 401),
    "a wrong token": (asked(authorization="Bearer a-token-of-24-characterz"), 401),
    "a shorter token": (asked(authorization=BEARER[:-1]), 401),
    "a longer token": (asked(authorization=BEARER + "x"), 401),
    "a token in other case": (asked(authorization=f"Bearer {TOKEN.upper()}"), 401),
    "the bare token": (asked(authorization=TOKEN), 401),
    "another scheme": (asked(authorization=f"Basic {TOKEN}"), 401),
    "another case of the scheme": (asked(authorization=f"bearer {TOKEN}"), 401),
    "two tokens": (asked(authorization=f"{BEARER}, {BEARER}"), 401),
    "blanks around": (asked(authorization=f" {BEARER} "), 401),
    "a very long token": (asked(authorization="Bearer " + "x" * 8_000), 401),
    "a token that is no ASCII": (asked(authorization="Bearer töken-of-24-characters"), 401),
    "GET": (asked("GET", authorization=BEARER), 405),
    "HEAD": (asked("HEAD", authorization=BEARER), 405),
    "PUT": (asked("PUT", authorization=BEARER), 405),
    "DELETE": (asked("DELETE", authorization=BEARER), 405),
    "OPTIONS": (asked("OPTIONS", authorization=BEARER), 405),
    "TRACE": (asked("TRACE", authorization=BEARER), 405),
    "another site": (asked(authorization=BEARER, origin="http://evil.example"), 403),
    "another port of this machine": (asked(authorization=BEARER, origin="http://127.0.0.1:9999"), 403),
    "another name of this machine": (asked(authorization=BEARER, origin="http://localhost:8787"), 403),
    "an origin without a scheme": (asked(authorization=BEARER, origin="127.0.0.1:8787"), 403),
    "a null origin": (asked(authorization=BEARER, origin="null"), 403),
    "a file": (asked(authorization=BEARER, origin="file://127.0.0.1:8787"), 403),
    "a name that begins like ours": (asked(authorization=BEARER, origin="http://127.0.0.1:8787.evil"), 403),
    "a cross-site fetch": (asked(authorization=BEARER, fetch_site="cross-site"), 403),
    "a same-site fetch": (asked(authorization=BEARER, fetch_site="same-site"), 403),
    "a name made to point here": (asked(authorization=BEARER, host="evil.example:8787"), 421),
    "no host at all": (asked(authorization=BEARER, host=""), 421),
    "an address that is not ours": (asked(authorization=BEARER, host="10.1.2.3:8787"), 421),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_gets_to_act(attack: str) -> None:
    request, status = ATTACKS[attack]
    refusal = local().refuse(request, 0.0)
    assert refusal is not None
    assert refusal.status == status


@pytest.mark.parametrize("origin", ["", "http://127.0.0.1:8787"])
@pytest.mark.parametrize("site", ["", "none", "same-origin"])
def test_the_token_acts_from_the_page_and_from_a_shell(origin: str, site: str) -> None:
    assert local().refuse(asked(authorization=BEARER, origin=origin, fetch_site=site), 0.0) is None


def test_without_a_token_nobody_acts() -> None:
    refusal = Access(host="127.0.0.1").refuse(asked(authorization="Bearer "), 0.0)
    assert refusal is not None
    assert (refusal.status, "no token is set" in refusal.reason) == (403, True)


def test_wrong_tokens_are_slowed_down_and_never_lock_the_right_one_out() -> None:
    access = local()
    wrong = asked(authorization="Bearer wrong")
    statuses = [refused.status for _ in range(TRIES + 3) if (refused := access.refuse(wrong, 0.0))]
    assert statuses == [401] * TRIES + [429] * 3
    assert access.refuse(asked(authorization=BEARER), 0.0) is None
    again = access.refuse(wrong, TRY_EVERY_S)
    assert again is not None
    assert again.status == 401


def test_even_the_right_token_acts_only_so_often() -> None:
    access = local()
    right = asked(authorization=BEARER)
    refused = [access.refuse(right, 0.0) for _ in range(TRIES + 1)]
    assert [one is None for one in refused] == [True] * TRIES + [False]
    assert access.refuse(right, TRY_EVERY_S) is None


@pytest.mark.parametrize("path", ["/api/status", "/metrics", "/readyz", "/api/stream"])
def test_on_loopback_everybody_may_look_and_elsewhere_only_who_has_the_token(path: str) -> None:
    look = asked("GET", path)
    assert local().refuse(look, 0.0) is None
    away = reachable()
    refusal = away.refuse(look, 0.0)
    assert refusal is not None
    assert refusal.status == 401
    assert away.refuse(look._replace(authorization=BEARER), 0.0) is None


@pytest.mark.parametrize("path", ["/", "/healthz", "/page/page.js", "/favicon.ico"])
def test_what_holds_nothing_is_for_everybody(path: str) -> None:
    assert reachable().refuse(asked("GET", path), 0.0) is None


def test_looking_is_all_that_can_be_done_elsewhere() -> None:
    refusal = local().refuse(asked("POST", "/api/status", authorization=BEARER), 0.0)
    assert refusal is not None
    assert refusal.status == 405


def test_a_server_is_known_by_its_address_and_by_the_names_it_is_given() -> None:
    away = reachable(names=("trader.lan",))
    for host, ours in {
        "trader.lan:8787": True,
        "192.168.1.7:8787": True,
        "[fd00::1]:8787": True,
        "localhost": True,
        "[::1]:8787": True,
        "evil.example": False,
        "trader.lan.evil.example:8787": False,
    }.items():
        assert (away.refuse(asked("GET", "/", host), 0.0) is None) is ours, host


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::"])
def test_a_server_that_others_reach_needs_a_token(host: str) -> None:
    with pytest.raises(ValueError, match="a token is needed"):
        Access(host=host)


def test_a_token_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16 characters"):
        Access(host="127.0.0.1", token="hunter2")


def test_loopback_is_known_in_all_its_forms() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost")] == [True] * 4
    assert [is_loopback(host) for host in ("0.0.0.0", "10.0.0.1", "local.host", "")] == [False] * 4
