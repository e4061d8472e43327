"""Bringing the server to a desired state, so that being killed half-way does no harm.

What the catalogue gains goes first, then the clients, then what the catalogue
loses: at no moment a client is without what both states give it, and whatever
was done, another application finishes.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, replace
from typing import Any, Final, cast

from domain.errors import (
    CatalogueEntryNotFound,
    ClientExists,
    ClientNotFound,
    Conflict,
    InvalidRegistration,
)
from domain.model.catalogue import StoredCatalogue
from domain.model.clients import Client
from domain.model.credentials import ClientSecret, matching
from domain.model.desired_state import CurrentState, DesiredState, Problem
from domain.model.events import AuditEvent, EventKind
from domain.model.identifiers import ClientId
from domain.model.keys import Keyring
from domain.ports.audit_trail import AuditTrail
from domain.ports.clock import Clock
from domain.ports.entropy import Entropy
from domain.ports.secret_hashing import SecretHasher, SecretMismatch
from domain.ports.secret_outlet import SecretNotLeft, SecretOutlet
from domain.usecases.administer_clients import AdministerClients, ClientChanges
from domain.usecases.change_catalogue import ChangeCatalogue
from domain.usecases.current_catalogue import CurrentCatalogue
from domain.usecases.each_client import each_client
from domain.usecases.fenced_clients import FencedClients, require_mark
from domain.usecases.judge_state import judge_state
from domain.usecases.make_secret import MakeSecret
from domain.usecases.plan_state import Action, Change, Kind, Plan, plan_state
from domain.usecases.token_policy import TokenPolicy

_MARK_BYTES: Final = 12
_NOT_BY_UPDATE: Final = frozenset(
    {"client_id", "epoch", "created_at", "version", "secrets", "owner", "disabled"}
)
_DONE: Final = {Action.CREATE: "added", Action.REMOVE: "removed"}


@dataclass(frozen=True, slots=True)
class Unattainable:
    """A desired state that cannot be had, with every reason."""

    problems: tuple[Problem, ...]


class ApplyState:
    """Applies desired states, one at a time over all processes.

    Args:
        administer: What knows the rules about clients, on top of *clients*.
    """

    def __init__(
        self,
        clients: FencedClients,
        *,
        administer: AdministerClients,
        catalogue: CurrentCatalogue,
        change: ChangeCatalogue,
        make_secret: MakeSecret,
        hasher: SecretHasher,
        policy: TokenPolicy,
        entropy: Entropy,
        clock: Clock,
        audit: AuditTrail,
    ) -> None:
        self._clients = clients
        self._administer = administer
        self._catalogue = catalogue
        self._change = change
        self._make_secret = make_secret
        self._hasher = hasher
        self._policy = policy
        self._entropy = entropy
        self._clock = clock
        self._audit = audit

    async def read(self) -> CurrentState:
        """Return what the server knows."""
        catalogue = await self._catalogue.read()
        clients = {client.client_id: client async for client in each_client(self._clients)}
        return CurrentState(catalogue=catalogue, clients=clients)

    async def plan(self, desired: DesiredState, *, prune: bool) -> Plan | Unattainable:
        """Tell what would have to change; nothing is written."""
        current = await self.read()
        problems = judge_state(
            current, desired, prune=prune, issuer=self._policy.issuer, now=self._clock.now()
        )
        if problems:
            return Unattainable(problems)
        return plan_state(
            current,
            desired,
            prune=prune,
            proved=await self._proved(current, desired),
            policy=self._policy,
        )

    async def prepare(self, desired: DesiredState, *, prune: bool) -> Plan | Unattainable:
        """Plan what is going to be carried out.

        An application that has begun and not ended is stopped before: if
        somebody is still at it, they get a conflict.

        Raises:
            Conflict: If others take part at the same moment.
        """
        plan = await self.plan(desired, prune=prune)
        if isinstance(plan, Unattainable) or not plan.seen.catalogue.policy.apply_under_way:
            return plan
        async with _others_noticed():
            await self._change(
                lambda stored: _marked(stored, self._entropy.token(_MARK_BYTES)),
                if_version=plan.seen.catalogue.version,
            )
        return await self.plan(desired, prune=prune)

    async def carry_out(self, plan: Plan, *, outlet: SecretOutlet | None = None) -> None:
        """Do what was planned, all of it on the state that it was planned on.

        Args:
            outlet: Where secrets that are made are left, before the client
                is there that has it.

        Raises:
            SecretNotLeft: If a secret has to be made and has no place.
                Nothing was changed then, unless the outlet failed on the way.
            Conflict: If somebody else changed something meanwhile. What was
                done until then stays; whoever plans and applies again goes on.
        """
        await self._require_places(plan, outlet)
        async with _others_noticed():
            if plan.clients or plan.seen.catalogue.policy.apply_under_way:
                await self._in_steps(plan, outlet)
            else:
                await self._at_once(plan)

    async def _at_once(self, plan: Plan) -> None:
        await self._change(
            lambda stored: _lessened(_grown(stored, plan), plan),
            if_version=plan.seen.catalogue.version,
        )
        for change in plan.of_the_catalogue:
            await self._record(change)

    async def _in_steps(self, plan: Plan, outlet: SecretOutlet | None) -> None:
        mark = self._entropy.token(_MARK_BYTES)
        await self._change(
            lambda stored: _marked(_grown(stored, plan), mark),
            if_version=plan.seen.catalogue.version,
        )
        for change in plan.of_the_catalogue:
            if change.after is not None:
                await self._record(change)

        self._clients.begin(mark)
        for client in plan.clients:
            try:
                await self._carry_out(client, outlet)
            except InvalidRegistration:
                # What was in order may name what another application has removed.
                await self._clients.require_own()
                raise
        await self._require_all_done(plan)

        def finish(stored: StoredCatalogue) -> StoredCatalogue:
            require_mark(stored.policy.apply_under_way, mark)
            return _marked(_lessened(stored, plan))

        await self._change(finish)
        for change in plan.of_the_catalogue:
            if change.after is None:
                await self._record(change)

    async def _require_all_done(self, plan: Plan) -> None:
        """See that no client is otherwise, by whoever was still at it when this began."""
        current = await self.read()
        again = plan_state(
            current,
            plan.desired,
            prune=plan.prune,
            proved=current.clients.keys(),
            policy=self._policy,
        )
        if again.clients:
            raise Conflict(f"{again.clients[0].name} was changed meanwhile")

    async def _carry_out(self, change: Change[Client], outlet: SecretOutlet | None) -> None:
        client_id = ClientId(change.name)
        before, after = change.before, change.after
        if after is None:
            await self._remove(client_id, before)
            return
        secret = change.imports
        if change.makes_a_secret and outlet is not None:
            secret = await self._made_once(client_id, outlet)
        if before is None:
            draft = replace(
                after, epoch=self._administer.new_epoch(), created_at=self._clock.now(), version=1
            )
            await self._administer.create(draft, imported_secret=secret)
            return
        version = before.version
        if after.disabled and not before.disabled:
            version = (await self._administer.disable(client_id, if_version=version)).version
        updated = await self._administer.update(
            client_id, _settings(after), if_version=version, imported_secret=secret
        )
        if before.disabled and not after.disabled:
            await self._administer.enable(client_id, if_version=updated.client.version)

    async def _remove(self, client_id: ClientId, before: Client | None) -> None:
        if before is None or (await self._administer.show(client_id)).version != before.version:
            raise Conflict(f"{client_id} was changed before it could be removed")
        await self._administer.delete(client_id)

    async def _made_once(self, client_id: ClientId, outlet: SecretOutlet) -> ClientSecret:
        """Return the secret that an application before this one left, or leave a new one."""
        if (left := await outlet.find(client_id)) is not None:
            return left
        secret = self._make_secret.compose()
        await outlet.leave(client_id, secret)
        return secret

    async def _require_places(self, plan: Plan, outlet: SecretOutlet | None) -> None:
        making = [change for change in plan.clients if change.makes_a_secret]
        if making and outlet is None:
            raise SecretNotLeft("there is no place for the secrets that have to be made")
        for change in making:
            left = await outlet.find(ClientId(change.name)) if outlet is not None else None
            had = change.before.secrets if change.before is not None else ()
            if left is not None and any(kept.secret_id == left.secret_id for kept in had):
                raise SecretNotLeft(
                    f"an older secret of {change.name} is in the place of a new one"
                )

    async def _proved(self, current: CurrentState, desired: DesiredState) -> frozenset[ClientId]:
        """Return the clients that have the secret they are to have."""
        return frozenset(
            [
                one.draft.client_id
                for one in desired.clients or ()
                if one.secret is not None
                and (client := current.clients.get(one.draft.client_id)) is not None
                and await self._has(client, one.secret, current.catalogue.keyring)
            ]
        )

    async def _has(self, client: Client, secret: ClientSecret, keyring: Keyring) -> bool:
        for kept in matching(client.secrets, secret):
            try:
                await self._hasher.verify(secret, against=kept.hash, peppers=keyring.peppers)
            except SecretMismatch:
                continue
            return True
        return False

    async def _record(self, change: Change[Any]) -> None:
        differences = ", ".join(one.attribute for one in change.differences())
        await self._audit.record(
            AuditEvent(
                kind=EventKind.CATALOGUE_CHANGED,
                at=self._clock.now(),
                subject=change.kind
                if change.kind is Kind.POLICY
                else f"{change.kind} {change.name}",
                change=_DONE.get(change.action, differences),
            )
        )


@asynccontextmanager
async def _others_noticed() -> AsyncIterator[None]:
    """Say what to do if somebody else is at work too."""
    try:
        yield
    except (Conflict, ClientExists, ClientNotFound, CatalogueEntryNotFound) as error:
        raise Conflict(
            error.detail, hint="somebody else changed the state since it was read: plan again"
        ) from error


def _marked(stored: StoredCatalogue, mark: str = "") -> StoredCatalogue:
    return replace(stored, policy=replace(stored.policy, apply_under_way=mark))


def _grown(stored: StoredCatalogue, plan: Plan) -> StoredCatalogue:
    """Return the catalogue with what is new or different."""
    scopes = {one.token: one for one in stored.scopes}
    scopes.update((c.after.token, c.after) for c in plan.scopes if c.after is not None)
    resources = {one.resource_id: one for one in stored.resources}
    resources.update((c.after.resource_id, c.after) for c in plan.resources if c.after is not None)
    declared = [change.after for change in plan.policy if change.after is not None]
    return replace(
        stored,
        scopes=tuple(scopes.values()),
        resources=tuple(resources.values()),
        policy=declared[0] if declared else stored.policy,
    )


def _lessened(stored: StoredCatalogue, plan: Plan) -> StoredCatalogue:
    """Return the catalogue without what is removed."""
    scopes = {change.name for change in plan.scopes if change.after is None}
    resources = {change.name for change in plan.resources if change.after is None}
    return replace(
        stored,
        scopes=tuple(one for one in stored.scopes if one.token not in scopes),
        resources=tuple(one for one in stored.resources if one.resource_id not in resources),
    )


def _settings(client: Client) -> ClientChanges:
    """Return all of a client that changing it can change."""
    changes = {
        one.name: getattr(client, one.name)
        for one in fields(client)
        if one.name not in _NOT_BY_UPDATE
    }
    return cast("ClientChanges", changes)
