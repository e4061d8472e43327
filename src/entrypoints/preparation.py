"""What stands before serving: a store that is ready, keys, and what there is to say of them.

It brings the core along, which takes long to import; the supervisor has its
workers do the same meanwhile.
"""

import sys
from collections.abc import Sequence

import structlog

from adapters.findings import Finding, Severity
from domain.model.keys import SigningKey
from entrypoints.certificates import require_certificates
from entrypoints.container import Core, open_core
from entrypoints.meters import meters
from entrypoints.refusal import RefusedToStart
from entrypoints.serving import Serving
from entrypoints.settings import Settings

log = structlog.get_logger()

_CLIENTS_LOOKED_AT = 100  # for one whose token can be asked for in a line


async def prepare(settings: Settings, *, workers: int) -> Serving:
    """Have everything in order that workers expect, and return what they will serve.

    Raises:
        RefusedToStart: If a certificate does not do, the keys cannot be
            opened, or none signs by the algorithm wanted.
        Unavailable: If the store is down.
    """
    require_certificates(settings)
    async with open_core(settings, counts=meters().audit, stdout=sys.stdout) as core:
        _warn_of(core.findings)
        return await _describe(settings, core, workers=workers)


def _warn_of(findings: Sequence[Finding]) -> None:
    for finding in findings:
        if finding.severity is not Severity.GOOD:
            log.warning(
                "store: %s", finding.sentence, severity=finding.severity, remedy=finding.remedy
            )


async def _describe(settings: Settings, core: Core, *, workers: int) -> Serving:
    key = await _require_key(settings, core)
    clients = await core.administer_clients.page(after=None, limit=_CLIENTS_LOOKED_AT)
    able = (client.client_id for client in clients if client.may_ask_by_basic)
    return Serving(
        issuer=settings.issuer,
        http=str(settings.http) if settings.http is not None else None,
        grpc=str(settings.grpc) if settings.grpc is not None else None,
        workers=workers,
        store=settings.store,
        active_key=f"{key.key_id} ({key.algorithm})",
        a_client=next(able, None),
    )


async def _require_key(settings: Settings, core: Core) -> SigningKey:
    catalogue = await core.catalogue.read()
    algorithm = catalogue.policy.signing_algorithm or settings.signing_algorithm
    key = catalogue.keyring.signer(algorithm, now=core.clock.now())
    if key is None:
        raise RefusedToStart(
            f"there is no active {algorithm} key in this store: make one with"
            f" `grantd keys rotate --algorithm {algorithm}`, and wait until it is active or add"
            " --now"
        )
    return key
