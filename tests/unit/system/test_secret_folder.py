from pathlib import Path

import pytest

from adapters.system.secret_folder import SecretFolder
from domain.model.credentials import ClientSecret, SecretId
from domain.model.identifiers import ClientId
from domain.ports.secret_outlet import SecretNotLeft

LEDGER = ClientId("ledger")
SECRET = ClientSecret.compose(SecretId("0badcafe"), "A" * 43)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    private = tmp_path / "secrets"
    private.mkdir(mode=0o700)
    return private


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def mode(file: Path) -> int:
    return file.stat().st_mode & 0o777


async def test_a_secret_is_left_for_its_owner_alone(folder: Path) -> None:
    """One line in a file named after the client."""
    await SecretFolder(folder).leave(LEDGER, SECRET)

    [file] = files(folder)
    assert file == folder / "ledger"
    assert mode(file) == 0o600
    assert file.read_text(encoding="ascii") == f"{SECRET.reveal()}\n"


async def test_what_was_left_is_found_again(folder: Path) -> None:
    """A run that was killed after leaving it goes on with it."""
    outlet = SecretFolder(folder)
    assert await outlet.find(LEDGER) is None

    await outlet.leave(LEDGER, SECRET)

    found = await outlet.find(LEDGER)
    assert found is not None
    assert found.reveal() == SECRET.reveal()


async def test_nothing_is_ever_replaced(folder: Path) -> None:
    """A file may be the only place where a secret is."""
    outlet = SecretFolder(folder)
    await outlet.leave(LEDGER, SECRET)

    with pytest.raises(SecretNotLeft, match="File exists"):
        await outlet.leave(LEDGER, ClientSecret.compose(SecretId("00000000"), "B" * 43))

    found = await outlet.find(LEDGER)
    assert found is not None
    assert found.reveal() == SECRET.reveal()


async def test_what_a_killed_run_left_half_written_is_no_secret(folder: Path) -> None:
    """It was never given to a client, and is in nobody's way."""
    (folder / ".ledger").write_text("gds_0bad", encoding="ascii")
    outlet = SecretFolder(folder)

    assert await outlet.find(LEDGER) is None
    await outlet.leave(LEDGER, SECRET)

    assert files(folder) == [folder / "ledger"]


@pytest.mark.parametrize("content", [b"hunter2\n", b"", b"\xff", SECRET.reveal()[:-1].encode()])
async def test_a_file_with_something_else_is_refused(folder: Path, content: bytes) -> None:
    """And its content is not told."""
    (folder / "ledger").write_bytes(content)

    with pytest.raises(SecretNotLeft) as refused:
        await SecretFolder(folder).find(LEDGER)

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "client_id", ["../../etc/passwd", "..", ".", "a/b", ".ledger", "a\tb", "%"]
)
async def test_no_id_leads_out_of_the_folder(folder: Path, client_id: str) -> None:
    """Every id has a name of its own in it, and none a hidden one."""
    outlet = SecretFolder(folder)

    await outlet.leave(ClientId(client_id), SECRET)

    [file] = files(folder)
    assert not file.name.startswith(".")
    assert file == outlet.path(ClientId(client_id))


async def test_an_id_that_no_file_can_be_named_after_is_refused_before(folder: Path) -> None:
    """Not in the middle of the work."""
    with pytest.raises(SecretNotLeft, match="too long"):
        await SecretFolder(folder).find(ClientId("/" * 100))


def test_a_folder_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """What is left there would not be a secret."""
    tmp_path.chmod(0o750)

    with pytest.raises(SecretNotLeft, match="chmod 700"):
        SecretFolder(tmp_path)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    """It is not made either: that is for whoever names it."""
    (tmp_path / "file").touch()

    with pytest.raises(SecretNotLeft, match="is not a directory"):
        SecretFolder(tmp_path / "file")
    with pytest.raises(SecretNotLeft, match="No such file"):
        SecretFolder(tmp_path / "nowhere")
