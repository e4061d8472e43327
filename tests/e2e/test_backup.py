"""`grantd backup` and `restore`: copies under load, and what a restore does to what was issued."""

import shutil
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from support.callers import Journal, hammer
from support.grantd_process import GrantdProcess, RegisteredClient
from support.oauth_replies import granted, introspected, refused
from support.transcripts import Step, play, require_one_line

REFRESHING = ("--grant", "client_credentials", "--grant", "refresh_token", "--issue-refresh-token")


@pytest.fixture
def grantd(prepare_grantd: Any) -> GrantdProcess:  # noqa: ANN401  (a fixture's function)
    prepared: GrantdProcess = prepare_grantd("sqlite")
    return prepared.start()


@pytest.fixture
def at_rest(embedded: GrantdProcess) -> GrantdProcess:
    """One that has a database with something in it, and is not served."""
    embedded.create_client("caller")
    return embedded


def is_active(grantd: GrantdProcess, caller: RegisteredClient, token: str) -> bool:
    return bool(introspected(grantd.introspect(caller, token))["active"])


def restore(grantd: GrantdProcess, *flags: str) -> None:
    grantd.stop()
    play(grantd.run, Step(command=["restore", "backup.db", *flags]))
    grantd.start()


def test_a_backup_under_load_is_whole_and_disturbs_nobody(grantd: GrantdProcess) -> None:
    """While a client refreshes and revokes without a pause, copies are made of one moment each."""
    caller = grantd.create_client("caller", *REFRESHING)
    journal, stop = Journal(), threading.Event()
    failures: list[BaseException] = []

    def load() -> None:
        try:
            while not stop.is_set():
                hammer(grantd.http_port, caller, journal, until=0)
                journal.families.clear()
        except BaseException as error:  # noqa: BLE001  (told to the test's own thread)
            failures.append(error)

    thread = threading.Thread(target=load)
    thread.start()
    try:
        for number in range(3):
            play(grantd.run, Step(command=["backup", f"copy-{number}.db"]))
    finally:
        stop.set()
        thread.join()
    assert not failures
    for number in range(3):
        copy = grantd.folder / f"copy-{number}.db"
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        with closing(sqlite3.connect(copy)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert database.execute("SELECT client_id FROM clients").fetchall() == [("caller",)]


def test_a_restore_ends_what_was_issued_and_brings_the_rest_back(grantd: GrantdProcess) -> None:
    """Nothing that was revoked after the backup comes back: everything issued has ended."""
    keeper = grantd.create_client("keeper", *REFRESHING)
    issued, revoked = granted(grantd.issue(keeper)), granted(grantd.issue(keeper))
    play(grantd.run, Step(command=["backup", "backup.db"]))
    grantd.revoke(keeper, revoked["access_token"])
    grantd.require("clients", "delete", "keeper")
    grantd.create_client("later")

    restore(grantd)

    assert [one["client_id"] for one in grantd.require("clients", "list")] == ["keeper"]
    for answer in (issued, revoked):
        assert not is_active(grantd, keeper, answer["access_token"])
        refused(grantd.refresh(keeper, answer["refresh_token"]), 400, "invalid_grant")
    anew = granted(grantd.issue(keeper))
    assert is_active(grantd, keeper, anew["access_token"])
    granted(grantd.refresh(keeper, anew["refresh_token"]))
    [before] = grantd.folder.glob("grantd.db.before-*")
    with closing(sqlite3.connect(before)) as database:
        assert database.execute("SELECT client_id FROM clients").fetchall() == [("later",)]


def test_kept_families_that_went_on_after_the_backup_end_with_an_alarm(
    grantd: GrantdProcess,
) -> None:
    """A refresh token of a generation that the store never recorded is ahead of it (D3)."""
    keeper = grantd.create_client("keeper", *REFRESHING)
    idle, busy = granted(grantd.issue(keeper)), granted(grantd.issue(keeper))
    later = granted(grantd.issue(keeper))
    play(grantd.run, Step(command=["backup", "backup.db"]))
    for _ in range(2):
        busy = granted(grantd.refresh(keeper, busy["refresh_token"]))
    grantd.revoke(keeper, later["access_token"])

    restore(grantd, "--keep-tokens")

    granted(grantd.refresh(keeper, idle["refresh_token"]))
    refused(grantd.refresh(keeper, busy["refresh_token"]), 400, "invalid_grant")
    assert "refresh_token.ahead" in grantd.log.read_text()
    assert not is_active(grantd, keeper, busy["access_token"])
    # What --keep-tokens says that it risks.
    assert is_active(grantd, keeper, later["access_token"])


class TestRefusals:
    def test_a_running_server_keeps_its_database(self, grantd: GrantdProcess) -> None:
        """It is told apart from a stopped one by the file alone, and nothing changes."""
        caller = grantd.create_client("caller")
        play(grantd.run, Step(command=["backup", "backup.db"]))

        done = grantd.run("restore", "backup.db")

        assert done.returncode == 1
        assert "is in use: stop grantd first" in done.stderr
        granted(grantd.issue(caller))

    def test_a_file_that_is_there_is_not_overwritten(self, at_rest: GrantdProcess) -> None:
        """Yesterday's backup is worth more than a second one of today."""
        (at_rest.folder / "precious").write_text("precious")

        done = at_rest.run("backup", "precious")

        assert done.returncode == 1
        require_one_line(done.stderr)
        assert (at_rest.folder / "precious").read_text() == "precious"

    @pytest.mark.parametrize("damage", ["text", "foreign", "cut", "absent"])
    def test_what_is_no_sound_backup_changes_nothing(
        self, at_rest: GrantdProcess, damage: str
    ) -> None:
        """Each is named in one line, and the database stays what it was."""
        backup = at_rest.folder / "backup.db"
        match damage:
            case "text":
                backup.write_text("not a database, but long enough to look at" * 100)
            case "foreign":
                with closing(sqlite3.connect(backup)) as database:
                    database.execute("CREATE TABLE notes (text TEXT)")
            case "cut":
                play(at_rest.run, Step(command=["backup", "whole.db"]))
                whole = (at_rest.folder / "whole.db").read_bytes()
                backup.write_bytes(whole[: len(whole) // 2])
            case _:
                pass
        before = _digest(at_rest.folder / "grantd.db")

        done = at_rest.run("restore", "backup.db")

        assert done.returncode == 1, done.stderr
        require_one_line(done.stderr)
        assert "Traceback" not in done.stderr
        assert _digest(at_rest.folder / "grantd.db") == before
        assert not [left for left in at_rest.folder.iterdir() if left.name.startswith(".grantd.db")]

    def test_a_backup_of_another_master_key_is_refused(
        self,
        at_rest: GrantdProcess,
        prepare_grantd: Any,  # noqa: ANN401  (a fixture's function)
    ) -> None:
        """It could not be served, so it does not take the place of what can."""
        stranger: GrantdProcess = prepare_grantd("sqlite")
        stranger.create_client("stranger")
        play(stranger.run, Step(command=["backup", "backup.db"]))
        shutil.copy(stranger.folder / "backup.db", at_rest.folder / "backup.db")
        before = _digest(at_rest.folder / "grantd.db")

        done = at_rest.run("restore", "backup.db")

        assert done.returncode == 1
        assert "master key" in done.stderr
        assert _digest(at_rest.folder / "grantd.db") == before

        (at_rest.folder / "grantd.db.key").unlink()
        done = at_rest.run("restore", "backup.db")

        assert done.returncode == 1
        assert "grantd.db.key is not there" in done.stderr
        assert _digest(at_rest.folder / "grantd.db") == before

    def test_redis_is_copied_by_its_own_means(self, prepare_grantd: Any) -> None:  # noqa: ANN401  (likewise)
        """The command says where to read on."""
        remote: GrantdProcess = prepare_grantd("redis")
        for command in ("backup", "restore"):
            done = remote.run(command, "file")
            assert done.returncode == 2
            assert "docs/operations.md" in done.stderr


def _digest(path: Path) -> bytes:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return "\n".join(database.iterdump()).encode()
