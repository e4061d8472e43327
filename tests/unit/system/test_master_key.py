import base64
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.system import master_key
from adapters.system.master_key import (
    MasterKey,
    MasterKeyUnusable,
    find_or_make_master_key,
    make_master_key,
    permission_finding,
    read_master_key,
)

MATERIAL = bytes(range(224, 256))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "grantd.db.key"


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("padding", [b"=", b""])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_either_alphabet_is_read_padded_or_not(
    path: Path, encode: Callable[[bytes], bytes], padding: bytes, end: bytes
) -> None:
    """Whatever tool made the key."""
    path.write_bytes(encode(MATERIAL).rstrip(b"=") + padding + end)
    assert read_master_key(path) == MasterKey(MATERIAL)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        base64.b64encode(MATERIAL[:-1]),
        base64.b64encode(MATERIAL + b"\0"),
        base64.b64encode(MATERIAL) + b"\n" + base64.b64encode(MATERIAL),
        base64.b64encode(MATERIAL).replace(b"4", b"!"),
        MATERIAL,
        MATERIAL.hex().encode(),
        b"A" * 100_000,
    ],
)
def test_anything_else_is_refused_without_being_shown(path: Path, text: bytes) -> None:
    """The error names the file and the reason."""
    path.write_bytes(text)
    with pytest.raises(MasterKeyUnusable) as caught:
        read_master_key(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(text) < 8 or text.decode("latin-1").strip()[:8] not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(path: Path, tmp_path: Path) -> None:
    """A missing file, and a directory."""
    with pytest.raises(MasterKeyUnusable, match="No such file"):
        read_master_key(path)
    with pytest.raises(MasterKeyUnusable, match="directory"):
        read_master_key(tmp_path)


def test_a_master_key_does_not_show_itself() -> None:
    """Its id tells it apart and nothing more."""
    key = MasterKey(MATERIAL)
    assert repr(key) == f"MasterKey({key.key_id.hex()}, …)"
    assert len(key.key_id) == 8
    assert MasterKey(bytes(32)).key_id != key.key_id


def test_a_made_key_is_found_again(path: Path) -> None:
    """Made once, for its owner's eyes, with nothing left beside it."""
    made = find_or_make_master_key(path)
    assert find_or_make_master_key(path) == made == read_master_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_new_key_is_made_where_nothing_is(path: Path) -> None:
    """As one that is found or made, and never in the place of anything."""
    made = make_master_key(path)

    assert read_master_key(path) == made
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(MasterKeyUnusable, match="is there already"):
        make_master_key(path)
    assert read_master_key(path) == made
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_is_no_place_for_a_new_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However it is written."""
    monkeypatch.chdir(tmp_path)
    for folder in (Path(), Path(".."), tmp_path, Path("/")):
        with pytest.raises(MasterKeyUnusable, match="is there already"):
            make_master_key(folder)
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_is_there_is_never_replaced(path: Path) -> None:
    """Not even a broken one."""
    path.write_bytes(b"broken")
    with pytest.raises(MasterKeyUnusable):
        find_or_make_master_key(path)
    assert path.read_bytes() == b"broken"


def test_a_key_whose_making_fails_is_not_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Complete or not at all."""

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(master_key.os, "fsync", fail)
    with pytest.raises(MasterKeyUnusable, match="No space left"):
        find_or_make_master_key(path)
    assert list(path.parent.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The operator learns which."""
    with pytest.raises(MasterKeyUnusable, match="nowhere"):
        find_or_make_master_key(tmp_path / "nowhere" / "key")


def test_a_loser_reads_what_the_winner_made(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between looking and linking somebody else was first."""
    link = os.link

    def somebody_else_first(draft: Path, name: Path) -> None:
        name.write_bytes(base64.b64encode(MATERIAL))
        link(draft, name)

    monkeypatch.setattr(master_key.os, "link", somebody_else_first)
    assert find_or_make_master_key(path) == MasterKey(MATERIAL)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(("mode", "found"), [(0o600, False), (0o400, False), (0o640, True)])
def test_open_permissions_are_told(path: Path, mode: int, *, found: bool) -> None:
    """Told and not refused."""
    path.write_bytes(base64.b64encode(MATERIAL))
    path.chmod(mode)
    finding = permission_finding(path)
    assert (finding is not None) is found
    assert finding is None or f"{mode:04o}" in finding
