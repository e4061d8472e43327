"""What reads strangers' bytes, each as one small function of bytes.

A target may raise a refusal; anything else is a find. Run by `test_fuzz.py`
in the gate, and coverage-guided by `run_atheris.py`.
"""

import json
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Final, TypeVar

from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.message import DecodeError, Message

from adapters.admin_messages import clients as client_messages
from adapters.admin_messages import resources as resource_messages
from adapters.basic_credentials import read_basic
from adapters.forwarded_addresses import ProxyHeader
from adapters.grpc import mapping
from adapters.grpc.client_auth import CredentialFields, read_credentials
from adapters.grpc.page_tokens import read_page
from adapters.http import client_auth, forms
from adapters.http.accept import asks_for
from adapters.jose import client_keys as jose_client_keys
from adapters.jose.assertion_verifier import JoseAssertionVerifier
from adapters.jose.jwks import public_jwk
from adapters.jose.keys import signing_key
from adapters.jose.loaded_key import load
from adapters.jose.segments import encode_segment
from adapters.jose.verifier import JoseTokenVerifier
from adapters.jwks_uri.copies import LONGEST, KeySetCopy, NotAKeySet
from adapters.jwks_uri.replies import Reply
from adapters.source_addresses import ProxyTrust, SourceAddresses
from domain.errors import GrantdError
from domain.model.assertions import AssertionClaims, require_acceptable
from domain.model.client_keys import read_client_keys, read_jwks_uri
from domain.model.clients import require_coherent
from domain.model.credentials import ClientSecret, Presented, PresentedAssertion, mask_secrets
from domain.model.events import Origin
from domain.model.families import RefreshToken
from domain.model.identifiers import ClientId, Epoch
from domain.model.keys import KeyId, SymmetricKey
from domain.model.limits import FailureLimits, accounts, network_of, vouching_key
from domain.model.resources import parse_resource_id
from domain.model.scopes import Scope
from domain.ports.assertions import AssertionRejected
from domain.ports.signing import TokenRejected
from domain.usecases.issue_token import TokenRequest
from domain.usecases.register_clients import read_metadata
from grantd.admin.v1.client_service_pb2 import (
    CreateClientRequest,
    ListClientsRequest,
    UpdateClientRequest,
)
from grantd.admin.v1.resource_service_pb2 import (
    CreateResourceRequest,
    CreateScopeRequest,
    UpdateResourceRequest,
)
from grantd.v1.token_service_pb2 import (
    IntrospectTokenRequest,
    IssueTokenRequest,
    RevokeTokenRequest,
)
from support.http_requests import http_request
from support.unproved_tokens import peek, verify

T = TypeVar("T")

CORPUS: Final = Path(__file__).parent / "corpus"
REFUSALS: Final = (GrantdError, TokenRejected, AssertionRejected, NotAKeySet)

NOW: Final = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
ISSUER: Final = "https://id.example"
CLIENT: Final = ClientId("billing")
SECRET: Final = ClientSecret("0123456789abcdef0123456789abcdef")
MAC_KEY: Final = SymmetricKey(key_id=KeyId("mac"), created_at=NOW, material=bytes(32))

# A key that anybody can make again, so that the corpus holds tokens that verify.
_PRIVATE_KEY = ec.derive_private_key(0xF022, ec.SECP256R1())
KEY: Final = signing_key(_PRIVATE_KEY, activate_at=NOW)
JWKS: Final = json.dumps({"keys": [dict(public_jwk(_PRIVATE_KEY.public_key()), kid="k1")]})

_TOKEN_VERIFIER = JoseTokenVerifier(remembered=16)
_ASSERTION_VERIFIER = JoseAssertionVerifier()
_PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def form(data: bytes) -> None:
    """A content type, a query and a body, with whatever authentication the body holds."""
    content_type, query, body = _parts(data, 3)
    request = http_request(("Content-Type", content_type.decode("latin-1")), query=query, body=body)
    parameters = forms.read(request)
    _judge_presented(client_auth.read(request, parameters, allow_body=True))


def basic(data: bytes) -> None:
    """An Authorization header field, as bytes and as gRPC metadata has it."""
    presented = read_basic(data)
    assert read_basic(data.decode("latin-1")).client_id == presented.client_id
    _judge_presented(presented)


def token(data: bytes) -> None:
    """A JWT that we may have signed: no text but that one may claim anything."""
    text = data.decode("latin-1")
    foreseen = peek(_TOKEN_VERIFIER, text)
    claims = _finished(verify(_TOKEN_VERIFIER, text, keys=[KEY], issuer=ISSUER))
    assert claims == foreseen
    assert claims.token_id == "0ab" + "j" * 22, "forged"


def signed_token(data: bytes) -> None:
    """A header and claims of a stranger's choice, under a signature of ours."""
    header, claims = _parts(data, 2)
    signing_input = encode_segment(header) + b"." + encode_segment(claims)
    text = signing_input + b"." + encode_segment(load(KEY).sign(signing_input))
    token_claims = _finished(
        verify(_TOKEN_VERIFIER, text.decode("ascii"), keys=[KEY], issuer=ISSUER)
    )
    assert peek(_TOKEN_VERIFIER, text.decode("ascii")) == token_claims


def assertion(data: bytes) -> None:
    """A client assertion: no text but the client's own may claim anything."""
    text = data.decode("latin-1")
    foreseen = _ASSERTION_VERIFIER.peek(text)
    for proof in (
        _ASSERTION_VERIFIER.verify_by_keys(text, jwks=JWKS),
        _ASSERTION_VERIFIER.verify_by_secret(text, secret=SECRET),
    ):
        with suppress(AssertionRejected):
            claims = _finished(proof)
            assert foreseen is not None
            assert foreseen.client_id == claims.subject == CLIENT, "forged"


def signed_assertion(data: bytes) -> None:
    """A header and claims of a stranger's choice, under a key that the client registered."""
    header, payload = _parts(data, 2)
    signing_input = encode_segment(header) + b"." + encode_segment(payload)
    text = signing_input + b"." + encode_segment(load(KEY).sign(signing_input))
    claims = _finished(_ASSERTION_VERIFIER.verify_by_keys(text.decode("ascii"), jwks=JWKS))
    foreseen = _ASSERTION_VERIFIER.peek(text.decode("ascii"))
    assert foreseen is not None
    assert foreseen.client_id == claims.subject
    _judge_claims(claims)


def refresh_token(data: bytes) -> None:
    """A text that is one of ours or none, and authentic only if we derived it."""
    parsed = RefreshToken.parse(data.decode("utf-8", "replace"))
    if parsed is not None and parsed.is_authentic([MAC_KEY]):
        assert parsed.family_id == "0ab" + "f" * 22, "forged"


def scope(data: bytes) -> None:
    """A scope, which reads back as itself."""
    parsed = Scope.parse(data.decode("utf-8", "replace"))
    assert Scope.parse(str(parsed)) == parsed


def resource_id(data: bytes) -> None:
    """A resource identifier, which is never normalised."""
    text = data.decode("utf-8", "replace")
    assert parse_resource_id(text) == text


def accept(data: bytes) -> None:
    """Accept header fields, a line each."""
    asks_for(data.split(b"\n"), "application/token-introspection+jwt", over="application/json")


def proxies(data: bytes) -> None:
    """What a trusted proxy, or somebody behind it, says of where a request came from."""
    fields = data.decode("latin-1").split("\n")
    for header in ProxyHeader:
        sources = SourceAddresses(ProxyTrust(_PROXIES, header))
        source = sources.tell("10.0.0.1", lambda _: fields)
        assert str(ip_address(source)) == source
        assert network_of(source)
        accounts(FailureLimits(), client_id=CLIENT, source=source)


def grpc_message(data: bytes) -> None:
    """A message of each kind, credentials in its fields included."""
    for kind, to_request in (
        (IssueTokenRequest, mapping.to_token_request),
        (IntrospectTokenRequest, mapping.to_introspection_request),
        (RevokeTokenRequest, mapping.to_revocation_request),
    ):
        with suppress(*REFUSALS):
            _judge_message(kind, to_request, data)


def admin_message(data: bytes) -> None:
    """A message of each kind whose fields administration reads one by one."""
    for kind, read in _ADMINISTRATIVE:
        with suppress(*REFUSALS, DecodeError):
            read(kind.FromString(data))


def metadata(data: bytes) -> None:
    """A client's metadata in JSON (RFC 7591)."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return  # not the reader's business
    registration = read_metadata(
        document, client_id=CLIENT, epoch=Epoch("an-epoch"), created_at=NOW
    )
    draft = registration.wanted.draft
    if not draft.uses_a_secret:  # which is made only after this
        require_coherent(draft)


def client_keys(data: bytes) -> None:
    """A JWK set: what registration takes is what verifying can read, and the other way round."""
    text = data.decode("utf-8", "replace")
    with suppress(AssertionRejected):
        _finished(_ASSERTION_VERIFIER.verify_by_keys(_AN_ASSERTION, jwks=text))
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return
    keys = read_client_keys(document)
    assert read_client_keys(json.loads(keys.text)).text == keys.text
    jose_client_keys.read_client_keys(keys.text)


def jwks_uri(data: bytes) -> None:
    """Where a client says that its keys are."""
    text = data.decode("utf-8", "replace")
    assert read_jwks_uri(text) == text


def published_keys(data: bytes) -> None:
    """What a client's `jwks_uri` answers, which is good for a while and not for ever."""
    cache_control, body = _parts(data, 2)
    copy = KeySetCopy.read(Reply(body, cache_control.decode("latin-1")), now=NOW)
    assert NOW < copy.good_until <= NOW + LONGEST


def masking(data: bytes) -> None:
    """A text for the audit trail: hiding is done at once and not bit by bit."""
    masked = mask_secrets(data.decode("utf-8", "replace"))
    assert mask_secrets(masked) == masked


_ADMINISTRATIVE: Final[tuple[tuple[type[Message], Callable[[Any], object]], ...]] = (
    (
        CreateClientRequest,
        lambda message: client_messages.read_new_client(
            message, client_id=CLIENT, epoch=Epoch("an-epoch"), created_at=NOW
        ),
    ),
    (UpdateClientRequest, client_messages.read_changes),
    (ListClientsRequest, read_page),
    (CreateResourceRequest, lambda message: resource_messages.read_new_resource(message.resource)),
    (UpdateResourceRequest, resource_messages.read_resource_changes),
    (CreateScopeRequest, lambda message: resource_messages.read_new_scope(message.scope)),
)

TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    target.__name__: target
    for target in (
        form,
        basic,
        token,
        signed_token,
        assertion,
        signed_assertion,
        refresh_token,
        scope,
        resource_id,
        accept,
        proxies,
        grpc_message,
        admin_message,
        metadata,
        client_keys,
        jwks_uri,
        published_keys,
        masking,
    )
}


def feed(name: str, data: bytes) -> None:
    """Give *data* to a target, whose refusals are answers."""
    with suppress(*REFUSALS):
        TARGETS[name](data)


def _parts(data: bytes, count: int) -> list[bytes]:
    """Split at the first newlines; what is missing is empty."""
    parts = data.split(b"\n", count - 1)
    return parts + [b""] * (count - len(parts))


def _finished(work: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine comes to that has nothing to wait for."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("it waits for something")


def _judge_message(
    kind: type[Message], to_request: Callable[..., TokenRequest | object], data: bytes
) -> None:
    try:
        message: Any = kind.FromString(data)
    except DecodeError:
        return  # answered by the interceptor
    fields: CredentialFields = message
    presented = read_credentials((), fields, allow_fields=True)
    to_request(message, presented, Origin())
    _judge_presented(presented)


def _judge_presented(presented: Presented) -> None:
    """Do what every request has done to whom it names, before anything is proved."""
    if isinstance(presented, PresentedAssertion):
        foreseen = _ASSERTION_VERIFIER.peek(presented.assertion)
        client_id = foreseen.client_id if foreseen is not None else ClientId("")
    else:
        client_id = presented.client_id
        _ = presented.secret is not None and presented.secret.secret_id
    accounts(FailureLimits(), client_id=client_id, source="192.0.2.1")
    vouching_key(client_id=client_id, source="192.0.2.1")


def _judge_claims(claims: AssertionClaims) -> None:
    _ = claims.assertion_id
    require_acceptable(claims, client_id=CLIENT, audiences=[ISSUER], now=NOW)
    _ = claims.remembered_until - timedelta(seconds=1)


def _an_assertion() -> str:
    header = encode_segment(b'{"alg":"ES256","kid":"k1"}')
    payload = encode_segment(b'{"sub":"billing"}')
    signing_input = header + b"." + payload
    return (signing_input + b"." + encode_segment(load(KEY).sign(signing_input))).decode("ascii")


_AN_ASSERTION = _an_assertion()
