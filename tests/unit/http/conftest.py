from collections.abc import AsyncIterator

import pytest_asyncio

from support.http_surface import HttpSurface, http_surface


@pytest_asyncio.fixture
async def surface() -> AsyncIterator[HttpSurface]:
    """An application with the default settings and no clients yet."""
    async with http_surface() as built:
        yield built


@pytest_asyncio.fixture
async def ledger(surface: HttpSurface) -> tuple[str, str]:
    """The id and the secret of a registered client."""
    return await surface.register()
