"""Tracing, where it is on; a process in which it is off imports nothing of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from entrypoints.settings import Settings
from grantd import __version__

if TYPE_CHECKING:
    from adapters.telemetry.tracing import Tracing
    from entrypoints.container import Core


@asynccontextmanager
async def open_tracing(settings: Settings) -> "AsyncIterator[Tracing | None]":
    """Yield what makes spans, None if it is off; what is left is sent at the end."""
    if settings.tracing_endpoint is None:
        yield None
        return
    from adapters.telemetry.tracing import Tracing  # noqa: PLC0415  (for who has it on)

    tracing = Tracing(
        settings.tracing_endpoint,
        sample_ratio=settings.tracing_sample_ratio,
        version=__version__,
    )
    try:
        yield tracing
    finally:
        await tracing.close()


def traced_core(core: "Core", tracing: "Tracing") -> "Core":
    """Return *core* with a span around each step that requests have it take."""
    from adapters.telemetry.traced_steps import traced  # noqa: PLC0415  (for who has it on)

    return replace(
        core,
        tracing=tracing,
        issue_token=traced(core.issue_token, tracing),
        introspect_token=traced(core.introspect_token, tracing),
        revoke_token=traced(core.revoke_token, tracing),
        authorize_administration=traced(core.authorize_administration, tracing),
        administer_clients=traced(core.administer_clients, tracing),
        administer_secrets=traced(core.administer_secrets, tracing),
        administer_catalogue=traced(core.administer_catalogue, tracing),
        administer_keys=traced(core.administer_keys, tracing),
        rotate_data_keys=traced(core.rotate_data_keys, tracing),
    )
