"""The master key (D4): 32 random bytes, as one line of base64 in a file."""

import base64
import binascii
import hashlib
import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from adapters.durable_files import sync, write_new

MASTER_KEY_BYTES: Final = 32

_ID_BYTES = 8
_ID_CONTEXT = b"grantd master key id v1\0"
_LARGEST_FILE = 1_024
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


class MasterKeyUnusable(Exception):
    """A master key cannot be read or made. It names the file and the reason, never the key."""


@dataclass(frozen=True, slots=True)
class MasterKey:
    """What wraps the data keys.

    Attributes:
        key_id: Tells master keys apart and nothing about them.
    """

    material: bytes = field(repr=False)
    key_id: bytes = field(init=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.material) != MASTER_KEY_BYTES:
            raise MasterKeyUnusable(f"a master key has {MASTER_KEY_BYTES} bytes")
        key_id = hashlib.sha256(_ID_CONTEXT + self.material).digest()[:_ID_BYTES]
        object.__setattr__(self, "key_id", key_id)

    def __repr__(self) -> str:
        return f"MasterKey({self.key_id.hex()}, …)"


def read_master_key(path: Path) -> MasterKey:
    """Read a master key in base64 of either alphabet, padded or not.

    Raises:
        MasterKeyUnusable: If there is none.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise _unusable(path, error) from None
    try:
        unpadded = text.strip().rstrip(b"=").translate(_TO_STANDARD)
        padding = b"=" * (-len(unpadded) % 4)
        material = binascii.a2b_base64(unpadded + padding, strict_mode=True)
    except binascii.Error:
        raise MasterKeyUnusable(f"{path}: not one line of base64") from None
    if len(material) != MASTER_KEY_BYTES:
        raise MasterKeyUnusable(
            f"{path}: {MASTER_KEY_BYTES} bytes in base64 are needed, not {len(material)}"
        )
    return MasterKey(material)


def find_or_make_master_key(path: Path) -> MasterKey:
    """Read the master key at *path*, making it if there is none.

    It appears complete or not at all; of any number of processes that make
    it at once one wins and the others read what it made. When this returns,
    the key survives a crash of the machine.

    Raises:
        MasterKeyUnusable: If it can be neither read nor made.
    """
    if not path.exists():
        with suppress(FileExistsError):  # somebody else was first
            _make(path)
    return _read_durably(path)


def make_master_key(path: Path) -> MasterKey:
    """Make a master key at *path*, where nothing is yet, as `find_or_make_master_key` does.

    Raises:
        MasterKeyUnusable: If something is there, or it cannot be made.
    """
    try:
        _make(path)
    except FileExistsError:
        raise MasterKeyUnusable(f"{path}: is there already, and stays as it is") from None
    return _read_durably(path)


def permission_finding(path: Path) -> str | None:
    """Return what is wrong with the permissions of a master key's file, for the operator.

    It is told and not refused: container platforms mount secrets with modes
    that their users cannot choose.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return f"{path} has mode {mode:04o}: others than its owner can reach the master key"
    return None


def _make(path: Path) -> None:
    try:
        _link_new(path)
    except FileExistsError:
        raise
    except OSError as error:
        raise _unusable(path, error) from None


def _link_new(path: Path) -> None:
    draft = path.parent / f".{path.name}.{secrets.token_hex(8)}"
    try:
        write_new(draft, base64.b64encode(secrets.token_bytes(MASTER_KEY_BYTES)) + b"\n")
        os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _read_durably(path: Path) -> MasterKey:
    key = read_master_key(path)
    try:
        sync(path.parent)
    except OSError as error:
        raise _unusable(path, error) from None
    return key


def _unusable(path: Path, error: OSError) -> MasterKeyUnusable:
    return MasterKeyUnusable(f"{path}: {error.strerror or 'cannot be used'}")
