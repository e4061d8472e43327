"""Desired states for tests: read of YAML as operators write it, applied, and cut off half-way."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from domain.model.credentials import ClientSecret
from domain.model.desired_state import DesiredState
from domain.model.identifiers import ClientId
from domain.ports.secret_outlet import SecretNotLeft, SecretOutlet
from domain.usecases.plan_state import Plan
from entrypoints.cli.state_file import StateFile, read_state
from support.core import HandWiredCore
from support.stores import Stores

NOWHERE = Path("/nowhere")
_WRITES = frozenset({"add", "replace", "remove", "leave"})


def state_file(text: str) -> StateFile:
    return read_state(text, beside=NOWHERE)


def desired(text: str) -> DesiredState:
    """Read a state that has to be in order."""
    read = state_file(text)
    assert not read.problems
    return read.desired


class MemorySecretOutlet:
    def __init__(self) -> None:
        self.left: dict[ClientId, ClientSecret] = {}

    async def find(self, client_id: ClientId, /) -> ClientSecret | None:
        return self.left.get(client_id)

    async def leave(self, client_id: ClientId, secret: ClientSecret, /) -> None:
        if client_id in self.left:
            raise SecretNotLeft(f"there is one of {client_id} already")
        self.left[client_id] = secret


_: type[SecretOutlet] = MemorySecretOutlet


async def require_plan(core: HandWiredCore, wanted: DesiredState, *, prune: bool = False) -> Plan:
    plan = await core.apply_state.plan(wanted, prune=prune)
    assert isinstance(plan, Plan), plan
    return plan


async def apply(
    core: HandWiredCore,
    wanted: DesiredState | str,
    *,
    prune: bool = False,
    outlet: SecretOutlet | None = None,
) -> Plan:
    """Apply a state as the command does, and return what was planned."""
    state = desired(wanted) if isinstance(wanted, str) else wanted
    plan = await core.apply_state.prepare(state, prune=prune)
    assert isinstance(plan, Plan), plan
    await core.apply_state.carry_out(plan, outlet=outlet or MemorySecretOutlet())
    return plan


class Killed(BaseException):
    """The process ended here; nobody catches it on the way."""


@dataclass(slots=True)
class Fuse:
    """Lets so many writes pass and ends the process at the next one.

    Attributes:
        after_it: The write it ends at is done, and nobody hears of it.
    """

    writes_left: int
    after_it: bool = False

    async def around(self, write: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401  (as write returns)
        if self.writes_left:
            self.writes_left -= 1
            return await write()
        if self.after_it:
            await write()
        raise Killed


@dataclass(slots=True)
class Guarded:
    """A store whose writes go through *around*."""

    store: Any
    around: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]
    writes: frozenset[str] = field(default=_WRITES)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  (whatever the store has)
        method = getattr(self.store, name)
        if name not in self.writes:
            return method
        return lambda *given, **named: self.around(lambda: method(*given, **named))


def guarded(
    stores: Stores, around: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]
) -> Stores:
    """Return stores whose clients and catalogue are written through *around*."""
    return replace(
        stores,
        clients=Guarded(stores.clients, around),
        catalogue=Guarded(stores.catalogue, around),
    )
