from pathlib import Path

import pytest

from adapters.system.master_key import make_master_key
from domain.model.identifiers import ClientId
from domain.ports.envelope import MasterKeyId
from domain.usecases.rewrap import MasterKeyStanding, Rewrapped
from entrypoints.cli import app, master_key


@pytest.mark.parametrize(
    ("left", "status", "said"),
    [
        ((), 0, "seals nothing any more: take {old} out of master_key_file."),
        (("billing",), 1, "have every node name {new_id} first, and run this again"),
    ],
)
def test_an_old_master_key_may_go_only_if_it_seals_nothing_any_more(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    left: tuple[str, ...],
    status: int,
    said: str,
) -> None:
    """A node that seals by the old one meanwhile keeps it, and whoever rotates hears of it."""
    files = [tmp_path / "new.key", tmp_path / "old.key"]
    new_id, old_id = (MasterKeyId(make_master_key(file).key_id.hex()) for file in files)
    done = Rewrapped(
        data_keys=4,
        kept_secrets=1,
        standings=(
            MasterKeyStanding(
                master_key_id=new_id, at_hand=True, data_keys=4, kept_secrets_of=(ClientId("a"),)
            ),
            MasterKeyStanding(
                master_key_id=old_id,
                at_hand=True,
                data_keys=0,
                kept_secrets_of=tuple(map(ClientId, left)),
            ),
        ),
    )
    monkeypatch.setattr(master_key, "with_core", lambda _settings, _work: done)

    ended = app.run(["master-key", "rotate", *(f"--master-key-file={file}" for file in files)])

    told = capsys.readouterr()
    assert ended == status
    assert told.out == (
        f"4 data keys and 1 kept secrets are sealed anew, by master key {new_id}.\n"
    )
    assert said.format(old=files[1], new_id=new_id) in told.err
