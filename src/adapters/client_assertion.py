"""Client assertions as requests carry them (RFC 7521 §4.2), read alike at every edge."""

from domain.errors import InvalidClient, InvalidRequest
from domain.model.assertions import ASSERTION_TYPE
from domain.model.credentials import PresentedAssertion
from domain.model.identifiers import ClientId


def read_assertion(
    *, assertion_type: str | None, assertion: str | None, client_id: str | None
) -> PresentedAssertion:
    """Read the parameters of a request that has one of the first two, or both.

    Raises:
        InvalidRequest: If one of the two is missing.
        InvalidClient: If it is an assertion of another type than a JWT.
    """
    if not assertion_type:
        raise InvalidRequest("no assertion type", hint="client_assertion_type is missing")
    if assertion_type != ASSERTION_TYPE:
        raise InvalidClient("an assertion of another type")
    if not assertion:
        raise InvalidRequest("no assertion", hint="client_assertion is missing")
    return PresentedAssertion(assertion, ClientId(client_id) if client_id else None)
