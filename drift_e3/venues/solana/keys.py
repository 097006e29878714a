"""The key that signs: where it is found, who may be able to read it, and whether it may trade an account.

A secret enters here and does not leave: a `Signer` signs and shows its address. No exception is raised from a
frame that has the secret in a variable, so that no traceback can hold it. Reading the environment is not done
here: the folder of service credentials is given.
"""

import os
import stat
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, NamedTuple, NoReturn

import msgspec
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature

KEY_BYTES: Final = 64
"""The seed and the public key, as wallets write them."""
SEED_BYTES: Final = 32
FILE_BYTES_MAX: Final = 4_096
SECRETS_DIR: Final = Path("/run/secrets")
"""Where container engines put secrets."""


class KeyRefused(Exception):
    """A key that is not used: one line on what is wrong and what would be right, without what is in it."""


class KeyKind(StrEnum):
    """Who looks after a key, and so what must be true of its file."""

    FILE = "key file"
    """We do: it must be ours, and readable by nobody else."""
    CREDENTIAL = "service credential"
    """The service manager does. It may leave the file its own and let us read it by the group's bits, which
    is how an access list looks from here."""
    SECRET = "secret"  # noqa: S105  # the name of a kind
    """The container engine does, within the container; by default everybody in there may read it."""


_FORBIDDEN_BITS: Final = {KeyKind.FILE: 0o077, KeyKind.CREDENTIAL: 0o037, KeyKind.SECRET: 0o022}


_BYTES = msgspec.json.Decoder(list[Annotated[int, msgspec.Meta(ge=0, le=255)]])


class KeySource(NamedTuple):
    """A place where the key may be."""

    path: Path
    kind: KeyKind = KeyKind.FILE


class Role(StrEnum):
    """In what right a key signs for an account."""

    DELEGATE = "delegate"
    """It may trade and not withdraw."""
    OWNER = "owner"
    """It may do everything."""


class Signer:
    """A key pair that can be used and not be seen: no text, copy or pickle of it holds the secret."""

    __slots__ = ("_sign", "address")

    def __init__(self, keypair: Keypair) -> None:
        # The text of a key pair is its secret, that of a method is not.
        self._sign = keypair.sign_message
        self.address: Final[Pubkey] = keypair.pubkey()

    def __repr__(self) -> str:
        return f"Signer({self.address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer is neither copied nor written down")

    def sign(self, message: bytes) -> Signature:
        """The signature of a serialized message."""
        return self._sign(message)


def key_sources(file: Path | None, credential: str, credentials_dir: Path | None) -> tuple[KeySource, ...]:
    """Where to look for the key, in order: a file that is named is the only place; else the service
    credential of this name, then the container engine's secret. `credentials_dir` is what systemd says in
    ``CREDENTIALS_DIRECTORY``."""
    if file is not None:
        return (KeySource(file),)
    secret = KeySource(SECRETS_DIR / credential, KeyKind.SECRET)
    if credentials_dir is None:
        return (secret,)
    return (KeySource(credentials_dir / credential, KeyKind.CREDENTIAL), secret)


def load_signer(*sources: KeySource) -> Signer:
    """The key of the first place where there is one. Raises `KeyRefused`; a place that has a key which will
    not do is not passed over."""
    for source in sources:
        try:
            descriptor = os.open(source.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise KeyRefused(_why_unopened(source, error)) from None
        try:
            problem = _why_unsafe(source, os.fstat(descriptor))
            signer = _read_signer(descriptor) if problem is None else None
        finally:
            os.close(descriptor)
        if signer is not None:
            return signer
        raise KeyRefused(
            f"{source.kind.value} {source.path} {problem or 'holds no key: 64 bytes as JSON or base58'}"
        )
    places = ", ".join(f"{source.kind.value} {source.path}" for source in sources)
    raise KeyRefused(f"there is no key to sign with; looked for {places or 'none'}")


def check_role(address: str, authority: str, delegate: str, *, allow_owner: bool) -> Role:
    """In what right the key of this address signs for the account of `authority`. Raises `KeyRefused` for one
    that has none, and for the owner's unless that is allowed."""
    if address == authority:
        if allow_owner:
            return Role.OWNER
        raise KeyRefused(
            f"{address} is the owner's key, which can withdraw: set a delegate for the account and use its"
            " key, or allow the owner's"
        )
    if address == delegate:
        return Role.DELEGATE
    raise KeyRefused(f"{address} may not sign for the account of {authority}, whose delegate is {delegate}")


def _why_unopened(source: KeySource, error: OSError) -> str:
    # What O_NOFOLLOW makes of a link.
    if source.path.is_symlink():
        return f"{source.kind.value} {source.path} is a link, and must be a file"
    return f"{source.kind.value} {source.path} cannot be read: {error.strerror}"


def _why_unsafe(source: KeySource, found: os.stat_result) -> str | None:
    if not stat.S_ISREG(found.st_mode):
        return "is no file"
    if source.kind is KeyKind.FILE and found.st_uid != os.geteuid():
        return f"belongs to user {found.st_uid}, and must belong to user {os.geteuid()}, who reads it"
    if source.kind is KeyKind.CREDENTIAL and found.st_uid not in {0, os.geteuid()}:
        return f"belongs to user {found.st_uid}, and must belong to the service or to root"
    if found.st_mode & _FORBIDDEN_BITS[source.kind]:
        return f"is open to others (mode {stat.S_IMODE(found.st_mode):04o}): chmod 0400"
    return None


def _read_signer(descriptor: int) -> Signer | None:
    """The signer in an open file, None where there is none in it. Never raises: its frame has the secret."""
    try:
        text = os.read(descriptor, FILE_BYTES_MAX + 1).decode("ascii").strip()
        secret = bytes(_BYTES.decode(text)) if text[:1] == "[" else _from_base58(text)
    except (OSError, ValueError, RecursionError):
        return None
    if len(secret) != KEY_BYTES:
        return None
    # The second half must be the first one's public key: to sign with another gives the secret away.
    keypair = Keypair.from_seed(secret[:SEED_BYTES])
    return Signer(keypair) if bytes(keypair.pubkey()) == secret[SEED_BYTES:] else None


def _from_base58(text: str) -> bytes:
    # A signature is 64 bytes in base58 as well; the parser of key pairs panics, and says on what.
    return bytes(Signature.from_string(text))
