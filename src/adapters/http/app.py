"""The HTTP application: which path leads where."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from adapters.endpoints import INTROSPECTION_PATH, JWKS_PATH, REVOCATION_PATH, TOKEN_PATH
from adapters.http.application import Application, Endpoint, Route
from adapters.http.health_endpoints import HealthEndpoints
from adapters.http.introspection_endpoint import IntrospectionEndpoint, IntrospectsToken
from adapters.http.metadata_endpoints import (
    METADATA_PATHS,
    KeySet,
    MetadataEndpoints,
    ServerMetadata,
)
from adapters.http.revocation_endpoint import RevocationEndpoint, RevokesToken
from adapters.http.token_endpoint import IssuesToken, TokenEndpoint
from adapters.readiness import Readiness
from adapters.request_record import UNOBSERVED, RequestObserver
from adapters.request_record import Endpoint as Name
from adapters.source_addresses import SourceAddresses
from domain.model.clients import GrantType
from domain.ports.clock import Clock
from domain.ports.signing import KeySetWriter
from domain.usecases.current_catalogue import CurrentCatalogue

LIVENESS_PATH: Final = "/livez"
READINESS_PATH: Final = "/readyz"

_SHORT_TOKEN_PATH = "/token"  # noqa: S105  (a path)

_Places = dict[str, tuple[Name, Endpoint]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """The settings that concern this edge.

    Attributes:
        grant_types: Those that are switched on.

        allow_credentials_in_request_body: Whether a client may put its secret
            into the form instead of the Authorization header field.

        jwks_max_age: How long verifiers may keep a copy of the key set.
    """

    issuer: str
    grant_types: Sequence[GrantType]
    allow_credentials_in_request_body: bool = True
    jwks_max_age: timedelta = timedelta(hours=1)


def build_app(
    *,
    issue_token: IssuesToken,
    introspect_token: IntrospectsToken,
    revoke_token: RevokesToken,
    catalogue: CurrentCatalogue,
    key_set: KeySetWriter,
    clock: Clock,
    readiness: Readiness,
    sources: SourceAddresses,
    options: HttpOptions,
    requests: RequestObserver = UNOBSERVED,
) -> Application:
    allow_body = options.allow_credentials_in_request_body
    token = TokenEndpoint(issue_token, allow_body_credentials=allow_body)
    metadata = ServerMetadata(
        catalogue,
        issuer=options.issuer,
        grant_types=options.grant_types,
        allow_body_credentials=allow_body,
        clock=clock,
    )
    documents = MetadataEndpoints(
        metadata, KeySet(catalogue, key_set, clock=clock, max_age=options.jwks_max_age)
    )
    health = HealthEndpoints(readiness)
    introspection = IntrospectionEndpoint(introspect_token, allow_body_credentials=allow_body)
    revocation = RevocationEndpoint(revoke_token, allow_body_credentials=allow_body)
    posts: _Places = {
        TOKEN_PATH: (Name.TOKEN, token),
        _SHORT_TOKEN_PATH: (Name.TOKEN, token),
        INTROSPECTION_PATH: (Name.INTROSPECTION, introspection),
        REVOCATION_PATH: (Name.REVOCATION, revocation),
    }
    gets: _Places = {
        JWKS_PATH: (Name.KEY_SET, documents.jwks),
        **dict.fromkeys(METADATA_PATHS, (Name.METADATA, documents.metadata)),
    }
    return Application(
        [
            *_routes(posts, gets, metadata.issuer_path),
            _get(LIVENESS_PATH, Name.HEALTH, health.live),
            _get(READINESS_PATH, Name.HEALTH, health.ready),
        ],
        sources=sources,
        requests=requests,
    )


def _get(path: str, name: Name, endpoint: Endpoint) -> Route:
    return Route(path, endpoint, name, ("GET", "HEAD"))


def _routes(posts: _Places, gets: _Places, issuer_path: str) -> Iterator[Route]:
    """Yield each route at the root, and under the issuer's path if it has one.

    Which of the two is asked for depends on whether a proxy in front strips
    that path. The metadata of such an issuer has its path at the end, too
    (RFC 8414 §3.1).
    """
    for place in dict.fromkeys(("", issuer_path)):
        for path, (name, endpoint) in posts.items():
            yield Route(place + path, endpoint, name, ("POST",))
        for path, (name, endpoint) in gets.items():
            yield _get(place + path, name, endpoint)
    if issuer_path:
        for path in METADATA_PATHS:
            yield _get(path + issuer_path, *gets[path])
