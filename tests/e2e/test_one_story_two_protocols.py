"""One story told over HTTP and over gRPC, on each store, and compared claim by claim."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import jwt
import pytest

from support.edges import Edge, GrpcEdge, HttpEdge, Refusal
from support.grantd_process import GrantdProcess, RegisteredClient

BOOKS = "https://books.example.com"
LOANS = "https://loans.example.com"
OWN_OF_EACH_TOKEN = {"iat", "exp", "jti"}

ACCESS_TOKEN_MEMBERS = {
    "active", "scope", "client_id", "token_type", "exp", "iat", "sub", "aud", "iss", "jti", "owner",
}  # fmt: skip
REFRESH_TOKEN_MEMBERS = {"active", "scope", "client_id", "exp", "iat", "iss", "aud"}

# Who asks, in either form: for itself, on its owner's behalf for two resources, with refresh.
PLAIN, OWNED, RENEWING = "plain", "owned", "renewing"
FLAGS: Mapping[str, tuple[str, ...]] = {
    PLAIN: ("--owner", "alice"),
    OWNED: ("--owner", "bob", "--subject", "owner", "--audience", BOOKS, "--audience", LOANS),
    RENEWING: (
        *("--owner", "carol", "--issue-refresh-token"),
        *("--grant", "client_credentials", "--grant", "refresh_token"),
    ),
}
FORMS = ("jwt", "opaque")


@dataclass(frozen=True)
class Stage:
    """A server and those who play in the story."""

    grantd: GrantdProcess
    http: Edge
    grpc: Edge
    clients: Mapping[str, RegisteredClient]

    def pair(self, first: str) -> tuple[Edge, Edge]:
        """Return both edges, *first* first."""
        return (self.http, self.grpc) if first == "http" else (self.grpc, self.http)

    def on_both(self, asker: str, token: str) -> dict[str, Any]:
        """Introspect over both protocols, require one answer, and return it."""
        told = self.http.introspect(self.clients[asker], token)
        assert self.grpc.introspect(self.clients[asker], token) == told
        return told

    def is_active(self, asker: str, token: str) -> bool:
        return bool(self.on_both(asker, token)["active"])


@pytest.fixture(scope="module")
def stage(start_grantd: Callable[..., GrantdProcess], store: str) -> Stage:
    grantd = start_grantd(store, grpc=True)
    grantd.create_scopes("read", "write")
    for resource in (BOOKS, LOANS):
        grantd.require("resources", "create", resource)
    scope = ("--scope", "read write", "--default-scope", "read")
    clients = {
        f"{name}-{form}": (*flags, *scope, "--token-format", form)
        for name, flags in FLAGS.items()
        for form in FORMS
    } | {
        "library": ("--serves", grantd.issuer, "--serves", BOOKS),
        "stranger": scope,
        "app": (*scope, "--public"),
    }
    with ThreadPoolExecutor(max_workers=2) as registrars:
        made = registrars.map(lambda name: grantd.create_client(name, *clients[name]), clients)
        return Stage(
            grantd, HttpEdge(grantd), GrpcEdge(grantd), {one.client_id: one for one in made}
        )


@pytest.fixture(params=["http", "grpc"])
def here(request: pytest.FixtureRequest) -> str:
    """The protocol that a story begins on; the other one goes on with it."""
    first: str = request.param
    return first


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.mark.parametrize("name", FLAGS)
def test_GRP_008_both_protocols_tell_the_same_of_a_token(
    stage: Stage, here: str, form: str, name: str
) -> None:
    """Every member that RFC 7662 knows, whoever issued it and whoever asks."""
    client = stage.clients[f"{name}-{form}"]
    resources = (BOOKS, LOANS) if name == OWNED else ()
    issued = stage.pair(here)[0].issue(client, scope="write read", resources=resources)

    told = stage.on_both(client.client_id, issued.access_token)
    assert set(told) == ACCESS_TOKEN_MEMBERS
    assert told["exp"] - told["iat"] == issued.expires_in == 3600
    assert {member: told[member] for member in ("active", "scope", "client_id", "token_type")} == {
        "active": True,
        "scope": issued.scope,
        "client_id": client.client_id,
        "token_type": issued.token_type,
    }
    assert told["sub"] == ("bob" if name == OWNED else client.client_id)
    assert told["aud"] == list(resources or [stage.grantd.issuer])
    assert told["iss"] == stage.grantd.issuer

    assert stage.on_both("library", issued.access_token) == told
    assert stage.on_both("stranger", issued.access_token) == {"active": False}


def test_GRP_008_both_protocols_tell_the_same_of_a_refresh_token(
    stage: Stage, here: str, form: str
) -> None:
    """To its owner only, and nothing that a resource could take for a bearer token."""
    client = stage.clients[f"{RENEWING}-{form}"]
    issued = stage.pair(here)[0].issue(client, scope="read write")

    told = stage.on_both(client.client_id, issued.refresh_token)
    assert set(told) == REFRESH_TOKEN_MEMBERS
    assert (told["client_id"], told["scope"]) == (client.client_id, "read write")
    assert stage.on_both("library", issued.refresh_token) == {"active": False}


def test_GRP_008_a_token_revoked_on_one_protocol_is_inactive_on_both(
    stage: Stage, here: str, form: str
) -> None:
    """Issued here, revoked there, and seen by the very next question on either."""
    client = stage.clients[f"{PLAIN}-{form}"]
    first, second = stage.pair(here)
    token = first.issue(client).access_token
    sibling = first.issue(client).access_token
    assert stage.is_active("library", token)

    second.revoke(stage.clients["stranger"], token)
    assert stage.is_active("library", token)

    second.revoke(client, token)
    assert first.introspect(stage.clients["library"], token) == {"active": False}
    assert stage.on_both("library", token) == {"active": False}
    assert stage.is_active("library", sibling)


def test_GRP_008_a_refresh_token_revoked_on_one_protocol_ends_everything_on_both(
    stage: Stage, here: str, form: str
) -> None:
    """It takes its family and the access tokens of the family along (RFC 7009 §2.1)."""
    client = stage.clients[f"{RENEWING}-{form}"]
    first, second = stage.pair(here)
    issued = first.issue(client)
    second.revoke(client, issued.refresh_token)

    assert not stage.is_active(client.client_id, issued.access_token)
    assert not stage.is_active(client.client_id, issued.refresh_token)
    with pytest.raises(Refusal) as refused:
        first.issue(client, "refresh_token", refresh_token=issued.refresh_token)
    assert refused.value.error == "invalid_grant"


def test_REF_003_a_replay_on_the_other_protocol_ends_the_family(
    stage: Stage, here: str, form: str
) -> None:
    """Refreshed here, replayed there: nothing of the family is good anywhere any more."""
    client = stage.clients[f"{RENEWING}-{form}"]
    first, second = stage.pair(here)
    issued = first.issue(client, scope="read write")
    renewed = second.issue(client, "refresh_token", refresh_token=issued.refresh_token)
    again = first.issue(client, "refresh_token", refresh_token=renewed.refresh_token, scope="read")
    assert (renewed.scope, again.scope) == ("read write", "read")
    for pair in (issued, renewed, again):
        assert stage.is_active(client.client_id, pair.access_token)
    assert not stage.is_active(client.client_id, renewed.refresh_token)
    assert stage.is_active(client.client_id, again.refresh_token)

    for edge, token in ((second, renewed.refresh_token), (first, again.refresh_token)):
        with pytest.raises(Refusal) as refused:
            edge.issue(client, "refresh_token", refresh_token=token)
        assert refused.value.error == "invalid_grant"
    for pair in (issued, renewed, again):
        assert not stage.is_active(client.client_id, pair.access_token)
    assert not stage.is_active(client.client_id, again.refresh_token)


@pytest.mark.parametrize("name", FLAGS)
def test_GRP_013_tokens_of_both_protocols_have_the_same_claims(stage: Stage, name: str) -> None:
    """The same names, and but for iat, exp, jti and the family's id the same values."""
    client = stage.clients[f"{name}-jwt"]
    header, claims = read(stage.http.issue(client, scope="read write").access_token)
    other_header, other_claims = read(stage.grpc.issue(client, scope="read write").access_token)

    assert header == other_header
    assert set(claims) == set(other_claims) >= OWN_OF_EACH_TOKEN
    families = [one["grantd"].pop("family", None) for one in (claims, other_claims)]
    assert (None not in families) is (name == RENEWING)
    assert without(claims, OWN_OF_EACH_TOKEN) == without(other_claims, OWN_OF_EACH_TOKEN)
    assert claims["exp"] - claims["iat"] == other_claims["exp"] - other_claims["iat"]
    assert claims["jti"] != other_claims["jti"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that is refused.

    Attributes:
        wrong: The secret to present instead of the client's own.
    """

    error: str
    client: str = f"{PLAIN}-jwt"
    grant_type: str = "client_credentials"
    scope: str = ""
    resources: tuple[str, ...] = ()
    refresh_token: str = ""
    wrong: str | None = None
    in_request: bool = False

    def ask(self, edge: Edge, stage: Stage) -> Refusal:
        asker = stage.clients.get(self.client, RegisteredClient(self.client))
        if self.wrong is not None:
            asker = RegisteredClient(self.client, self.wrong)
        with pytest.raises(Refusal) as refused:
            edge.issue(
                asker,
                self.grant_type,
                scope=self.scope,
                resources=self.resources,
                refresh_token=self.refresh_token,
                in_request=self.in_request,
            )
        return refused.value


REFUSALS: Mapping[str, Request] = {
    "a wrong secret": Request(error="invalid_client", wrong="wrong"),
    "a wrong secret in the request": Request(
        error="invalid_client", wrong="wrong", in_request=True
    ),
    "an unknown client": Request(error="invalid_client", client="nobody", wrong="wrong"),
    "no secret": Request(error="invalid_client", wrong=""),
    "no client": Request(error="invalid_client", client=""),
    "a public client": Request(error="invalid_client", client="app"),
    "a public client with a secret": Request(error="invalid_client", client="app", wrong="wrong"),
    "a wrong secret and an unknown grant": Request(
        error="invalid_client", wrong="wrong", grant_type="password"
    ),
    "no grant type": Request(error="invalid_request", grant_type=""),
    "a refresh without its token": Request(
        error="invalid_request", client=f"{RENEWING}-jwt", grant_type="refresh_token"
    ),
    "an unknown grant type": Request(error="unsupported_grant_type", grant_type="password"),
    "a grant type in capitals": Request(
        error="unsupported_grant_type", grant_type="Client_Credentials"
    ),
    "a grant that is not the client's": Request(
        error="unauthorized_client", grant_type="refresh_token", refresh_token="rubbish"
    ),
    "a client without scopes": Request(error="invalid_scope", client="library", scope="read"),
    "an unknown scope": Request(error="invalid_scope", scope="read burn"),
    "a scope outside the grammar": Request(error="invalid_scope", scope='"read"'),
    "a resource that is not the client's": Request(error="invalid_target", resources=(BOOKS,)),
    "an unknown resource": Request(
        error="invalid_target", resources=("https://nowhere.example.com",)
    ),
    "a relative resource": Request(error="invalid_target", resources=("books",)),
    "one good resource and one with a fragment": Request(
        error="invalid_target", client=f"{OWNED}-jwt", resources=(BOOKS, f"{BOOKS}#top")
    ),
    "no refresh token of ours": Request(
        error="invalid_grant",
        client=f"{RENEWING}-jwt",
        grant_type="refresh_token",
        refresh_token="rubbish",
    ),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_both_protocols_refuse_alike(stage: Stage, what: str) -> None:
    """The same code, the same sentence, the same hint."""
    request = REFUSALS[what]
    over_http = request.ask(stage.http, stage)
    assert over_http.error == request.error
    assert request.ask(stage.grpc, stage) == over_http


def test_both_protocols_refuse_the_refresh_token_of_another_client(stage: Stage, here: str) -> None:
    """And its owner can use it afterwards, on either (REF-007)."""
    client, other = stage.clients[f"{RENEWING}-jwt"], stage.clients[f"{RENEWING}-opaque"]
    first, second = stage.pair(here)
    token = first.issue(client).refresh_token
    refusals = []
    for edge in (first, second):
        with pytest.raises(Refusal) as refused:
            edge.issue(other, "refresh_token", refresh_token=token)
        refusals.append(refused.value)
    assert refusals[0] == refusals[1]
    assert refusals[0].error == "invalid_grant"
    assert second.issue(client, "refresh_token", refresh_token=token).refresh_token


@pytest.mark.parametrize("verb", ["introspect", "revoke"])
@pytest.mark.parametrize(
    ("secret", "token", "error"),
    [("", "rubbish", "invalid_client"), ("wrong", "rubbish", "invalid_client"),
     (None, "", "invalid_request")],
)  # fmt: skip
def test_both_protocols_refuse_questions_about_tokens_alike(
    stage: Stage, verb: str, secret: str | None, token: str, error: str
) -> None:
    """Who asks is judged before what is asked."""
    library = stage.clients["library"]
    asker = library if secret is None else RegisteredClient(library.client_id, secret)
    refusals = []
    for edge in (stage.http, stage.grpc):
        with pytest.raises(Refusal) as refused:
            getattr(edge, verb)(asker, token)
        refusals.append(refused.value)
    assert refusals[0] == refusals[1]
    assert refusals[0].error == error


@pytest.mark.parametrize("token", ["rubbish", "e30.e30.e30", "ünï", "a" * 5_000])
def test_both_protocols_answer_alike_what_is_no_token(stage: Stage, token: str) -> None:
    """It is inactive, and revoking it succeeds (RFC 7009 §2.2)."""
    assert stage.on_both("library", token) == {"active": False}
    for edge in (stage.http, stage.grpc):
        edge.revoke(stage.clients["library"], token)


def read(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims."""
    return jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})


def without(claims: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if name not in names}
