"""How a client presents itself over HTTP (RFC 6749 §2.3), by exactly one method."""

from adapters.authentication_method import require_one
from adapters.basic_credentials import read_basic
from adapters.client_assertion import read_assertion
from adapters.http.forms import Form
from adapters.http.request import Request
from domain.errors import InvalidClient, InvalidRequest
from domain.model.credentials import (
    AuthMethod,
    ClientSecret,
    Presented,
    PresentedCredentials,
    Proof,
    UnreadableCredentials,
)
from domain.model.identifiers import ClientId


def present(request: Request, form: Form, *, allow_body: bool) -> Presented:
    """Read what `read` does, and hand on why it is refused if it cannot be read."""
    try:
        return read(request, form, allow_body=allow_body)
    except (InvalidClient, InvalidRequest) as refusal:
        return UnreadableCredentials(refusal)


def read(request: Request, form: Form, *, allow_body: bool) -> Proof:
    """Read what a request offers as proof, in whichever of the ways they are given.

    Args:
        allow_body: Whether a secret may stand in the body. Where it may not,
            it is refused like any failed authentication. An assertion may.

    Raises:
        InvalidRequest: If there are two methods, two names, or half an
            assertion in one request.
        InvalidClient: If there is none, or none that this server knows.
    """
    authorization = request.values(b"authorization")
    secret = form.get("client_secret")
    assertion_type, assertion = form.get("client_assertion_type"), form.get("client_assertion")
    asserts = bool(assertion_type or assertion)
    require_one(len(authorization) + bool(secret) + asserts)
    if authorization:
        return _from_header(authorization[0], form)
    if asserts:
        return read_assertion(
            assertion_type=assertion_type, assertion=assertion, client_id=form.get("client_id")
        )
    return _from_body(form.get("client_id"), secret, allow_body=allow_body)


def _from_header(value: bytes, form: Form) -> PresentedCredentials:
    presented = read_basic(value)
    if form.get("client_id") not in (None, presented.client_id):
        raise InvalidRequest("two client ids", hint="client_id differs from Authorization")
    return presented


def _from_body(
    client_id: str | None, secret: str | None, *, allow_body: bool
) -> PresentedCredentials:
    if client_id is None:
        raise InvalidClient("no client authentication")
    if secret is None:
        return PresentedCredentials(ClientId(client_id), AuthMethod.NONE)
    if not allow_body:
        raise InvalidClient(
            "credentials in the request body", hint="use the Authorization header field"
        )
    return PresentedCredentials(
        ClientId(client_id), AuthMethod.CLIENT_SECRET_POST, ClientSecret(secret)
    )
