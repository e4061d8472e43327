"""Reading and proving a JWT in one step, as nobody does who foresees reads in between."""

from collections.abc import Sequence

from domain.model.keys import SigningKey
from domain.model.tokens import AccessTokenClaims
from domain.ports.signing import TokenRejected, TokenVerifier


def peek(verifier: TokenVerifier, token: str) -> AccessTokenClaims | None:
    unproved = verifier.peek(token)
    return unproved.claims if unproved is not None else None


async def verify(
    verifier: TokenVerifier, token: str, *, keys: Sequence[SigningKey], issuer: str
) -> AccessTokenClaims:
    unproved = verifier.peek(token)
    if unproved is None:
        raise TokenRejected("not the shape of a token of ours")
    return await verifier.verify(unproved, keys=keys, issuer=issuer)
