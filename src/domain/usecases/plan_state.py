"""What has to change for a desired state to be had. Pure; nothing here reads or writes."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import MISSING, dataclass, fields, replace
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from domain.model.administration import RESERVED
from domain.model.catalogue import Catalogue
from domain.model.clients import Client, GrantType
from domain.model.credentials import AuthMethod, ClientSecret
from domain.model.desired_state import CurrentState, DesiredState
from domain.model.identifiers import ClientId, ResourceId
from domain.model.policy import DeclaredPolicy
from domain.model.resources import Resource
from domain.model.scopes import Scope, ScopeDefinition, ScopeToken
from domain.usecases.token_policy import TokenPolicy

K = TypeVar("K", bound=str)
T = TypeVar("T", bound=Resource | ScopeDefinition | DeclaredPolicy | Client)

POLICY: Final = "policy"
_THE_STORES_OWN = frozenset({"epoch", "created_at", "version", "secrets", "apply_under_way"})
_NAMES = frozenset({"resource_id", "token", "client_id"})


class Kind(StrEnum):
    RESOURCE = "resource"
    SCOPE = "scope"
    POLICY = "policy"
    CLIENT = "client"


class Action(StrEnum):
    CREATE = "create"
    CHANGE = "change"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Difference:
    """What becomes different of one attribute; of a new thing, *old* is the default."""

    attribute: str
    old: object
    new: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Generic[T]):
    """One thing as it is and as it is to be; None where it is not.

    Attributes:
        makes_a_secret: A client that comes to need a secret gets one.

        imports: One made elsewhere that the client gets.
    """

    kind: Kind
    name: str
    before: T | None
    after: T | None
    makes_a_secret: bool = False
    imports: ClientSecret | None = None

    @property
    def action(self) -> Action:
        if self.before is None:
            return Action.CREATE
        return Action.CHANGE if self.after is not None else Action.REMOVE

    def differences(self) -> Iterator[Difference]:
        """Yield what becomes different, nothing for what is removed."""
        if self.after is None:
            return
        for one in fields(self.after):
            if one.name in _THE_STORES_OWN | _NAMES:
                continue
            new = getattr(self.after, one.name)
            old = getattr(self.before, one.name) if self.before is not None else _default(one)
            if old != new:
                yield Difference(one.name, old, new)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What a client could do before and cannot do then.

    Attributes:
        ends: It is removed or disabled, and all that it holds ends.

        serves: Resources whose tokens it could introspect.
    """

    client_id: ClientId
    ends: bool
    scope: Scope
    audiences: frozenset[ResourceId]
    grant_types: frozenset[GrantType]
    serves: frozenset[ResourceId]
    introspect_any: bool

    def __bool__(self) -> bool:
        lost = (self.ends, self.scope, self.audiences, self.grant_types, self.serves)
        return any(lost) or self.introspect_any


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What has to change, in the order in which it is carried out.

    Attributes:
        seen: What was there when it was made.

        desired: What it leads to.

        prune: Whether what is of a desired kind and not desired goes.

        left: What is there and not wanted, and stays since nothing is pruned.
    """

    seen: CurrentState
    desired: DesiredState
    prune: bool
    resources: tuple[Change[Resource], ...]
    scopes: tuple[Change[ScopeDefinition], ...]
    policy: tuple[Change[DeclaredPolicy], ...]
    clients: tuple[Change[Client], ...]
    left: tuple[tuple[Kind, str], ...]
    losses: tuple[Loss, ...]

    @property
    def of_the_catalogue(self) -> tuple[Change[Any], ...]:
        return (*self.resources, *self.scopes, *self.policy)

    @property
    def changes(self) -> tuple[Change[Any], ...]:
        """All of them: what is removed of the catalogue goes last, behind the clients."""
        catalogue = self.of_the_catalogue
        return (
            *(change for change in catalogue if change.after is not None),
            *self.clients,
            *(change for change in reversed(catalogue) if change.after is None),
        )

    def count(self, action: Action) -> int:
        return sum(change.action is action for change in self.changes)


def plan_state(
    current: CurrentState,
    desired: DesiredState,
    *,
    prune: bool,
    proved: AbstractSet[ClientId],
    policy: TokenPolicy,
) -> Plan:
    """Plan how to come from *current* to *desired*, which was judged before.

    Args:
        prune: Removes what is of a desired kind and not desired itself.

        proved: Clients that have the secret they are to have already.

        policy: Tells what clients may ask for.
    """
    catalogue = current.catalogue
    resources, left_resources = _compare(
        Kind.RESOURCE, catalogue.resources, resources_of(desired), prune=prune
    )
    scopes, left_scopes = _compare(
        Kind.SCOPE, own_scopes(catalogue), scopes_of(desired), prune=prune
    )
    declared, _ = _compare(
        Kind.POLICY,
        {POLICY: replace(catalogue.policy, apply_under_way="")},
        {POLICY: desired.policy} if desired.policy is not None else None,
        prune=prune,
    )
    clients, left_clients = _compare(
        Kind.CLIENT, current.clients, _drafts(current, desired), prune=prune
    )
    touched = {change.name: change for change in clients}
    wanted = {one.draft.client_id: one.secret for one in desired.clients or ()}
    for client_id, secret in wanted.items():
        before = current.clients.get(client_id)
        imports = secret if client_id not in proved else None
        if client_id in touched:
            change = touched[client_id]
            makes = imports is None and change.after is not None and _lacks(before, change.after)
            touched[client_id] = replace(change, makes_a_secret=makes, imports=imports)
        elif imports is not None and before is not None:
            touched[client_id] = Change(
                kind=Kind.CLIENT, name=client_id, before=before, after=before, imports=imports
            )
    after = replace(
        catalogue,
        resources=_carried_out(catalogue.resources, resources),
        scopes=_carried_out(catalogue.scopes, scopes),
    )
    ordered = sorted(touched.values(), key=lambda one: (one.after is None, one.name))
    return Plan(
        seen=current,
        desired=desired,
        prune=prune,
        resources=resources,
        scopes=scopes,
        policy=declared,
        clients=tuple(ordered),
        left=(*left_resources, *left_scopes, *left_clients),
        losses=tuple(_losses(current, touched, catalogue, after, policy)),
    )


def resources_of(desired: DesiredState) -> dict[ResourceId, Resource] | None:
    if desired.resources is None:
        return None
    return {one.resource_id: one for one in desired.resources}


def scopes_of(desired: DesiredState) -> dict[ScopeToken, ScopeDefinition] | None:
    return None if desired.scopes is None else {one.token: one for one in desired.scopes}


def own_scopes(catalogue: Catalogue) -> dict[ScopeToken, ScopeDefinition]:
    """Return the scopes that an operator made, without those that are always there."""
    return {token: one for token, one in catalogue.scopes.items() if token not in RESERVED}


def _drafts(current: CurrentState, desired: DesiredState) -> dict[ClientId, Client] | None:
    """Return the desired clients with what the store keeps of those that are there."""
    if desired.clients is None:
        return None
    drafts = {one.draft.client_id: one.draft for one in desired.clients}
    for client_id, draft in drafts.items():
        if (before := current.clients.get(client_id)) is not None:
            kept = {name: getattr(before, name) for name in _THE_STORES_OWN if hasattr(draft, name)}
            drafts[client_id] = replace(draft, **kept)
    return drafts


def _compare(
    kind: Kind, was: Mapping[K, T], wanted: Mapping[K, T] | None, *, prune: bool
) -> tuple[tuple[Change[T], ...], tuple[tuple[Kind, str], ...]]:
    if wanted is None:
        return (), ()
    extra = sorted(was.keys() - wanted.keys())
    made = tuple(
        Change(kind=kind, name=name, before=was.get(name), after=after)
        for name, after in sorted(wanted.items())
        if was.get(name) != after
    )
    if not prune:
        return made, tuple((kind, name) for name in extra)
    gone = tuple(Change(kind=kind, name=name, before=was[name], after=None) for name in extra)
    return (*made, *gone), ()


def _carried_out(was: Mapping[K, T], changes: tuple[Change[T], ...]) -> dict[K, T]:
    entries: dict[Any, T] = dict(was)
    for change in changes:
        if change.after is not None:
            entries[change.name] = change.after
        else:
            del entries[change.name]
    return entries


def _lacks(before: Client | None, after: Client) -> bool:
    """Tell whether a client comes to need a secret that it has not."""
    if not after.uses_a_secret:
        return False
    if before is None or not before.secrets:
        return True
    kept = any(secret.sealed is not None for secret in before.secrets)
    return AuthMethod.CLIENT_SECRET_JWT in after.auth_methods and not kept


def _losses(
    current: CurrentState,
    touched: Mapping[str, Change[Client]],
    before: Catalogue,
    after: Catalogue,
    policy: TokenPolicy,
) -> Iterator[Loss]:
    for client_id, client in sorted(current.clients.items()):
        then = touched[client_id].after if client_id in touched else client
        loss = _loss(client, then, before, after, policy)
        if loss:
            yield loss


def _loss(
    client: Client, then: Client | None, before: Catalogue, after: Catalogue, policy: TokenPolicy
) -> Loss:
    had = client if not client.disabled else _powerless(client)
    has = then if then is not None and not then.disabled else _powerless(client)
    scope = before.known(had.scope) - after.known(has.scope)
    return Loss(
        client_id=client.client_id,
        ends=not client.disabled and (then is None or then.disabled),
        scope=scope,
        audiences=_audiences(had, before, policy) - _audiences(has, after, policy),
        grant_types=had.grant_types - has.grant_types,
        serves=had.serves.intersection(before.resources) - has.serves.intersection(after.resources),
        introspect_any=had.introspect_any and not has.introspect_any,
    )


def _audiences(client: Client, catalogue: Catalogue, policy: TokenPolicy) -> frozenset[ResourceId]:
    """Return what a client can ask for by name, nothing if no grant is its own."""
    if not client.grant_types:
        return frozenset()
    return policy.allowed_resources(client, catalogue) - {ResourceId(policy.issuer)}


def _powerless(client: Client) -> Client:
    """Return what a disabled or absent client amounts to."""
    return Client(
        client_id=client.client_id,
        epoch=client.epoch,
        created_at=client.created_at,
        auth_methods=client.auth_methods,
        grant_types=frozenset(),
    )


def _default(attribute: Any) -> object:  # noqa: ANN401  (dataclasses.Field of any type)
    if attribute.default is not MISSING:
        return attribute.default
    return attribute.default_factory() if attribute.default_factory is not MISSING else None
