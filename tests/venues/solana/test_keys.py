"""Keys: where they are found, which are refused, and that nothing ever shows a secret."""

import copy
import dataclasses
import json
import os
import pickle
import pprint
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import msgspec
import pytest
import structlog
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from drift_e3 import logs
from drift_e3.logs import redact_value
from drift_e3.venues.solana.keys import (
    KeyKind,
    KeyRefused,
    KeySource,
    Role,
    Signer,
    check_role,
    key_sources,
    load_signer,
)
from tests.venues.solana.planting import everything_logged, forms, shown

PLANTED = Keypair.from_seed(bytes(range(7, 39)))
SECRET = bytes(PLANTED)
WRITTEN = [*forms(SECRET), *forms(SECRET[:32]), str(PLANTED), str(PLANTED)[:40]]
OWNER, DELEGATE = str(Pubkey(b"o" * 32)), str(PLANTED.pubkey())


def secrets_in(text: str) -> list[str]:
    return [form for form in WRITTEN if form in text]


def key_file(folder: Path, content: str | bytes | None = None, mode: int = 0o400) -> Path:
    path = folder / "key.json"
    text = json.dumps(list(SECRET)) if content is None else content
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def refusal(*sources: KeySource) -> str:
    with pytest.raises(KeyRefused) as caught:
        load_signer(*sources)
    assert secrets_in(shown(caught.value)) == []
    return str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(list(SECRET)),
        json.dumps(list(SECRET), indent=1) + "\n",
        str(PLANTED),
        f"  {PLANTED}\n",
    ],
    ids=["JSON", "JSON over lines", "base58", "base58 with space"],
)
def test_a_key_is_read_as_wallets_write_it(content: str, tmp_path: Path) -> None:
    signer = load_signer(KeySource(key_file(tmp_path, content)))
    assert signer.address == PLANTED.pubkey()
    assert signer.sign(b"message").verify(PLANTED.pubkey(), b"message")


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o604, 0o640, 0o420, 0o402, 0o410, 0o444, 0o666])
def test_a_file_that_others_can_touch_is_refused(mode: int, tmp_path: Path) -> None:
    path = key_file(tmp_path, mode=mode)
    assert f"{path} is open to others (mode {mode:04o}): chmod 0400" in refusal(KeySource(path))


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o700])
def test_a_file_of_our_own_is_taken(mode: int, tmp_path: Path) -> None:
    assert load_signer(KeySource(key_file(tmp_path, mode=mode))).address == PLANTED.pubkey()


@pytest.mark.parametrize(
    ("kind", "mode", "taken"),
    [
        (KeyKind.CREDENTIAL, 0o400, True),
        (KeyKind.CREDENTIAL, 0o440, True),
        (KeyKind.CREDENTIAL, 0o460, False),
        (KeyKind.CREDENTIAL, 0o444, False),
        (KeyKind.SECRET, 0o444, True),
        (KeyKind.SECRET, 0o464, False),
        (KeyKind.SECRET, 0o446, False),
    ],
)
def test_what_others_look_after_may_be_as_they_make_it(
    kind: KeyKind, mode: int, taken: bool, tmp_path: Path
) -> None:
    source = KeySource(key_file(tmp_path, mode=mode), kind)
    if taken:
        assert load_signer(source).address == PLANTED.pubkey()
    else:
        assert "open to others" in refusal(source)


@pytest.mark.parametrize(
    ("kind", "user", "taken"),
    [
        (KeyKind.FILE, 0, False),
        (KeyKind.FILE, 4242, False),
        (KeyKind.CREDENTIAL, 0, True),
        (KeyKind.CREDENTIAL, 4242, False),
        (KeyKind.SECRET, 4242, True),
    ],
)
def test_a_file_of_somebody_else_is_refused(
    kind: KeyKind, user: int, taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = key_file(tmp_path)
    found = list(path.stat())
    found[stat.ST_UID] = user
    monkeypatch.setattr(os, "geteuid", lambda: 1_000)
    monkeypatch.setattr(os, "fstat", lambda _: os.stat_result(found))
    if taken:
        assert load_signer(KeySource(path, kind)).address == PLANTED.pubkey()
    else:
        assert f"belongs to user {user}" in refusal(KeySource(path, kind))


@pytest.mark.parametrize("kind", KeyKind)
def test_a_link_is_not_followed(kind: KeyKind, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(key_file(tmp_path))
    assert "is a link" in refusal(KeySource(link, kind))
    link.unlink()
    link.symlink_to(tmp_path / "nowhere")
    assert "is a link" in refusal(KeySource(link, kind))


def test_a_folder_and_a_pipe_are_no_files_and_nobody_waits_for_them(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o400)
    assert "is no file" in refusal(KeySource(tmp_path))
    assert "is no file" in refusal(KeySource(pipe))


def test_what_is_no_path_is_refused_in_words(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(KeySource(key_file(tmp_path) / "below"))


BAD_CONTENTS: dict[str, str | bytes] = {
    "nothing": "",
    "space": " \n",
    "an object": '{"key": 1}',
    "half a key": json.dumps(list(SECRET[:32])),
    "a byte too many": json.dumps([*SECRET, 0]),
    "a number too large": json.dumps([*SECRET[:63], 256]),
    "a number below zero": json.dumps([*SECRET[:63], -1]),
    "a number beyond all": json.dumps([*SECRET[:63], 10**30]),
    "words among the numbers": json.dumps([*SECRET[:63], "x"]),
    "an unclosed array": json.dumps(list(SECRET))[:-1],
    "a seed in base58": str(Pubkey(SECRET[:32])),
    "base58 with a foreign letter": str(PLANTED)[:-1] + "0",
    "base58 cut short": str(PLANTED)[:-2],
    "hexadecimal": SECRET.hex(),
    "somebody else's public half": json.dumps([*SECRET[:32], *bytes(Pubkey(b"o" * 32))]),
    "no text": b"\xff\xfe" + SECRET,
    "the bytes as they are": SECRET,
    "far too much": "[" + "1," * 10_000 + "1]",
    "deep nesting": "[" * 4_000,
}


@pytest.mark.parametrize("content", BAD_CONTENTS)
def test_a_file_without_a_key_is_refused_and_not_quoted(content: str, tmp_path: Path) -> None:
    path = key_file(tmp_path, BAD_CONTENTS[content])
    assert f"key file {path} holds no key" in refusal(KeySource(path))


def test_a_named_file_is_the_only_place_that_is_looked_at() -> None:
    assert key_sources(Path("/k"), "name", Path("/creds")) == (KeySource(Path("/k"), KeyKind.FILE),)


def test_the_environment_is_asked_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/creds")
    assert key_sources(None, "name", None) == (KeySource(Path("/run/secrets/name"), KeyKind.SECRET),)


def test_without_a_file_the_service_manager_comes_before_the_container_engine() -> None:
    credential = KeySource(Path("/creds/name"), KeyKind.CREDENTIAL)
    secret = KeySource(Path("/run/secrets/name"), KeyKind.SECRET)
    assert key_sources(None, "name", Path("/creds")) == (credential, secret)
    assert key_sources(None, "name", None) == (secret,)


def test_the_first_place_that_has_a_key_is_used(tmp_path: Path) -> None:
    path = key_file(tmp_path)
    absent = KeySource(tmp_path / "absent", KeyKind.CREDENTIAL)
    assert load_signer(absent, KeySource(path)).address == PLANTED.pubkey()
    message = refusal(absent, KeySource(tmp_path / "neither", KeyKind.SECRET))
    assert "no key to sign with" in message
    assert f"service credential {absent.path}, secret {tmp_path / 'neither'}" in message


def test_a_bad_key_is_not_passed_over_for_a_good_one(tmp_path: Path) -> None:
    good = key_file(tmp_path)
    bad = tmp_path / "bad"
    bad.write_text("x")
    bad.chmod(0o400)
    assert f"{bad} holds no key" in refusal(KeySource(bad), KeySource(good))


def test_a_delegate_signs_and_an_owner_only_when_allowed() -> None:
    assert check_role(DELEGATE, OWNER, DELEGATE, allow_owner=False) is Role.DELEGATE
    assert check_role(DELEGATE, OWNER, DELEGATE, allow_owner=True) is Role.DELEGATE
    assert check_role(OWNER, OWNER, DELEGATE, allow_owner=True) is Role.OWNER
    with pytest.raises(KeyRefused, match="is the owner's key, which can withdraw"):
        check_role(OWNER, OWNER, DELEGATE, allow_owner=False)


def test_an_owner_who_is_his_own_delegate_is_the_owner() -> None:
    with pytest.raises(KeyRefused, match="owner's key"):
        check_role(OWNER, OWNER, OWNER, allow_owner=False)


def test_a_key_that_the_account_does_not_know_is_refused() -> None:
    stranger = str(Pubkey(b"x" * 32))
    for allow_owner in (False, True):
        with pytest.raises(KeyRefused, match=f"{stranger} may not sign"):
            check_role(stranger, OWNER, DELEGATE, allow_owner=allow_owner)


@dataclasses.dataclass(frozen=True)
class Holder:
    """Somebody who has a signer among his fields."""

    name: str
    signer: Signer


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return load_signer(KeySource(key_file(tmp_path)))


@pytest.fixture
def log() -> Iterator[StringIO]:
    stream = StringIO()
    logs.configure("json", "debug", stream)
    yield stream
    structlog.reset_defaults()


def test_the_secret_would_be_found_if_it_were_shown() -> None:
    assert len(secrets_in(f"{PLANTED!s} {SECRET.hex()} {list(SECRET)} {SECRET!r}")) >= 4


def test_no_text_of_a_signer_shows_the_secret(signer: Signer) -> None:
    holder = Holder("h", signer)
    texts = [
        repr(signer), str(signer), f"{signer}", f"{signer!a}", pprint.pformat([signer]), repr(holder),
        repr([signer]), repr({"signer": signer}), repr(redact_value(signer)), repr(redact_value(holder)),
        repr(dir(signer)), repr(signer.sign), repr(signer.sign(b"x")),
        *(repr(getattr(signer, name)) for name in Signer.__slots__),
    ]  # fmt: skip
    assert secrets_in("\n".join(texts)) == []
    assert str(signer) == f"Signer({PLANTED.pubkey()})"


def test_a_signer_has_no_fields_to_list(signer: Signer) -> None:
    assert not hasattr(signer, "__dict__")
    with pytest.raises(TypeError):
        iter(signer)  # type: ignore[call-overload]


WRITINGS: list[Callable[[object], object]] = [
    pickle.dumps, copy.deepcopy, json.dumps, msgspec.json.encode, msgspec.msgpack.encode, msgspec.to_builtins,
    lambda value: copy.copy(value[0] if isinstance(value, list) else value),
    lambda value: dataclasses.asdict(Holder("h", value)),  # type: ignore[arg-type]
]  # fmt: skip


@pytest.mark.parametrize("writing", WRITINGS)
def test_a_signer_is_neither_copied_nor_written_down(
    writing: Callable[[object], object], signer: Signer
) -> None:
    for value in (signer, [signer]):
        with pytest.raises(TypeError) as caught:
            writing(value)
        assert secrets_in(shown(caught.value)) == []


def test_no_log_line_shows_the_secret(signer: Signer, log: StringIO) -> None:
    logger = structlog.get_logger()
    with everything_logged() as lines:
        logger.info("key.loaded", signer=signer, holder=Holder("h", signer), all=[signer, {"s": signer}])
        try:
            raise RuntimeError(f"signing with {signer} failed", signer)
        except RuntimeError:
            logger.exception("key.failed", who=signer)
    assert str(PLANTED.pubkey()) in log.getvalue()
    assert secrets_in(log.getvalue() + "\n".join(lines)) == []


def test_no_bug_around_a_signer_shows_the_secret(signer: Signer, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TypeError) as caught:
        signer.sign("no bytes")  # type: ignore[arg-type]
    logs.show_bug(type(caught.value), caught.value, caught.value.__traceback__)
    assert secrets_in(shown(caught.value) + capsys.readouterr().err) == []


def test_a_process_that_dies_over_a_key_shows_it_nowhere(tmp_path: Path) -> None:
    """In another process, with the interpreter's own way of dying and the libraries' own error output."""
    path = key_file(tmp_path, json.dumps([*SECRET[:63], 256]))
    program = (
        "from pathlib import Path\n"
        "from drift_e3.venues.solana.keys import KeySource, load_signer\n"
        f"load_signer(KeySource(Path({str(path)!r})))\n"
    )
    command = [sys.executable, "-X", "dev", "-c", program]
    died = subprocess.run(command, check=False, capture_output=True, text=True)
    assert died.returncode == 1
    assert "KeyRefused" in died.stderr
    assert "panicked" not in died.stderr
    assert secrets_in(died.stdout + died.stderr) == []
