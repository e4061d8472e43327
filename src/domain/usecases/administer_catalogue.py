"""Adding and removing scopes and resources."""

from domain.errors import CatalogueEntryNotFound
from domain.model.catalogue import Catalogue
from domain.model.events import AuditEvent, EventKind
from domain.model.identifiers import ResourceId
from domain.model.resources import Resource
from domain.model.scopes import ScopeDefinition, ScopeToken
from domain.ports.audit_trail import AuditTrail
from domain.ports.catalogue import ResourceStore, ScopeStore
from domain.ports.clock import Clock
from domain.usecases.current_catalogue import CurrentCatalogue


class AdministerCatalogue:
    def __init__(
        self,
        catalogue: CurrentCatalogue,
        *,
        scopes: ScopeStore,
        resources: ResourceStore,
        clock: Clock,
        audit: AuditTrail,
    ) -> None:
        self._catalogue = catalogue
        self._scopes = scopes
        self._resources = resources
        self._clock = clock
        self._audit = audit

    async def read(self) -> Catalogue:
        return await self._catalogue.read()

    async def add_scope(self, definition: ScopeDefinition) -> None:
        """Make a scope known.

        Raises:
            CatalogueEntryExists: If it is known already.
            CatalogueEntryNotFound: If the resource that shall own it is not.
        """
        await self._scopes.add(definition)
        await self._record(f"scope {definition.token} added")

    async def remove_scope(self, token: ScopeToken) -> None:
        """Make a scope unknown: no token is issued with it from now on.

        Raises:
            CatalogueEntryNotFound: If it is not known.
        """
        if not await self._scopes.remove(token):
            raise CatalogueEntryNotFound(token, hint=token)
        await self._record(f"scope {token} removed")

    async def add_resource(self, resource: Resource) -> None:
        """Make a resource known.

        Raises:
            CatalogueEntryExists: If it is known already.
            InvalidRegistration: If no key is active for its algorithm.
        """
        keyring = (await self._catalogue.read()).keyring
        if resource.signing_algorithm is not None:
            keyring.require_signer(resource.signing_algorithm, now=self._clock.now())
        await self._resources.add(resource)
        await self._record(f"resource {resource.resource_id} added")

    async def remove_resource(self, resource_id: ResourceId) -> None:
        """Make a resource unknown.

        Raises:
            CatalogueEntryNotFound: If it is not known.
            Conflict: If it still owns scopes.
        """
        if not await self._resources.remove(resource_id):
            raise CatalogueEntryNotFound(resource_id, hint=resource_id)
        await self._record(f"resource {resource_id} removed")

    async def _record(self, what: str) -> None:
        await self._audit.record(
            AuditEvent(kind=EventKind.CATALOGUE_CHANGED, at=self._clock.now(), subject=what)
        )
