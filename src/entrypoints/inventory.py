"""Looking from time to time at what will have to be renewed, for whoever reads the metrics."""

import asyncio
import logging
import sys
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from adapters.server_certificate import CertificateUnusable
from domain.errors import GrantdError
from domain.usecases.take_inventory import SecretCounts
from entrypoints.certificates import PROTOCOLS, certificate_files, usable_certificate
from entrypoints.container import Core, open_core
from entrypoints.meters import meters
from entrypoints.refusal import RefusedToStart
from entrypoints.settings import Settings
from grantd import __version__

if TYPE_CHECKING:
    from adapters.telemetry.inventory_metrics import InventoryMetrics

_KEYS_EVERY: Final = timedelta(seconds=30)
_SECRETS_EVERY: Final = timedelta(minutes=10)

# A million clients take some twenty minutes and a few hundredths of a core.
_BETWEEN_PAGES: Final = timedelta(seconds=0.5)

_log = logging.getLogger(__name__)


async def take_inventory(settings: Settings, stopping: asyncio.Event) -> None:
    """Keep the metrics of keys, secrets and certificates true, if there are metrics at all.

    A store that fails is asked again later; what was told last stands until then.
    """
    if settings.admin is None:
        return
    # Here and not above: the library asks for its directory when it is imported.
    from adapters.telemetry.inventory_metrics import InventoryMetrics  # noqa: PLC0415

    metrics = InventoryMetrics(__version__)
    while not stopping.is_set():
        try:
            async with (
                open_core(settings, counts=meters().audit, stdout=sys.stdout) as core,
                asyncio.TaskGroup() as tasks,
            ):
                tasks.create_task(_follow_keys(settings, core, metrics, stopping))
                tasks.create_task(_follow_secrets(core, metrics, stopping))
        except* (GrantdError, RefusedToStart) as errors:
            _log.debug("no inventory: %s", errors.exceptions[0])
        except* Exception:  # noqa: BLE001  (a fault in here must not end the service; it is logged)
            _log.exception("no inventory")
        await _pause(_KEYS_EVERY, stopping)


async def _follow_keys(
    settings: Settings, core: Core, metrics: "InventoryMetrics", stopping: asyncio.Event
) -> None:
    while not stopping.is_set():
        _look_at_certificates(settings, metrics)
        metrics.keys(await core.take_inventory.keys())
        await _pause(_KEYS_EVERY, stopping)


async def _follow_secrets(core: Core, metrics: "InventoryMetrics", stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        counted: SecretCounts = {}
        async for so_far in core.take_inventory.secrets():
            counted = so_far
            await _pause(_BETWEEN_PAGES, stopping)
            if stopping.is_set():
                return
        metrics.secrets(counted)
        await _pause(_SECRETS_EVERY, stopping)


def _look_at_certificates(settings: Settings, metrics: "InventoryMetrics") -> None:
    for protocol in PROTOCOLS:
        files = certificate_files(settings, protocol)
        if files is not None:
            with suppress(CertificateUnusable):  # the worker goes on with the one it has
                metrics.certificate(protocol, expires=usable_certificate(files).not_after)


async def _pause(length: timedelta, stopping: asyncio.Event) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), length.total_seconds())
