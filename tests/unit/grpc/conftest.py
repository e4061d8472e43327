from collections.abc import AsyncIterator

import pytest

from support.grpc_calls import Metadata
from support.grpc_service import Core, Served, core_over_memory, serving


@pytest.fixture
async def core() -> Core:
    return await core_over_memory()


@pytest.fixture
async def served(core: Core) -> AsyncIterator[Served]:
    async with serving(core.service()) as running:
        yield running


@pytest.fixture
def ledger(core: Core) -> Metadata:
    """Call metadata of a client that may have tokens."""
    return core.basic("ledger")


@pytest.fixture
def gateway(core: Core) -> Metadata:
    """Call metadata of a client that may only introspect."""
    return core.basic("gateway")
