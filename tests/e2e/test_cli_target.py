"""`--target`: the same commands, the same output, by a running server instead of the store."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support.free_ports import free_port
from support.grantd_process import GrantdProcess
from support.many_commands import Done, run_commands
from support.transcripts import Step, play, require_one_line

SETTINGS = {"audit_log": "off", "issuer": "https://id.example"}
BOTH_SCOPES = "grantd.admin.read grantd.admin.write"
METADATA = """[
  {"client_id": "first", "scope": "books.read", "token_endpoint_auth_method": "client_secret_post"},
  {"client_id": "second", "client_name": "Second", "redirect_uris": []}
]"""
BAD_METADATA = '[{"client_id": "third"}, {"client_id": "fourth", "scope": "unheard.of"}]'
TWICE = '[{"client_id": "fifth"}, {"client_id": "fifth"}]'

# What every command under the four names does, and what it refuses.
COMMANDS = (
    "scopes create books.read --description Reading --json",
    "scopes create books.write",
    "scopes create books.write",
    "scopes create 'two words'",
    "scopes create grantd.admin.read",
    "scopes list",
    "scopes list --json",
    "scopes list --limit 1 --after books.read",
    "scopes show books.read --json",
    "scopes show unheard.of",
    "resources create https://books.example --name Books --access-token-ttl 10m --json",
    "resources create books#1",
    "resources create https://eddsa.example --signing-alg EdDSA",
    "resources list",
    "resources show https://books.example",
    "resources update https://books.example --token-format jwt --json",
    "resources update https://books.example --name B --if-etag 0123456789abcdef",
    "resources disable https://books.example",
    "resources list --json",
    "resources enable https://books.example --json",
    "scopes update books.write --resource https://books.example --json",
    "scopes update books.write --resource https://unheard.example",
    "scopes disable books.write",
    "scopes enable books.write",
    "resources delete https://books.example",
    "clients create --id billing --scope books.read --default-scope books.read --owner ada --json",
    "clients create --id reader --name Reader --subject owner --owner bob --introspect-any",
    "clients create --id shelf --serves https://books.example --audience https://books.example",
    "clients create --id billing",
    "clients create --id other --public --json",
    "clients create --id lost --scope unheard.of",
    "clients create --id refresher --grant refresh_token --issue-refresh-token",
    "clients create --id signer --auth-method client_secret_jwt --json",
    "clients register metadata.json",
    "clients register bad.json",
    "clients register twice.json",
    "clients list",
    "clients list --json",
    "clients list --limit 2 --after billing",
    "clients show billing",
    "clients show billing --json",
    "clients show nobody --json",
    "clients update billing --name Bills --access-token-ttl 5m --refresh-token-ttl 7d --json",
    "clients update billing --unset access-token-ttl --if-version 1",
    "clients update billing --unset access-token-ttl --if-version 2",
    "clients update billing --auth-method client_secret_jwt",
    "clients update billing --auth-method client_secret_jwt --new-secret --json",
    "clients update nobody --name A",
    "clients disable billing",
    "clients enable billing --json",
    "clients revoke-all billing",
    "clients secrets add billing --label spare --expires-in 1h",
    "clients secrets add other",
    "clients secrets list billing",
    "clients secrets list billing --json",
    "clients secrets list nobody",
    "clients rotate-secret billing --overlap 1h --json",
    "clients secrets expire billing ffffffff",
    "clients secrets delete billing ffffffff --json",
    "clients delete billing",
    "clients delete billing --json",
    "scopes delete books.read --json",
    "keys list",
    "keys list --json",
    "keys rotate --json",
    "keys rotate",
    "keys rotate --now --yes",
    "keys rotate --purpose secret-pepper --json",
    "keys rotate --purpose refresh-mac",
    "keys retire nothing",
    "keys revoke nothing --yes --json",
    "keys export-public --format pem",
    "keys export-public nothing",
    "clients create",  # its id is made up, so it is in no list above
)  # fmt: skip


@pytest.fixture(scope="module")
def server(store: str, start_grantd: Callable[..., GrantdProcess]) -> GrantdProcess:
    """A server with a client that may administer it, and one that may only look."""
    grantd = start_grantd(store, SETTINGS, grpc=True)
    create_administrators(grantd)
    return grantd


def create_administrators(grantd: GrantdProcess) -> None:
    for name, scope in (("operator", BOTH_SCOPES), ("auditor", "grantd.admin.read")):
        made = grantd.create_client(name, "--scope", scope)
        (grantd.folder / f"{name}.secret").write_text(f"{made.secret}\n")


def target(server: GrantdProcess, client: str = "operator") -> tuple[str, ...]:
    as_whom = ("--target-client", client, "--target-secret-file", f"{client}.secret")
    return ("--target", server.grpc_target, *as_whom)


def split(command: str) -> list[str]:
    return [word.strip("'") for word in re.findall(r"'[^']*'|\S+", command)]


# What chance and the clock decide, and so differs from one run to the next.
CHANCE = (
    (r"gds_[0-9a-f]{8}_[\w-]{43}_[0-9a-f]{8}", "SECRET"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(\+00:00)?", "TIME"),
    (r"\b1\d{9}\b", "SECONDS"),
    (r"-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----", "PEM"),
    (r"[\w-]{43}(?![\w-])", "KEY"),
    (r"(?<![\w-])[0-9a-f]{8}(?![\w-])", "SECRET ID"),
    (r"(?<![\w-])[\w-]{8}(?= +(refresh-mac|secret-pepper))", "DATA KEY"),
    (r'^[\w-]{8}$|(?<="kid": ")[\w-]{8}(?=")|(?<=Key )[\w-]{8}(?= is )', "DATA KEY"),
    (r'(?<="client_id": ")[\w-]{16}(?=")', "MADE UP"),
    (r"(?<![\w-])[\w-]{16}(?=  +client_credentials|$| -d grant)", "MADE UP"),
    (r" +$|─+", ""),
)


def without_chance(text: str) -> str:
    for pattern, name in CHANCE:
        text = re.sub(pattern, name, text, flags=re.MULTILINE)
    return re.sub(r" {2,}", "  ", text)


def comparable(done: Done) -> tuple[int, str, str]:
    return done.status, without_chance(done.stdout), without_chance(done.stderr)


def test_every_command_says_the_same_by_a_server_as_by_the_store(
    server: GrantdProcess, store: str, prepare_grantd: Callable[..., GrantdProcess]
) -> None:
    """What it prints, what it refuses and with which exit status, for one list of commands."""
    twin = prepare_grantd(store, settings=SETTINGS)
    create_administrators(twin)
    for one in (server, twin):
        (one.folder / "metadata.json").write_text(METADATA)
        (one.folder / "bad.json").write_text(BAD_METADATA)
        (one.folder / "twice.json").write_text(TWICE)
    commands = [split(command) for command in COMMANDS]

    with ThreadPoolExecutor() as pool:
        stored = pool.submit(run_commands, twin, commands)
        served = pool.submit(
            run_commands, server, [[*command, *target(server)] for command in commands]
        )

    by_server, by_store = ([comparable(done) for done in one.result()] for one in (served, stored))
    for command, seen, expected in zip(COMMANDS, by_server, by_store, strict=True):
        assert seen == expected, command
    assert {status for status, _, _ in by_store} == {0, 1}


def test_the_store_and_the_server_show_one_state(server: GrantdProcess) -> None:
    """Byte for byte, where nothing is left to chance."""
    reading = ["clients list --json", "scopes list", "resources list --json", "keys list --json"]
    commands = [split(command) for command in reading]

    by_store = run_commands(server, commands)
    by_server = run_commands(server, [[*command, *target(server)] for command in commands])

    assert [(done.status, done.stdout, done.stderr) for done in by_server] == [
        (done.status, done.stdout, done.stderr) for done in by_store
    ]


class TestUsage:
    def test_the_installed_program_administers_a_server_from_its_environment(
        self, server: GrantdProcess, tmp_path: Path
    ) -> None:
        """Without the store, from anywhere."""
        environment = {
            "GRANTD_STORE": f"sqlite:///{tmp_path}/nothing.db",
            "GRANTD_TARGET": server.grpc_target,
            "GRANTD_TARGET_CLIENT": "operator",
            "GRANTD_TARGET_SECRET_FILE": str(server.folder / "operator.secret"),
        }
        done = server.run("clients", "show", "auditor", "--json", environment=environment)

        assert (done.returncode, done.stderr) == (0, "")
        assert '"client_id": "auditor"' in done.stdout
        assert list(tmp_path.iterdir()) == []

    def test_who_may_only_look_is_told_so(self, server: GrantdProcess) -> None:
        """The server grants no token of more, and one line says what is missing."""
        looking, changing = run_commands(
            server,
            [
                ["scopes", "list", *target(server, "auditor")],
                ["scopes", "create", "mine", *target(server, "auditor")],
            ],
        )

        assert (looking.status, changing.status) == (0, 1)
        require_one_line(changing.stderr)
        assert "grantd.admin.write" in changing.stderr

    def test_a_server_that_is_away_is_unavailable(self, server: GrantdProcess) -> None:
        """Exit status 3, as with a store that is down."""
        nobody = f"127.0.0.1:{free_port()}"
        [done] = run_commands(server, [["clients", "list", *target(server), "--target", nobody]])

        assert (done.status, done.stdout) == (3, "")
        assert (
            done.stderr == f"grantd: The service cannot answer now. ({nobody} cannot be reached)\n"
        )

    def test_what_cannot_go_to_a_server_is_wrong_usage(self, server: GrantdProcess) -> None:
        """And says why."""
        server.folder.joinpath("key.pem").touch()
        remote = target(server)
        asked = [
            ["revoke", "--client", "x", *remote],
            ["keys", "import", "key.pem", *remote],
            ["clients", "unused", *remote],
            ["backup", "copy.db", *remote[:2]],
            ["clients", "list", "--target", "192.0.2.1:50051", *remote[2:]],
            ["clients", "list", *remote[:2]],
        ]
        not_sent = r"^grantd: this command works on the store itself and cannot be sent"
        expected = [
            not_sent,
            not_sent,
            not_sent,
            not_sent,
            r"^grantd: 192\.0\.2\.1:50051 is not on loopback.*--target-insecure",
            r"^grantd: --target needs --target-client and --target-secret-file",
        ]

        for done, pattern in zip(run_commands(server, asked), expected, strict=True):
            require_one_line(done.stderr)
            assert re.search(pattern, done.stderr), done
            assert done.status == 2

    def test_off_is_the_store(self, server: GrantdProcess) -> None:
        """A flag goes before a variable that names a server."""
        play(
            lambda *command, stdin="": server.run(
                *command, stdin=stdin, environment={"GRANTD_TARGET": server.grpc_target}
            ),
            Step(command=["scopes", "list"], status=2, stderr=[r"--target needs --target-client"]),
            Step(command=["scopes", "list", "--target", "off"], stdout=[r"grantd\.admin\.read"]),
        )
