"""What a command works with: the core in this process, or a running server in its place."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from adapters.origin import bind_origin
from adapters.system.user import user_name
from domain.model.events import Origin
from entrypoints.cli.administration import Administration
from entrypoints.cli.exits import ExitStatus, Refused, refusals
from entrypoints.settings import Settings

if TYPE_CHECKING:
    from entrypoints.container import Core

T = TypeVar("T")


def with_administration(settings: Settings, work: Callable[[Administration], Awaitable[T]]) -> T:
    """Do *work* with the server that the settings name as target, or else with the core.

    Raises:
        Refused: If the settings do for neither.
        Unavailable: If the server or the store is down.
    """
    if settings.target is None:
        return with_core(settings, work)
    # Here and not above, because most commands need no gRPC.
    from entrypoints.cli.remote import with_server  # noqa: PLC0415

    return with_server(settings, settings.target, work)


def require_no_target(settings: Settings) -> None:
    """Refuse to work on the store if a server is to be asked instead."""
    if settings.target is not None:
        raise Refused(
            "this command works on the store itself and cannot be sent to a server: --target off",
            ExitStatus.WRONG_USAGE,
        )


def with_core(
    settings: Settings, work: "Callable[[Core], Awaitable[T]]", *, makes_keys: bool = True
) -> T:
    """Open the core, do *work* with it, and close it.

    Args:
        makes_keys: As of `open_core`.

    Raises:
        Refused: If the keys or the store do not fit the settings, or a server
            is to be asked instead.
        Unavailable: If the store is down.
    """
    require_no_target(settings)
    # Here and not above, because it brings every adapter along and most commands need none.
    from entrypoints.container import open_core  # noqa: PLC0415

    async def run() -> T:
        async with open_core(settings, makes_keys=makes_keys) as core:
            return await work(core)

    with refusals(), bind_origin(Origin(protocol="cli", actor=f"cli:{user_name()}")):
        return asyncio.run(run())
