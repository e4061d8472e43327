"""One store behind all of its ports, whichever it is."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from adapters.audit_lines import AuditPlace
from adapters.findings import Finding
from domain.ports.access_tokens import AccessTokenStore
from domain.ports.assertions import AssertionReplays
from domain.ports.catalogue import CatalogueStore
from domain.ports.clients import ClientStore
from domain.ports.families import RefreshFamilyStore
from domain.ports.probe import Probe
from domain.ports.rate_limiter import RateLimiter
from domain.ports.revocations import RevocationList
from domain.ports.usage import UsageStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    clients: ClientStore
    catalogue: CatalogueStore
    families: RefreshFamilyStore
    revocations: RevocationList
    access_tokens: AccessTokenStore
    replays: AssertionReplays
    limiter: RateLimiter
    usage: UsageStore
    probe: Probe
    inspect: Callable[[], Awaitable[Sequence[Finding]]]
    close: Callable[[], Awaitable[None]]
    audit: Sequence[AuditPlace] = ()
