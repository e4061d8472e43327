"""The look that the supervisor takes at what will have to be renewed."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme
from prometheus_client import CollectorRegistry

from adapters.server_certificate import CertificateFiles, read_server_certificate
from adapters.telemetry import inventory_metrics
from adapters.telemetry.inventory_metrics import InventoryMetrics
from domain.errors import Unavailable
from domain.model.keys import KeyState, SigningAlgorithm
from domain.usecases.take_inventory import AlgorithmInventory, SecretLife
from entrypoints import inventory
from entrypoints.inventory import take_inventory
from entrypoints.refusal import RefusedToStart
from entrypoints.settings import Settings
from support.domain_samples import NOW
from support.tls import Pair

SOON = timedelta(milliseconds=1)

KEYS = {
    SigningAlgorithm.ES256: AlgorithmInventory(
        keys={KeyState.ACTIVE: 1}, signs_since=NOW, signs_until=None
    )
}
SECRETS = {SecretLife.WEEK: 3}


class Inventory:
    async def keys(self) -> Mapping[SigningAlgorithm, AlgorithmInventory]:
        return KEYS

    async def secrets(self) -> AsyncIterator[Mapping[SecretLife, int]]:
        yield SECRETS


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> CollectorRegistry:
    made = CollectorRegistry()
    told = partial(InventoryMetrics, registry=made)
    monkeypatch.setattr(inventory_metrics, "InventoryMetrics", told)
    monkeypatch.setattr(inventory, "_KEYS_EVERY", SOON)
    monkeypatch.setattr(inventory, "_BETWEEN_PAGES", SOON)
    return made


async def look(
    monkeypatch: pytest.MonkeyPatch,
    registry: CollectorRegistry,
    settings: Settings,
    *failures: Exception,
) -> None:
    """Look around until secrets have been told, through some failures first."""
    stopping = asyncio.Event()
    coming = iter(failures)

    @asynccontextmanager
    async def open_core(_settings: Settings, **_parts: object) -> AsyncIterator[Any]:
        for failure in coming:
            raise failure
        yield SimpleNamespace(take_inventory=Inventory())

    monkeypatch.setattr(inventory, "open_core", open_core)
    looking = asyncio.create_task(take_inventory(settings, stopping))
    async with asyncio.timeout(5):
        while not registry.get_sample_value("grantd_client_secrets", {"ends": "7d"}):  # noqa: ASYNC110  (metrics tell nobody)
            await asyncio.sleep(0.01)
    stopping.set()
    await asyncio.wait_for(looking, 5)


async def test_a_look_that_fails_is_taken_again(
    monkeypatch: pytest.MonkeyPatch, registry: CollectorRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it fails by: the service goes on, and what is told then is true."""
    away = (Unavailable("away"), RefusedToStart("no master key"), RuntimeError("a bug"))

    await look(monkeypatch, registry, Settings(), *away)

    value = registry.get_sample_value
    assert value("grantd_client_secrets", {"ends": "7d"}) == 3
    assert value("grantd_signing_keys", {"algorithm": "ES256", "state": "active"}) == 1
    assert value("grantd_signing_ends_timestamp_seconds", {"algorithm": "ES256"}) == float("inf")
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_the_end_of_a_listeners_certificate_is_told(
    monkeypatch: pytest.MonkeyPatch, registry: CollectorRegistry, tmp_path: Path
) -> None:
    pair = Pair.write(trustme.CA().issue_cert("localhost"), tmp_path)
    settings = Settings(http_certificate_file=pair.certificate, http_certificate_key_file=pair.key)

    await look(monkeypatch, registry, settings)

    files = CertificateFiles(certificate=pair.certificate, key=pair.key)
    told = registry.get_sample_value(
        "grantd_certificate_expires_timestamp_seconds", {"protocol": "http"}
    )
    assert told == read_server_certificate(files).not_after.timestamp()


async def test_without_an_admin_listener_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    await asyncio.wait_for(take_inventory(Settings(admin=None), asyncio.Event()), 1)
