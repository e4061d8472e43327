"""Adding scopes and resources, changing and ending them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from datetime import timedelta
from typing import TypedDict, TypeVar

from domain.errors import CatalogueEntryExists, CatalogueEntryNotFound, Conflict
from domain.model.administration import RESERVED
from domain.model.catalogue import Catalogue, StoredCatalogue
from domain.model.etags import Etag, etag_of
from domain.model.events import AuditEvent, EventKind
from domain.model.identifiers import ResourceId
from domain.model.keys import SigningAlgorithm
from domain.model.resources import Resource, require_sound_resource
from domain.model.scopes import ScopeDefinition, ScopeToken, require_sound_scope
from domain.model.tokens import TokenFormat
from domain.ports.audit_trail import AuditTrail
from domain.ports.clock import Clock
from domain.usecases.change_catalogue import ChangeCatalogue
from domain.usecases.current_catalogue import CurrentCatalogue

Entry = TypeVar("Entry", ScopeDefinition, Resource)


class ScopeChanges(TypedDict, total=False):
    """What a scope is to become; what is left out stays."""

    description: str
    resource: ResourceId | None


class ResourceChanges(TypedDict, total=False):
    """What a resource is to become; what is left out stays."""

    name: str
    token_format: TokenFormat | None
    signing_algorithm: SigningAlgorithm | None
    access_token_ttl: timedelta | None


class AdministerCatalogue:
    """Administers scopes and resources.

    Whoever names the etag of what they read changes that or nothing.
    """

    def __init__(
        self,
        catalogue: CurrentCatalogue,
        *,
        change: ChangeCatalogue,
        clock: Clock,
        audit: AuditTrail,
    ) -> None:
        self._catalogue = catalogue
        self._change = change
        self._clock = clock
        self._audit = audit

    async def read(self) -> Catalogue:
        return await self._catalogue.read()

    async def show_scope(self, token: ScopeToken) -> ScopeDefinition:
        """Return a scope, stored or built in.

        Raises:
            CatalogueEntryNotFound: If it is not known.
        """
        known = (await self.read()).scopes.get(token)
        if known is None:
            raise CatalogueEntryNotFound(token, hint=token)
        return known

    async def page_scopes(
        self, *, after: ScopeToken | None, limit: int
    ) -> Sequence[ScopeDefinition]:
        """Return up to *limit* scopes in the order of their tokens, from behind *after*."""
        scopes = (await self.read()).scopes
        tokens = sorted(token for token in scopes if after is None or token > after)
        return [scopes[token] for token in tokens[:limit]]

    async def add_scope(self, definition: ScopeDefinition) -> None:
        """Make a scope known.

        Raises:
            CatalogueEntryExists: If it is known already.
            CatalogueEntryNotFound: If the resource that shall own it is not.
            InvalidRegistration: If its description cannot be shown.
        """
        require_sound_scope(definition)
        token = definition.token

        def add(stored: StoredCatalogue) -> StoredCatalogue:
            if token in RESERVED or any(known.token == token for known in stored.scopes):
                raise CatalogueEntryExists(token, hint=token)
            _require_owner(stored, definition)
            return replace(stored, scopes=(*stored.scopes, definition))

        await self._change(add)
        await self._record(f"scope {token}", "added")

    async def update_scope(
        self, token: ScopeToken, changes: ScopeChanges, /, *, if_etag: Etag | None = None
    ) -> ScopeDefinition:
        """Change what is given of a scope.

        Raises:
            CatalogueEntryNotFound: If it is not known, or the resource that shall own it.
            Conflict: If it is built in, or does not have that etag.
            InvalidRegistration: If its description cannot be shown.
        """
        return await self._change_scope(
            token, lambda scope: require_sound_scope(replace(scope, **changes)), if_etag
        )

    async def disable_scope(
        self, token: ScopeToken, /, *, if_etag: Etag | None = None
    ) -> ScopeDefinition:
        """Issue no token with a scope from now on; those that have it live on.

        Raises:
            CatalogueEntryNotFound: If it is not known.
            Conflict: If it is built in, or does not have that etag.
        """
        return await self._change_scope(token, lambda scope: replace(scope, disabled=True), if_etag)

    async def enable_scope(
        self, token: ScopeToken, /, *, if_etag: Etag | None = None
    ) -> ScopeDefinition:
        """Issue tokens with a disabled scope again.

        Raises:
            CatalogueEntryNotFound: If it is not known.
            Conflict: If it is built in, or does not have that etag.
        """
        return await self._change_scope(
            token, lambda scope: replace(scope, disabled=False), if_etag
        )

    async def remove_scope(self, token: ScopeToken, /, *, if_etag: Etag | None = None) -> None:
        """Make a scope unknown: no token is issued with it from now on.

        Raises:
            CatalogueEntryNotFound: If it is not known.
            Conflict: If it is built in, or does not have that etag.
        """

        def remove(stored: StoredCatalogue) -> StoredCatalogue:
            scope = _scope(stored, token, if_etag)
            return replace(stored, scopes=tuple(one for one in stored.scopes if one != scope))

        await self._change(remove)
        await self._record(f"scope {token}", "removed")

    async def show_resource(self, resource_id: ResourceId) -> Resource:
        """Return a resource.

        Raises:
            CatalogueEntryNotFound: If it is not known.
        """
        known = (await self.read()).resources.get(resource_id)
        if known is None:
            raise CatalogueEntryNotFound(resource_id, hint=resource_id)
        return known

    async def page_resources(self, *, after: ResourceId | None, limit: int) -> Sequence[Resource]:
        """Return up to *limit* resources in the order of their identifiers, from behind *after*."""
        resources = (await self.read()).resources
        names = sorted(name for name in resources if after is None or name > after)
        return [resources[name] for name in names[:limit]]

    async def add_resource(self, resource: Resource) -> None:
        """Make a resource known.

        Raises:
            CatalogueEntryExists: If it is known already.
            InvalidRegistration: If no key is active for its algorithm, its
                tokens could not live, or its name cannot be shown.
        """
        require_sound_resource(resource)
        await self._require_signable(resource.signing_algorithm)
        name = resource.resource_id

        def add(stored: StoredCatalogue) -> StoredCatalogue:
            if any(known.resource_id == name for known in stored.resources):
                raise CatalogueEntryExists(name, hint=name)
            return replace(stored, resources=(*stored.resources, resource))

        await self._change(add)
        await self._record(f"resource {name}", "added")

    async def update_resource(
        self, resource_id: ResourceId, changes: ResourceChanges, /, *, if_etag: Etag | None = None
    ) -> Resource:
        """Change what is given of a resource.

        Raises:
            CatalogueEntryNotFound: If it is not known.
            Conflict: If it does not have that etag.
            InvalidRegistration: As `add_resource` does.
        """
        await self._require_signable(changes.get("signing_algorithm"))
        return await self._change_resource(
            resource_id,
            lambda resource: require_sound_resource(replace(resource, **changes)),
            if_etag,
        )

    async def disable_resource(
        self, resource_id: ResourceId, /, *, if_etag: Etag | None = None
    ) -> Resource:
        """Issue no token for a resource from now on, nor with a scope of it.

        Tokens that were issued for it live on, and whoever serves it may
        introspect them.

        Raises:
            CatalogueEntryNotFound: If it is not known.
            Conflict: If it does not have that etag.
        """
        return await self._change_resource(
            resource_id, lambda resource: replace(resource, disabled=True), if_etag
        )

    async def enable_resource(
        self, resource_id: ResourceId, /, *, if_etag: Etag | None = None
    ) -> Resource:
        """Issue tokens for a disabled resource again.

        Raises:
            CatalogueEntryNotFound: If it is not known.
            Conflict: If it does not have that etag.
        """
        return await self._change_resource(
            resource_id, lambda resource: replace(resource, disabled=False), if_etag
        )

    async def remove_resource(
        self, resource_id: ResourceId, /, *, if_etag: Etag | None = None
    ) -> None:
        """Make a resource unknown.

        Raises:
            CatalogueEntryNotFound: If it is not known.
            Conflict: If it still owns scopes, or does not have that etag.
        """

        def remove(stored: StoredCatalogue) -> StoredCatalogue:
            resource = _resource(stored, resource_id, if_etag)
            if any(known.resource == resource_id for known in stored.scopes):
                raise Conflict("it still owns scopes", hint=f"{resource_id} still owns scopes")
            kept = tuple(one for one in stored.resources if one != resource)
            return replace(stored, resources=kept)

        await self._change(remove)
        await self._record(f"resource {resource_id}", "removed")

    async def _change_scope(
        self,
        token: ScopeToken,
        change: Callable[[ScopeDefinition], ScopeDefinition],
        if_etag: Etag | None,
    ) -> ScopeDefinition:
        def apply(stored: StoredCatalogue) -> StoredCatalogue:
            was = _scope(stored, token, if_etag)
            now = change(was)
            if now.resource != was.resource:
                _require_owner(stored, now)
            return replace(stored, scopes=_swapped(stored.scopes, was, now))

        changed = await self._change(apply)
        if changed is None:
            return await self.show_scope(token)
        was, now = _scope(changed.before, token), _scope(changed.after, token)
        await self._record(f"scope {token}", ", ".join(_differences(was, now)))
        return now

    async def _change_resource(
        self, resource_id: ResourceId, change: Callable[[Resource], Resource], if_etag: Etag | None
    ) -> Resource:
        def apply(stored: StoredCatalogue) -> StoredCatalogue:
            was = _resource(stored, resource_id, if_etag)
            return replace(stored, resources=_swapped(stored.resources, was, change(was)))

        changed = await self._change(apply)
        if changed is None:
            return await self.show_resource(resource_id)
        was, now = _resource(changed.before, resource_id), _resource(changed.after, resource_id)
        await self._record(f"resource {resource_id}", ", ".join(_differences(was, now)))
        return now

    async def _require_signable(self, algorithm: SigningAlgorithm | None) -> None:
        if algorithm is not None:
            (await self.read()).keyring.require_signer(algorithm, now=self._clock.now())

    async def _record(self, subject: str, change: str) -> None:
        await self._audit.record(
            AuditEvent(
                kind=EventKind.CATALOGUE_CHANGED,
                at=self._clock.now(),
                subject=subject,
                change=change,
            )
        )


def _scope(
    stored: StoredCatalogue, token: ScopeToken, if_etag: Etag | None = None
) -> ScopeDefinition:
    if token in RESERVED:
        raise Conflict("a reserved scope", hint=f"{token} is built in")
    for known in stored.scopes:
        if known.token == token:
            return _require_etag(known, token, if_etag)
    raise CatalogueEntryNotFound(token, hint=token)


def _resource(
    stored: StoredCatalogue, resource_id: ResourceId, if_etag: Etag | None = None
) -> Resource:
    for known in stored.resources:
        if known.resource_id == resource_id:
            return _require_etag(known, resource_id, if_etag)
    raise CatalogueEntryNotFound(resource_id, hint=resource_id)


def _require_etag(entry: Entry, name: str, etag: Etag | None) -> Entry:
    if etag is not None and etag_of(entry) != etag:
        raise Conflict(
            f"{name} does not have the etag {etag}",
            hint=f"somebody else changed {name}: its etag is {etag_of(entry)} now",
        )
    return entry


def _require_owner(stored: StoredCatalogue, scope: ScopeDefinition) -> None:
    if scope.resource is not None:
        _resource(stored, scope.resource)


def _swapped(entries: tuple[Entry, ...], was: Entry, now: Entry) -> tuple[Entry, ...]:
    return tuple(now if known == was else known for known in entries)


def _differences(was: Entry, now: Entry) -> Iterator[str]:
    """Say what became different, by the names of attributes and without their values."""
    if was.disabled is not now.disabled:
        yield "disabled" if now.disabled else "enabled"
    for field in fields(was):
        if field.name != "disabled" and getattr(was, field.name) != getattr(now, field.name):
            yield field.name
