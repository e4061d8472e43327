"""Signing introspection replies (RFC 9701 §5)."""

from datetime import datetime

import msgspec

from adapters.introspection_members import introspection_members
from adapters.jose.header import INTROSPECTION, write_header
from adapters.jose.loaded_key import load
from adapters.jose.segments import encode_segment
from domain.model.identifiers import ClientId
from domain.model.introspection import Introspection
from domain.model.keys import SigningKey
from domain.ports.signing import IntrospectionSigner


class _Payload(msgspec.Struct):
    """No `sub` and no `exp` at the top: nobody may take the reply for a token (RFC 9701 §5)."""

    iss: str
    aud: str
    iat: int
    token_introspection: msgspec.Struct


class JoseIntrospectionSigner:
    async def sign_introspection(
        self,
        introspection: Introspection,
        /,
        *,
        issuer: str,
        audience: ClientId,
        issued_at: datetime,
        key: SigningKey,
    ) -> str:
        payload = _Payload(
            iss=issuer,
            aud=audience,
            iat=int(issued_at.timestamp()),
            token_introspection=introspection_members(introspection),
        )
        header = write_header(INTROSPECTION, key.algorithm, key.key_id)
        signing_input = header + b"." + encode_segment(msgspec.json.encode(payload))
        signature = encode_segment(load(key).sign(signing_input))
        return (signing_input + b"." + signature).decode("ascii")


_: type[IntrospectionSigner] = JoseIntrospectionSigner
