"""The keys that an operator gives by file: master keys, and a signing key (D4, D6)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from adapters.jose.pem import load_signing_key
from adapters.system.master_key import MasterKey, find_or_make_master_key, read_master_key
from domain.model.keys import SigningKey
from entrypoints.refusal import RefusedToStart
from entrypoints.settings import Settings

_SINCE_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


def master_keys(settings: Settings, *, store_has_keys: bool) -> Sequence[MasterKey]:
    if settings.master_key_file:
        return [read_master_key(path) for path in settings.master_key_file]
    if settings.store_kind != "sqlite":
        raise RefusedToStart(
            "a master key is needed with this store: make one with"
            " `grantd master-key new master.key` and name it with --master-key-file"
        )
    beside = settings.sqlite_key_path
    if store_has_keys and not beside.exists():
        raise RefusedToStart(
            f"{beside} is missing, and the keys in {settings.sqlite_path} cannot be opened"
            " without it: put it back"
        )
    return [find_or_make_master_key(beside)]


def pinned_keys(settings: Settings) -> Sequence[SigningKey]:
    if settings.signing_key_file is None:
        return ()
    passphrase_file = settings.signing_key_passphrase_file
    passphrase = _first_line(passphrase_file) if passphrase_file is not None else None
    return [load_signing_key(settings.signing_key_file, passphrase, activate_at=_SINCE_EVER)]


def _first_line(path: Path) -> bytes:
    try:
        return path.read_bytes().split(b"\n", 1)[0].rstrip(b"\r")
    except OSError as error:
        raise RefusedToStart(f"{path} cannot be read: {error.strerror}") from error
