"""A server that has heard everything, and a command line, show no secret, token or key anywhere."""

import base64
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from support.edges import NO_PROXY, Edge, GrpcEdge, HttpEdge, Refusal
from support.grantd_process import GrantdProcess, RegisteredClient
from support.redis_server import RedisServer

PASSPHRASE = "passphrase-MVdT2vQ8"
STORE_PASSWORD = "store-password-9hXq4Lw"
IMPORTED = "imported-secret-zR7uP3k"
WRONG = "wrong-secret-Jb5nY1c"
FOREIGN = "foreign-token-Wd8eK6s"


@dataclass
class Story:
    """What happened, and every text that must not be seen because of it.

    Attributes:
        needles: What to look for, by what it is.

        printed: Each command, and what it printed but for what it was asked
            to show.
    """

    grantd: GrantdProcess
    stored: Path
    needles: dict[str, bytes] = field(default_factory=dict, repr=False)
    printed: list[tuple[str, str]] = field(default_factory=list, repr=False)

    def hide(self, what: str, text: str) -> str:
        """Remember a secret, and the part of it that gives it away."""
        assert text
        self.needles[what] = text.encode()
        self.needles[f"the end of {what}"] = text[-20:].encode()
        return text

    def hide_octets(self, what: str, octets: bytes) -> None:
        """Remember key material, as it is written where it is written."""
        self.needles |= {
            f"{what}, raw": octets,
            f"{what}, in hex": octets.hex().encode(),
            f"{what}, in base64": base64.b64encode(octets).rstrip(b"="),
            f"{what}, in base64url": base64.urlsafe_b64encode(octets).rstrip(b"="),
        }

    def create_client(self, client_id: str, *flags: str, shown: str = "") -> RegisteredClient:
        client = self.grantd.create_client(
            client_id,
            *("--scope", "read", "--default-scope", "read", "--issue-refresh-token"),
            *("--grant", "client_credentials", "--grant", "refresh_token", *flags),
        )
        secret = self.hide(f"the secret of {client_id}", client.secret or shown)
        userpass = base64.b64encode(f"{client_id}:{secret}".encode())
        self.needles[f"the credentials of {client_id}"] = userpass
        return RegisteredClient(client_id, secret)

    def type_in(
        self, *command: str, stdin: str = "", shows: Sequence[str] = (), store: str = ""
    ) -> list[str]:
        """Run a command that prints the facts *shows*, and return them."""
        done = self.grantd.run(
            *command, stdin=stdin, environment={"GRANTD_STORE": store} if store else {}
        )
        kept = [line for line in done.stdout.splitlines() if not line.startswith(tuple(shows))]
        self.printed.append((" ".join(command), "\n".join([*kept, done.stderr])))
        shown = dict(line.split() for line in done.stdout.splitlines() if line not in kept)
        return [shown[name] for name in shows]

    def leaks(self, text: bytes) -> list[str]:
        """Return what is to be seen in *text*, by name."""
        return [what for what, needle in self.needles.items() if needle in text]


@pytest.fixture(scope="module", params=["sqlite", "redis"])
def story(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    """Everything that a server can hear, on each store, and then the store goes away."""
    folder: Path = tmp_path_factory.mktemp("grantd")
    settings = {"log_level": "debug", **_signing_key(folder)}
    if request.param == "sqlite":
        server = GrantdProcess(folder, settings=settings)
        told = Story(server, folder / "grantd.db")
        with _served(server):
            _tell(told)
            _type_token_commands(told)
            yield told
        return
    stored: Path = tmp_path_factory.mktemp("redis")
    redis = RedisServer.start(stored, password=STORE_PASSWORD)
    password_file = folder / "redis.password"
    password_file.write_text(STORE_PASSWORD)
    settings["store_password_file"] = str(password_file)
    server = GrantdProcess(folder, store=redis.url, settings=settings)
    told = Story(server, stored)
    try:
        with _served(server):
            _tell(told)
            redis.kill()
            _ask_without_a_store(told)
            yield told
    finally:
        redis.stop()


def test_the_log_shows_nothing(story: Story) -> None:
    """Not at level debug, whatever was sent and refused; and it is the log of all that."""
    log = story.grantd.log.read_bytes()
    for event in (b"token.issued", b"token.refreshed", b"token.refused", b"token.revoked"):
        assert event in log
    assert b'"outcome":"alarm"' in log
    assert b'"level":"debug"' in log or b'"level": "debug"' in log
    leaks = story.leaks(log)  # by itself, so that a failure does not print the log
    assert leaks == []


def test_the_command_line_shows_nothing_but_what_it_was_asked_for(story: Story) -> None:
    """A new secret and a new token, once each, in the line of that name."""
    assert all(text.strip() for _, text in story.printed)
    leaks = [(command, story.leaks(text.encode())) for command, text in story.printed]
    assert [leak for leak in leaks if leak[1]] == []


def test_the_process_table_shows_nothing(story: Story) -> None:
    """Neither arguments nor environment, of the supervisor or of a worker."""
    supervisor = psutil.Process(story.grantd.pid)
    workers = supervisor.children(recursive=True)
    assert len(workers) == 2
    for process in (supervisor, *workers):
        for what in ("cmdline", "environ"):
            shown = Path("/proc", str(process.pid), what).read_bytes()
            leaks = story.leaks(shown)
            assert (bool(shown), leaks) == (True, [])


def test_the_store_shows_nothing(story: Story) -> None:
    """A stolen store opens nothing (D3): neither the database nor what Redis wrote.

    Left out are the files that hold what they are there to hold.
    """
    stored = story.stored
    files = [
        *stored.parent.glob(f"{stored.name}*"),
        *(path for path in stored.rglob("*") if path.is_file()),
    ]
    octets = b"".join(
        path.read_bytes()
        for path in files
        if path.is_file() and path.suffix not in {".key", ".conf"}
    )
    leaks = story.leaks(octets)
    assert (b"ledger" in octets, leaks) == (True, [])


def _signing_key(folder: Path) -> dict[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    pem, passphrase = folder / "signing.pem", folder / "signing.passphrase"
    encrypted = BestAvailableEncryption(PASSPHRASE.encode())
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encrypted))
    passphrase.write_text(PASSPHRASE)
    (folder / "signing.plain").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    (folder / "signing.d").write_bytes(key.private_numbers().private_value.to_bytes(32))
    return {"signing_key_file": str(pem), "signing_key_passphrase_file": str(passphrase)}


@contextmanager
def _served(server: GrantdProcess) -> Iterator[None]:
    server.start()
    try:
        yield
        assert server.stop() == 0
    finally:
        server.kill()


def _tell(story: Story) -> None:
    _hide_keys(story)
    story.grantd.create_scopes("read")
    ledger = story.create_client("ledger")
    vault = story.create_client("vault", "--token-format", "opaque")
    for name, edge in (("HTTP", HttpEdge(story.grantd)), ("gRPC", GrpcEdge(story.grantd))):
        for client in (ledger, vault):
            _live(story, edge, client, name)
    _send_what_is_malformed(story, ledger)
    _type_administrative_commands(story)


def _hide_keys(story: Story) -> None:
    folder = story.grantd.folder
    story.hide("the passphrase", PASSPHRASE)
    story.hide("the password of the store", STORE_PASSWORD)
    story.hide("a wrong secret", WRONG)
    story.hide("a token of others", FOREIGN)
    story.hide_octets("the signing key", (folder / "signing.d").read_bytes())
    for kind in ("pem", "plain"):
        _, *body, _ = (folder / f"signing.{kind}").read_text().splitlines()
        for number, line in enumerate(body):
            story.needles[f"line {number} of signing.{kind}"] = line.encode()
    (master_key,) = [*folder.glob("grantd.db.key"), *folder.glob("master.key")]
    story.hide_octets("the master key", base64.b64decode(master_key.read_bytes()))


def _live(story: Story, edge: Edge, client: RegisteredClient, name: str) -> None:
    """Issue, refresh, introspect, replay, and be refused in every way there is."""

    def hide(what: str, token: str) -> str:
        return story.hide(f"the {what} token of {client.client_id} over {name}", token)

    issued = edge.issue(client, in_request=True)
    hide("first access", issued.access_token)
    first = hide("first refresh", issued.refresh_token)
    renewed = edge.issue(client, "refresh_token", refresh_token=first)
    access_token = hide("second access", renewed.access_token)
    second = hide("second refresh", renewed.refresh_token)
    for token in (access_token, second, FOREIGN):
        edge.introspect(client, token)
        edge.introspect(client, f"{token}x")
        edge.revoke(client, f"{token}x")
    for refresh_token in (first, second, FOREIGN, access_token):
        with pytest.raises(Refusal):
            edge.issue(client, "refresh_token", refresh_token=refresh_token)
    for token in (access_token, second, FOREIGN):
        edge.revoke(client, token)
    impostor = RegisteredClient(client.client_id, WRONG)
    for in_request in (False, True):
        with pytest.raises(Refusal):
            edge.issue(impostor, in_request=in_request)
    for ask in (edge.introspect, edge.revoke):
        with pytest.raises(Refusal):
            ask(impostor, access_token)


def _send_what_is_malformed(story: Story, client: RegisteredClient) -> None:
    """A secret or token where it does not belong, or in a request that cannot be read."""
    grantd = story.grantd
    credentials = base64.b64encode(f"{client.client_id}:{client.secret}".encode()).decode()
    form = "application/x-www-form-urlencoded"
    sent: tuple[tuple[str, dict[str, str], str], ...] = (
        (f"/access_token?client_id=ledger&client_secret={client.secret}", {}, ""),
        (f"/introspect?token={FOREIGN}", {}, ""),
        (f"/nowhere/{FOREIGN}", {}, ""),
        ("/access_token", {"Authorization": f"Basic {credentials}*"}, ""),
        ("/access_token", {"Authorization": f"Bearer {FOREIGN}"}, ""),
        ("/access_token", {"Authorization": f"Basic {credentials}"}, f"token={FOREIGN}&%zz=1"),
        ("/access_token", {"Content-Type": "application/json"}, f'{{"s":"{client.secret}"}}'),
        ("/access_token", {}, f"client_secret={client.secret}&client_secret={client.secret}"),
        ("/revoke", {}, f"client_id=ledger&client_secret={client.secret}%ff&token={FOREIGN}"),
    )
    for target, headers, body in sent:
        lines = {"Content-Type": form, **headers, "Content-Length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        reply = grantd.send_raw(
            f"POST {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n{body}".encode()
        )
        assert reply.startswith(b"HTTP/1.1 4")
        leaks = story.leaks(reply)
        assert leaks == []
    with grpc.insecure_channel(grantd.grpc_target, options=NO_PROXY) as channel:
        for method in ("IssueToken", "IntrospectToken", "Nothing"):
            with pytest.raises(grpc.RpcError) as caught:
                channel.unary_unary(f"/grantd.v1.TokenService/{method}")(
                    b"\xff" + client.secret.encode(),
                    metadata=(("authorization", f"Basic {credentials}"),),
                    timeout=20,
                )
            leaks = story.leaks((caught.value.details() or "").encode())
            assert leaks == []


def _type_administrative_commands(story: Story) -> None:
    (story.grantd.folder / "imported.secret").write_text(IMPORTED)
    story.create_client("import", "--secret-file", "imported.secret", shown=IMPORTED)
    (secret,) = story.type_in("clients", "create", "--id", "typed", shows=["client_secret"])
    story.hide("the secret of typed", secret)
    story.type_in("clients", "list", store=f"redis://:{STORE_PASSWORD}@127.0.0.1:1/0")
    commands = (
        *("clients show import", "clients list", "keys list", "master-key list"),
        *("config show", "doctor"),
    )
    with ThreadPoolExecutor(max_workers=2) as typists:
        list(typists.map(lambda command: story.type_in(*command.split()), commands))


def _type_token_commands(story: Story) -> None:
    """They speak to the server alone, and know nothing of the store."""
    secrets = {
        "right.secret": story.needles["the secret of ledger"],
        "wrong.secret": WRONG.encode(),
    }
    for name, octets in secrets.items():
        (story.grantd.folder / name).write_bytes(octets)
    asker = ("--client-id", "ledger", "--secret-file")
    pair = ["access_token", "refresh_token"]
    issued = story.type_in("token", "issue", *asker, "right.secret", shows=pair)
    for what, token in zip(pair, issued, strict=True):
        story.hide(f"the {what} of the command line", token)
    story.type_in("token", "issue", *asker, "wrong.secret")
    for command in ("introspect", "revoke"):
        story.type_in("token", command, *asker, "right.secret", stdin=issued[0])
    for token in (issued[0], FOREIGN):
        story.type_in("token", "decode", "--verify", stdin=token)


def _ask_without_a_store(story: Story) -> None:
    """Every refusal of the store's client has its detail in the log."""
    client = RegisteredClient("ledger", WRONG)
    for edge in (HttpEdge(story.grantd), GrpcEdge(story.grantd)):
        for ask in (edge.introspect, edge.revoke):
            with pytest.raises(Refusal) as refused:
                ask(client, FOREIGN)
            assert refused.value.error == "temporarily_unavailable"
    story.type_in("clients", "list")
