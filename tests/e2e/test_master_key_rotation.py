"""The master key rotates under load, and nothing that was issued or given out ends by it."""

import asyncio
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from adapters.system.envelope import AesGcmEnvelope
from adapters.system.master_key import read_master_key
from domain.model.credentials import sealed_key_id
from domain.model.identifiers import ClientId
from domain.model.keys import KeyPurpose
from support.callers import Journal, hammer
from support.client_assertions import MacKey, assertion_form, sign_assertion
from support.grantd_process import GRANTD, GrantdProcess, RegisteredClient
from support.http_connection import HttpConnection, form_request
from support.oauth_replies import granted, introspected, refused
from support.polling import wait_until
from support.registration import register
from support.stores import sqlite_stores

PrepareGrantd = Callable[..., GrantdProcess]

MANY = 300
TOLD_EVERY = 100
WORKERS = {"workers": "2"}
GRANTS = ["client_credentials", "refresh_token"]
REFRESHING = {"grant_types": GRANTS, "issue_refresh_token": True}
SIGNING = {"token_endpoint_auth_method": "client_secret_jwt"}
RESOURCE = {"introspect_any": True}

_UNDER_WAY_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """An old and a new master key of one server, by file and id."""

    old: str
    new: str
    old_id: str
    new_id: str

    @property
    def both(self) -> str:
        """The setting that names both, newest first."""
        return f"{self.new},{self.old}"


def make_new_key(server: GrantdProcess) -> MasterKeys:
    old = "grantd.db.key" if server.store.startswith("sqlite") else "master.key"
    new = "new.key"
    made = server.run("master-key", "new", new, "--json")
    assert made.returncode == 0, made.stderr
    ids = [read_master_key(server.folder / file).key_id.hex() for file in (old, new)]
    return MasterKeys(old, new, *ids)


def name_master_keys(server: GrantdProcess, files: str) -> None:
    server.environment["GRANTD_MASTER_KEY_FILE"] = files


def prove_by_assertion(server: GrantdProcess, client: RegisteredClient) -> dict[str, str]:
    """Return the form of a request that a client signed with its secret."""
    signed = sign_assertion(client.client_id, server.issuer, MacKey(client.secret.encode()))
    return assertion_form(signed, grant_type="client_credentials")


def ask_on(
    server: GrantdProcess, clients: Mapping[str, RegisteredClient], token: str, stop: Event
) -> int:
    """Issue, introspect and authenticate by assertion until told to stop; return how often."""
    rounds = 0
    nobody = RegisteredClient("")
    with HttpConnection(server.http_port) as connection:
        while not stop.is_set():
            for path, form, client in (
                ("/access_token", {"grant_type": "client_credentials"}, clients["refreshing"]),
                ("/introspect", {"token": token}, clients["resource"]),
                ("/access_token", prove_by_assertion(server, clients["signing"]), nobody),
            ):
                request = form_request(path, form, auth=client.basic)
                if client is nobody:
                    request = _without_basic(request)
                reply = connection.exchange(request)
                assert reply is not None
                assert reply.status == 200, reply.body
                assert path != "/introspect" or reply.json()["active"]
            rounds += 1
    return rounds


def _without_basic(request: bytes) -> bytes:
    head, _, rest = request.partition(b"Authorization: ")
    return head + rest.partition(b"\r\n")[2]


@contextmanager
def load(
    server: GrantdProcess, clients: Mapping[str, RegisteredClient], token: str
) -> Iterator[None]:
    """Ask without a pause before, meanwhile and after; any answer but a success fails the test."""
    stop = Event()
    journal = Journal()
    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask_on, server, clients, token, stop) for _ in range(2)]
        asking.append(pool.submit(_hammer_until, server, clients["refreshing"], journal, stop))
        try:
            yield
        finally:
            stop.set()
        assert all(asked.result() for asked in asking)
    assert journal.rotations


def _hammer_until(
    server: GrantdProcess, client: RegisteredClient, journal: Journal, stop: Event
) -> bool:
    """Refresh and revoke in short turns until told to stop."""
    while not stop.is_set():
        hammer(server.http_port, client, journal, until=time.monotonic() + 0.2)
    return True


def test_a_rotation_under_load_ends_nothing(store: str, prepare_grantd: PrepareGrantd) -> None:
    """No answer in all that time is anything but a success."""
    server = prepare_grantd(store, WORKERS)
    clients = register(server, {"refreshing": REFRESHING, "signing": SIGNING, "resource": RESOURCE})
    keys = make_new_key(server)
    name_master_keys(server, keys.both)
    server.start()
    issued = granted(server.issue(clients["refreshing"]))

    with load(server, clients, issued["access_token"]):
        done = server.require("master-key", "rotate")

    assert (done["data_keys"], done["kept_secrets"]) == (4, 1)
    assert [
        (one["master_key_id"], one["data_keys"], one["kept_secrets"]) for one in done["master_keys"]
    ] == [(keys.new_id, 4, 1), (keys.old_id, 0, 0)]
    granted(server.refresh(clients["refreshing"], issued["refresh_token"]))


def test_a_node_that_lacks_the_new_master_key_answers_503(prepare_grantd: PrepareGrantd) -> None:
    """It is not ready, names the keys in its log alone, and starts no more; nothing is lost."""
    server = prepare_grantd("sqlite")
    clients = register(server, {"refreshing": REFRESHING, "signing": SIGNING, "resource": RESOURCE})
    keys = make_new_key(server)
    server.start()
    issued = granted(server.issue(clients["refreshing"]))
    key_set = server.get("/.well-known/jwks.json").content

    rotated = server.run("master-key", "rotate", environment={"GRANTD_MASTER_KEY_FILE": keys.both})
    assert rotated.returncode == 0, rotated.stderr

    for reply in (
        server.issue(clients["refreshing"]),
        server.refresh(clients["refreshing"], issued["refresh_token"]),
        server.introspect(clients["resource"], issued["access_token"]),
        server.revoke(clients["refreshing"], issued["refresh_token"]),
        server.post("/access_token", prove_by_assertion(server, clients["signing"])),
    ):
        refused(reply, 503, "temporarily_unavailable")
        assert keys.new_id not in reply.text
    wait_until(lambda: server.get("/readyz").status_code == 503)
    assert "a master key is missing" in server.get("/readyz").text
    assert server.get("/.well-known/jwks.json").content == key_set
    log = server.log.read_text()
    assert f"was sealed by master key {keys.new_id}; at hand: {keys.old_id}" in log
    server.stop()

    refusal = server.run("serve")
    assert refusal.returncode == 1
    [line] = refusal.stderr.splitlines()
    assert keys.new_id in line
    assert keys.old_id in line

    name_master_keys(server, keys.new)
    (server.folder / keys.old).rename(server.folder / "put-away")
    server.start()
    active = introspected(server.introspect(clients["resource"], issued["access_token"]))
    assert active["active"]
    granted(server.refresh(clients["refreshing"], issued["refresh_token"]))
    granted(server.post("/access_token", prove_by_assertion(server, clients["signing"])))


def test_a_rotation_killed_halfway_is_finished_by_a_second(prepare_grantd: PrepareGrantd) -> None:
    """Until then the old key is needed, and says so; every kept secret is what it was."""
    server = prepare_grantd("sqlite")
    secrets = {
        client.client_id: client.secret
        for client in register(server, {f"signing-{n:03}": SIGNING for n in range(MANY)}).values()
    }
    keys = make_new_key(server)
    name_master_keys(server, keys.both)

    _rotate_and_kill(server)

    halfway = server.require("master-key", "list")
    assert [one["data_keys"] for one in halfway] == [0, 4]
    new, old = (one["kept_secrets"] for one in halfway)
    assert new >= TOLD_EVERY
    assert old > 0
    assert new + old == MANY
    assert server.run("serve", "--master-key-file", keys.new).returncode == 1
    done = server.require("master-key", "rotate")
    assert (done["data_keys"], done["kept_secrets"]) == (4, old)
    assert asyncio.run(_kept_secrets(server, keys.new)) == secrets
    again = server.run("master-key", "rotate")
    assert (again.returncode, f"take {keys.old} out" in again.stderr) == (0, True)
    alone = server.run("master-key", "rotate", "--master-key-file", keys.new)
    assert alone.returncode == 1
    assert f"master key {keys.new_id} is the only one named" in alone.stderr


def _rotate_and_kill(server: GrantdProcess) -> None:
    """Rotate until progress is told for the first time, as a power cut would end it."""
    with subprocess.Popen(
        [GRANTD, "master-key", "rotate"],
        cwd=server.folder,
        env=server.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as rotating:
        assert rotating.stderr is not None
        assert rotating.stderr.readline().startswith(f"{TOLD_EVERY} of {MANY}")
        rotating.send_signal(signal.SIGKILL)
        assert rotating.wait() == -signal.SIGKILL


async def _kept_secrets(server: GrantdProcess, master_key: str) -> Mapping[str, str]:
    """Open every kept secret with one master key alone."""
    envelope = AesGcmEnvelope([read_master_key(server.folder / master_key)])
    async with sqlite_stores(Path(server.store.removeprefix("sqlite:///"))) as stores:
        clients = await stores.clients.page(after=None, limit=2 * MANY)
    opened = {}
    for client in clients:
        [kept] = client.secrets
        assert kept.sealed is not None
        opened[str(client.client_id)] = envelope.unseal(
            kept.sealed,
            purpose=KeyPurpose.CLIENT_SECRET,
            key_id=sealed_key_id(ClientId(client.client_id), kept.secret_id),
        ).decode()
    return opened


def test_a_new_master_key_is_its_owners_alone_and_never_shown(tmp_path: Path) -> None:
    """A file that is there stays as it is."""
    server = GrantdProcess(tmp_path)

    made = server.run("master-key", "new", "new.key", "--json")
    file = tmp_path / "new.key"
    again = server.run("master-key", "new", "new.key")

    content = file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert made.returncode == 0
    assert content.strip() not in made.stdout + made.stderr
    assert read_master_key(file).key_id.hex() in made.stdout
    assert (again.returncode, again.stdout) == (1, "")
    assert "new.key: is there already" in again.stderr
    assert file.read_text() == content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.key"]
