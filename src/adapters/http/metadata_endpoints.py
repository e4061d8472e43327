"""The server's public documents: metadata (RFC 8414) and key set (RFC 7517 §5).

URLs come from the configured issuer alone, never from a request. Both
documents outlive the store: they are written from the catalogue last read.
"""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from adapters.endpoints import (
    INTROSPECTION_PATH,
    JWKS_PATH,
    REVOCATION_PATH,
    TOKEN_PATH,
    url_of,
)
from adapters.http.presenters import json_reply
from adapters.http.reply import Reply
from adapters.http.request import Request
from domain.model.assertions import AssertionAlgorithm
from domain.model.clients import GrantType
from domain.model.credentials import AuthMethod
from domain.model.events import Origin
from domain.model.keys import Keyring, KeyState, SigningAlgorithm, SigningKey
from domain.ports.clock import Clock
from domain.ports.signing import KeySetWriter
from domain.usecases.current_catalogue import CurrentCatalogue

_METADATA_MAX_AGE: Final = timedelta(hours=1)

METADATA_PATHS: Final = (
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",  # the same facts, for who knows only that name
)


class ServerMetadata:
    """What the metadata documents say."""

    def __init__(
        self,
        catalogue: CurrentCatalogue,
        *,
        issuer: str,
        grant_types: Iterable[GrantType],
        allow_body_credentials: bool,
        clock: Clock,
    ) -> None:
        self._catalogue = catalogue
        self._issuer = issuer
        self._clock = clock
        self._fixed = _fixed_members(
            issuer, grant_types, allow_body_credentials=allow_body_credentials
        )

    @property
    def issuer_path(self) -> str:
        """The path of the issuer, without a slash at its end; empty for most."""
        return unquote(urlsplit(self._issuer).path.rstrip("/"))

    async def document(self) -> dict[str, Any]:
        catalogue = await self._catalogue.last_known()
        changing = {
            "scopes_supported": list(catalogue.offered),
            "introspection_signing_alg_values_supported": self._signing(catalogue.keyring),
        }
        # RFC 8414 §3.2: members without values are omitted.
        return self._fixed | {name: values for name, values in changing.items() if values}

    def _signing(self, keyring: Keyring) -> list[SigningAlgorithm]:
        """Return what a reply can be signed with now (RFC 9701 §7)."""
        now = self._clock.now()
        return [one for one in SigningAlgorithm if keyring.signer(one, now=now) is not None]


class KeySet:
    """The public keys that verifiers may meet.

    Args:
        max_age: How long a copy of them is good at most.
    """

    def __init__(
        self,
        catalogue: CurrentCatalogue,
        writer: KeySetWriter,
        *,
        clock: Clock,
        max_age: timedelta,
    ) -> None:
        self._catalogue = catalogue
        self._writer = writer
        self._clock = clock
        self._max_age = max_age

    async def document(self) -> tuple[dict[str, Any], timedelta]:
        """Return the key set, and how long a copy of it is good."""
        keyring = (await self._catalogue.last_known()).keyring
        now = self._clock.now()
        keys = [self._writer.jwk(key) for key in keyring.published(now)]
        return {"keys": keys}, jwks_max_age(keyring.signing, now, longest=self._max_age)


class MetadataEndpoints:
    def __init__(self, metadata: ServerMetadata, key_set: KeySet) -> None:
        self._metadata = metadata
        self._key_set = key_set

    async def metadata(self, _request: Request, _origin: Origin) -> Reply:
        return _public(await self._metadata.document(), _METADATA_MAX_AGE)

    async def jwks(self, _request: Request, _origin: Origin) -> Reply:
        document, max_age = await self._key_set.document()
        return _public(document, max_age)


def jwks_max_age(keys: Iterable[SigningKey], now: datetime, *, longest: timedelta) -> timedelta:
    """Return how long a copy of the key set is good (D6).

    No longer than to the next activation: whoever meets a new key's first
    token has asked again by then.
    """
    activations = (
        key.schedule.activate_at - now
        for key in keys
        if key.schedule.state(now) is KeyState.ANNOUNCED
    )
    return min([longest, *activations])


def _fixed_members(
    issuer: str, grant_types: Iterable[GrantType], *, allow_body_credentials: bool
) -> dict[str, Any]:
    confidential = [AuthMethod.CLIENT_SECRET_BASIC]
    if allow_body_credentials:
        confidential.append(AuthMethod.CLIENT_SECRET_POST)
    confidential += [AuthMethod.CLIENT_SECRET_JWT, AuthMethod.PRIVATE_KEY_JWT]
    algorithms = list(AssertionAlgorithm)
    return {
        "issuer": issuer,
        "token_endpoint": url_of(issuer, TOKEN_PATH),
        "introspection_endpoint": url_of(issuer, INTROSPECTION_PATH),
        "revocation_endpoint": url_of(issuer, REVOCATION_PATH),
        "jwks_uri": url_of(issuer, JWKS_PATH),
        "response_types_supported": [],  # REQUIRED, and nothing here has a response type
        "grant_types_supported": list(grant_types),
        "token_endpoint_auth_methods_supported": [*confidential, AuthMethod.NONE],
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        # A public client cannot introspect (RFC 7662 §2.1).
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": [*confidential, AuthMethod.NONE],
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
    }


def _public(document: dict[str, Any], max_age: timedelta) -> Reply:
    seconds = math.ceil(max_age.total_seconds())
    return json_reply(
        document,
        fields=(
            (b"cache-control", b"public, max-age=%d" % seconds),
            (b"access-control-allow-origin", b"*"),
        ),
    )
