"""Tracing, where it is on; a process in which it is off imports nothing of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from entrypoints.settings import Settings
from grantd import __version__

if TYPE_CHECKING:
    from adapters.telemetry.tracing import Tracing


@asynccontextmanager
async def open_tracing(settings: Settings) -> "AsyncIterator[Tracing | None]":
    """Make what makes spans, None if nothing is to; what is left is sent at the end."""
    if settings.tracing_endpoint is None:
        yield None
        return
    from adapters.telemetry.tracing import Tracing  # noqa: PLC0415  (likewise)

    tracing = Tracing(
        settings.tracing_endpoint,
        sample_ratio=settings.tracing_sample_ratio,
        version=__version__,
    )
    try:
        yield tracing
    finally:
        await tracing.close()
