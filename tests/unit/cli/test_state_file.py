import json
from datetime import timedelta
from pathlib import Path

import pytest

from domain.model.clients import GrantType
from domain.model.credentials import AuthMethod
from domain.model.desired_state import DesiredClient, DesiredState
from domain.model.scopes import Scope
from domain.usecases.apply_state import Unattainable
from entrypoints.cli.exits import Refused
from entrypoints.cli.state_file import path_text, read_state, read_state_file
from entrypoints.cli.yaml_nodes import NotPlainYaml
from support.core import HandWiredCore, build_core, draft
from support.domain_samples import LEDGER
from support.states import desired, state_file

KEY = {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}


@pytest.fixture
async def core() -> HandWiredCore:
    core = await build_core()
    await core.register(draft(LEDGER, owner="ada"))
    return core


async def told(core: HandWiredCore, text: str, *, prune: bool = False) -> list[str]:
    """Return every problem of a file as `line:column path sentence`."""
    read = state_file(text)
    planned = await core.apply_state.plan(read.desired, prune=prune)
    judged = planned.problems if isinstance(planned, Unattainable) else ()
    return [
        f"{place.line}:{place.column} {path_text(problem.path)}: {problem.sentence}"
        for place, problem in read.with_those_of(judged)
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1", "1:1 a: there is no such key"),
        ("polciy: {}", "1:1 polciy: there is no such key; did you mean policy?"),
        ("clients: []\nclients: []", "2:1 clients: this key stands here twice"),
        ("clients:", "1:9 clients: nothing stands here: write a value, or leave the key out"),
        ("clients: {}", "1:10 clients: a list is needed; write [] for none"),
        ("- a", "1:1 : keys are needed here, of resources, scopes, clients, policy"),
        ("policy: 5", "1:9 policy: keys are needed here, of access_token_ttl, "),
        ("policy: {access_token_ttl: 60}", "1:28 policy.access_token_ttl: a duration like "),
        ("policy: {access_token_ttl: 0s}", "1:28 policy.access_token_ttl: a second or more"),
        ("policy: {require_scope: yes}", "1:25 policy.require_scope: true or false is needed"),
        ("policy: {token_format: JWT}", "1:24 policy.token_format: one of jwt, opaque is needed"),
        (
            'clients: [{id: a, secret: {file: "a\\0b"}}]',
            "1:27 clients[0].secret: the path of a file is needed",
        ),
        (
            'clients: [{id: a, auth_methods: [private_key_jwt], jwks_file: "a\\0b"}]',
            "1:63 clients[0].jwks_file: the path of a file is needed",
        ),
        ("policy: {max_families_per_client: 0}", "1:35 policy.max_families_per_client: a whole "),
        (
            "policy: {grant_access_token_ttl: {implicit: 5m}}",
            "1:35 policy.grant_access_token_ttl: one of client_credentials, refresh_token is",
        ),
        (
            "policy: {grant_access_token_ttl: {refresh_token: 5m, refresh_token: 6m}}",
            "1:54 policy.grant_access_token_ttl: a key stands here twice",
        ),
        (
            "policy: {signing_algorithm: EdDSA}",
            "1:29 policy.signing_algorithm: there is no active key for EdDSA",
        ),
        ("resources: [{id: https://a.example#b}]", "1:18 resources[0].id: an absolute URI "),
        ("resources: [{name: x}]", "1:13 resources[0]: id is missing"),
        (
            "resources:\n- id: https://a.example\n- id: https://a.example",
            "3:7 resources[1].id: a resource of that id stands before it",
        ),
        (
            "resources: [{id: https://a.example, signing_algorithm: EdDSA}]",
            "1:56 resources[0].signing_algorithm: there is no active key for EdDSA",
        ),
        (
            f"resources: [{{id: https://a.example, name: {'x' * 201}}}]",
            "1:13 resources[0]: a name has up to 200 characters, all printable",
        ),
        (
            f"scopes: [{{name: a, description: {'x' * 1_001}}}]",
            "1:10 scopes[0]: a description has up to 1000 characters, all printable",
        ),
        ("scopes: [{name: a b}]", "1:17 scopes[0].name: no scope can be written like that"),
        ("scopes: [{name: a}, {name: a}]", "1:28 scopes[1].name: a scope of that name stands"),
        ("scopes: [{name: grantd.admin.read}]", "1:17 scopes[0].name: this scope is grantd's own"),
        (
            "scopes: [{name: a, resource: https://invoice.example}]",
            (
                "1:30 scopes[0].resource: there is no resource https://invoice.example;"
                " did you mean https://invoices.example?"
            ),
        ),
        ("clients: [{id: 5}]", "1:16 clients[0].id: a text is needed"),
        ("clients: [{id: a}, {id: a}]", "1:25 clients[1].id: a client of that id stands before"),
        (
            "clients:\n- id: a\n  scope:\n  - invoices.read\n  - invoices.raed",
            "5:5 clients[0].scope: there is no scope invoices.raed; did you mean invoices.read?",
        ),
        ("clients: [{id: a, scope: [[a]]}]", "1:27 clients[0].scope: a text is needed"),
        ("clients: [{id: a, scope: {}}]", "1:26 clients[0].scope: a list of scopes is needed"),
        (
            "clients: [{id: a, audiences: [https://x.example]}]",
            "1:31 clients[0].audiences: there is no resource https://x.example",
        ),
        ("clients: [{id: a, audiences: x}]", "1:30 clients[0].audiences: a list is needed"),
        (
            "clients: [{id: a, default_scope: profile}]",
            "1:11 clients[0]: the default scope exceeds",
        ),
        ("clients: [{id: a, subject: owner}]", "1:11 clients[0]: subject owner needs an owner"),
        ("clients: [{id: ledger}]", "1:11 clients[0].owner: an owner stays: delete the client"),
        ("clients: [{id: a, owner: ledger}]", "1:26 clients[0].owner: a client has that name as"),
        ("clients: [{id: ada}]", "1:16 clients[0].id: a client has an owner of that name"),
        ("clients: [{id: a, public: 1}]", "1:27 clients[0].public: true or false is needed"),
        (
            "clients: [{id: a, public: true, auth_methods: [client_secret_basic]}]",
            "1:27 clients[0].public: auth_methods says otherwise",
        ),
        (
            "clients: [{id: a, jwks_uri: http://a.example/k}]",
            "1:29 clients[0].jwks_uri: https is needed, or http on loopback",
        ),
        ("clients: [{id: a, jwks: {keys: []}}]", "1:25 clients[0].jwks: 1 to 10 keys are taken"),
        (
            "clients: [{id: a, jwks_file: k.json, jwks_uri: https://a.example}]",
            "1:30 clients[0].jwks_file: not together with jwks_uri",
        ),
        (
            "clients: [{id: a, jwks_file: k.json}]",
            "1:30 clients[0].jwks_file: /nowhere/k.json cannot be read: No such file",
        ),
        (
            "clients: [{id: a, secret: hunter2}]",
            "1:27 clients[0].secret: a secret does not stand in this file: write secret: ",
        ),
        (
            "clients: [{id: a, secret: {file: s}}]",
            "1:34 clients[0].secret.file: /nowhere/s cannot be read: No such file",
        ),
        ("clients: [{id: a, secret: {flie: s}}]", "1:28 clients[0].secret.flie: there is no such"),
    ],
)
async def test_a_problem_is_told_with_its_place_and_field(
    core: HandWiredCore, text: str, problem: str
) -> None:
    """The first is the one that the table is about; what follows from it may follow."""
    first, *_ = await told(core, text)

    assert first.startswith(problem)


async def test_all_problems_are_told_at_once_in_the_order_of_the_file(core: HandWiredCore) -> None:
    """Whether reading found them or judging."""
    problems = await told(
        core,
        """
clients:
- id: a
  scope: nothing.known
- id: b
  colour: red
  default_scope: profile
scopes:
- name: c
  resource: https://x.example
""",
    )

    assert [problem.split(": ")[0] for problem in problems] == [
        "4:10 clients[0].scope",
        "6:3 clients[1].colour",
        "10:13 scopes[0].resource",
    ]


async def test_no_problem_shows_a_value_that_could_be_a_secret(core: HandWiredCore) -> None:
    """A secret that was written where it does not belong stays untold."""
    text = "clients: [{id: a, secret: hunter2, name: [hunter2], grants: hunter2, jwks: hunter2}]"

    assert "hunter2" not in str(await told(core, text))


async def test_what_a_client_had_before_may_stay_though_nothing_defines_it(
    core: HandWiredCore,
) -> None:
    """Else a state with a scope that was deleted could not be exported and applied."""
    await apply_without_scopes(core)

    assert await told(core, "clients: [{id: ledger, owner: ada, scope: invoices.read}]") == []
    assert await told(core, "clients: [{id: new, scope: invoices.read}]")


async def apply_without_scopes(core: HandWiredCore) -> None:
    for scope in tuple((await core.catalogue.read()).scopes.values()):
        if not scope.token.startswith("grantd."):
            await core.administer_catalogue.remove_scope(scope.token)


async def test_a_resource_whose_scopes_the_file_leaves_alone_is_not_pruned(
    core: HandWiredCore,
) -> None:
    """Its scopes would be nobody's."""
    problems = await told(core, "resources: []", prune=True)

    assert problems[0] == (
        "1:12 resources: https://invoices.example would be removed"
        " and still owns the scope invoices.read"
    )


@pytest.mark.parametrize(
    ("text", "place", "sentence"),
    [
        ("", (1, 1), "there is nothing in it"),
        ("# nothing", (1, 1), "there is nothing in it"),
        ("a: [1\nb: }", (2, 2), "not YAML: "),
        ("a: {b: 1\n c: 2}", (2, 3), "not YAML: "),
        ("a:\n  b: &x [1]\n  c: *x", (3, 6), "aliases are not taken"),
        ("a: !!python/object/apply:os.system [x]", (1, 4), "tags are not taken"),
        ("a: !secret x", (1, 4), "tags are not taken"),
        ("a: 1\n---\nb: 2", (2, 1), "a second document"),
        ("? [a]\n: b", (1, 3), "a key has to be a text"),
        ("1: b", (1, 1), "a key has to be a text"),
        ("a: " + "[" * 1_000_000, (1, 23), "nested too deeply"),
        ("a: b\nc: \x07", (2, 4), "not YAML: a character that may not stand there"),
        ("a: ä\nb: c\nd: \x07", (3, 4), "not YAML: a character that may not stand there"),
        (f"a: {'9' * 5_000}", (1, 4), "too large a number"),
    ],
)
def test_what_is_no_plain_yaml_is_refused_with_its_place(
    text: str, place: tuple[int, int], sentence: str
) -> None:
    """One document of plain data, of a depth that a person writes."""
    with pytest.raises(NotPlainYaml) as refused:
        state_file(text)

    assert str(refused.value).startswith(sentence)
    assert (refused.value.place.line, refused.value.place.column) == place


def test_a_file_that_is_too_large_is_not_read_on(tmp_path: Path) -> None:
    """Nobody writes that much by hand."""
    file = tmp_path / "grantd.yaml"
    file.write_bytes(b"#" * (16 * 1_024 * 1_024 + 1))

    with pytest.raises(Refused, match="larger than 16 MiB"):
        read_state_file(file)
    with pytest.raises(Refused, match="larger than 16 MiB"):
        read_state_file(Path("/dev/zero"))


def only_client(text: str) -> DesiredClient:
    clients = desired(text).clients
    assert clients is not None
    [wanted] = clients
    return wanted


def test_a_client_is_read_with_the_defaults_of_clients_create() -> None:
    """An id is enough."""
    wanted = only_client("clients: [{id: a}]")

    assert wanted.draft.auth_methods == {
        AuthMethod.CLIENT_SECRET_BASIC,
        AuthMethod.CLIENT_SECRET_POST,
    }
    assert wanted.draft.grant_types == {GrantType.CLIENT_CREDENTIALS}


@pytest.mark.parametrize("scope", ["a b", "[a, b]", "[b, a]", "'a  b'", "|\n    a\n    b"])
def test_scopes_are_a_list_or_a_text(scope: str) -> None:
    """However people like to write them."""
    wanted = only_client(f"clients:\n- id: c\n  scope: {scope}\n")

    assert wanted.draft.scope == Scope.parse("a b")


def test_sections_that_are_left_out_are_not_empty_ones() -> None:
    """What is not there is not managed."""
    assert desired("scopes: []") == DesiredState(scopes=())


def test_files_that_are_named_lie_beside_the_state(tmp_path: Path) -> None:
    """Wherever the command runs."""
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [KEY]}), encoding="utf-8")
    (tmp_path / "ledger.secret").write_text("correct horse\n", encoding="utf-8")
    text = """
clients:
- id: a
  auth_methods: [private_key_jwt]
  jwks_file: keys.json
- {id: b, secret: {file: ledger.secret}, refresh_grace: 0s}
"""

    read = read_state(text, beside=tmp_path)

    assert not read.problems
    assert read.desired.clients is not None
    by_key, by_secret = read.desired.clients
    assert by_key.draft.jwks is not None
    assert json.loads(by_key.draft.jwks) == {"keys": [KEY]}
    assert by_secret.secret is not None
    assert by_secret.draft.refresh_grace == timedelta()
