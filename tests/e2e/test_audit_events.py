"""Every event that `docs/audit.md` lists is left by something that a person can do."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from domain.model.events import EventKind
from support.audit import audit_lines, require_as_documented
from support.grantd_process import GrantdProcess, RegisteredClient

FILE, REAL = "audit.jsonl", "real.jsonl"
REFRESHING = (
    *("--grant", "client_credentials", "--grant", "refresh_token", "--issue-refresh-token"),
)


def test_every_kind_of_event_is_left_by_something(
    prepare_grantd: Callable[..., GrantdProcess],
) -> None:
    """And each line of them is as the manual says."""
    grantd = prepare_grantd(settings={"audit_log": f"./{FILE}", "audit_required": "true"})
    write_to(grantd, REAL)
    billing = administer(grantd)
    grantd.start()
    decide(grantd, billing)
    write_to(grantd, "/dev/full")
    assert grantd.issue(billing).status_code == 503
    write_to(grantd, REAL)
    set_back(grantd, billing)

    lines = audit_lines(grantd.folder / REAL)
    require_as_documented(lines)
    assert {line["event"] for line in lines} == set(EventKind)


def write_to(grantd: GrantdProcess, place: str) -> None:
    aside = grantd.folder / "aside"
    aside.symlink_to(place)
    aside.replace(grantd.folder / FILE)


def administer(grantd: GrantdProcess) -> RegisteredClient:
    """Do once what an operator does, and return a client whose secret has a newer one."""
    pem, master = grantd.folder / "own.pem", grantd.folder / "newer.key"
    write_private_key(pem)
    grantd.create_scopes("read")
    billing = grantd.create_client("billing", *REFRESHING)
    grantd.create_client("brief", "--public")
    grantd.require("clients", "delete", "brief")
    grantd.require("clients", "rotate-secret", "billing", "--overlap", "1h")
    unneeded = grantd.require("keys", "rotate", "--algorithm", "EdDSA", "--now", "--yes")
    grantd.require("keys", "retire", unneeded["kid"])
    imported = grantd.require("keys", "import", str(pem))["kid"]
    grantd.require("keys", "revoke", imported, "--yes")
    grantd.require("master-key", "new", str(master))
    older = grantd.folder / "grantd.db.key"
    grantd.require(
        *("master-key", "rotate"),
        *("--master-key-file", str(master), "--master-key-file", str(older)),
    )
    older.write_bytes(master.read_bytes())
    return billing


def write_private_key(path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def decide(grantd: GrantdProcess, billing: RegisteredClient) -> None:
    """Have the server grant and refuse what it can."""
    issued = grantd.issue(billing).json()
    grantd.issue(RegisteredClient("billing", "wrong"))
    grantd.introspect(RegisteredClient("billing", "wrong"), "x")
    grantd.revoke(billing, issued["access_token"])
    for _ in range(2):
        grantd.refresh(billing, issued["refresh_token"])


def set_back(grantd: GrantdProcess, billing: RegisteredClient) -> None:
    """Let the store forget a rotation, and let the client go on with its result."""
    database, copy = grantd.folder / "grantd.db", grantd.folder / "copy.db"
    first = grantd.issue(billing).json()["refresh_token"]
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    second = grantd.refresh(billing, first).json()["refresh_token"]
    grantd.stop()
    for rest in ("grantd.db-wal", "grantd.db-shm"):
        (grantd.folder / rest).unlink(missing_ok=True)
    shutil.copyfile(copy, database)
    grantd.start()
    assert grantd.refresh(billing, second).status_code == 400
