"""What the commands that administer need: of the core in this process, or of a running server."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Protocol

from domain.model.clients import Client
from domain.model.credentials import ClientSecret, SecretId
from domain.model.etags import Etag
from domain.model.identifiers import ClientId, Epoch, ResourceId
from domain.model.keys import KeyId, KeyPurpose, SigningAlgorithm
from domain.model.resources import Resource
from domain.model.scopes import ScopeDefinition, ScopeToken
from domain.ports.clock import Clock
from domain.usecases.administer_catalogue import ResourceChanges, ScopeChanges
from domain.usecases.administer_clients import (
    ClientChanges,
    CreatedClient,
    NewClient,
    UpdatedClient,
)
from domain.usecases.administer_keys import KeyStanding, PublicKey
from domain.usecases.administer_secrets import AddedSecret, SecretStanding
from domain.usecases.rotate_data_keys import DataKeyRotation, DataKeyStanding


class ClientAdministration(Protocol):
    """What `AdministerClients` can do."""

    def new_client_id(self) -> ClientId: ...

    def new_epoch(self) -> Epoch: ...

    async def create(
        self, draft: Client, *, imported_secret: ClientSecret | None = None
    ) -> CreatedClient: ...

    def create_all(self, wanted: Sequence[NewClient]) -> AsyncIterator[CreatedClient]: ...

    async def show(self, client_id: ClientId) -> Client: ...

    async def page(self, *, after: ClientId | None, limit: int) -> Sequence[Client]: ...

    async def update(
        self,
        client_id: ClientId,
        changes: ClientChanges,
        /,
        *,
        if_version: int | None = None,
        new_secret: bool = False,
    ) -> UpdatedClient: ...

    async def disable(self, client_id: ClientId, /) -> Client: ...

    async def enable(self, client_id: ClientId, /) -> Client: ...

    async def revoke_all(self, client_id: ClientId) -> Client: ...

    async def delete(self, client_id: ClientId) -> None: ...


class SecretAdministration(Protocol):
    """What `AdministerSecrets` can do."""

    async def standings(self, client_id: ClientId) -> tuple[SecretStanding, ...]: ...

    async def add(
        self, client_id: ClientId, *, label: str = "", lifetime: timedelta | None = None
    ) -> AddedSecret: ...

    async def rotate(
        self, client_id: ClientId, *, overlap: timedelta, label: str = ""
    ) -> AddedSecret: ...

    async def expire(
        self,
        client_id: ClientId,
        secret_id: SecretId,
        *,
        after: timedelta,
        even_the_last: bool = False,
    ) -> Client: ...

    async def delete(
        self, client_id: ClientId, secret_id: SecretId, *, even_the_last: bool = False
    ) -> Client: ...


class CatalogueAdministration(Protocol):
    """What `AdministerCatalogue` can do."""

    async def show_scope(self, token: ScopeToken) -> ScopeDefinition: ...

    async def page_scopes(
        self, *, after: ScopeToken | None, limit: int
    ) -> Sequence[ScopeDefinition]: ...

    async def add_scope(self, definition: ScopeDefinition) -> None: ...

    async def update_scope(
        self, token: ScopeToken, changes: ScopeChanges, /, *, if_etag: Etag | None = None
    ) -> ScopeDefinition: ...

    async def disable_scope(
        self, token: ScopeToken, /, *, if_etag: Etag | None = None
    ) -> ScopeDefinition: ...

    async def enable_scope(
        self, token: ScopeToken, /, *, if_etag: Etag | None = None
    ) -> ScopeDefinition: ...

    async def remove_scope(self, token: ScopeToken, /, *, if_etag: Etag | None = None) -> None: ...

    async def show_resource(self, resource_id: ResourceId) -> Resource: ...

    async def page_resources(
        self, *, after: ResourceId | None, limit: int
    ) -> Sequence[Resource]: ...

    async def add_resource(self, resource: Resource) -> None: ...

    async def update_resource(
        self, resource_id: ResourceId, changes: ResourceChanges, /, *, if_etag: Etag | None = None
    ) -> Resource: ...

    async def disable_resource(
        self, resource_id: ResourceId, /, *, if_etag: Etag | None = None
    ) -> Resource: ...

    async def enable_resource(
        self, resource_id: ResourceId, /, *, if_etag: Etag | None = None
    ) -> Resource: ...

    async def remove_resource(
        self, resource_id: ResourceId, /, *, if_etag: Etag | None = None
    ) -> None: ...


class KeyAdministration(Protocol):
    """What `AdministerKeys` can do without a private key in hand."""

    async def list_keys(self) -> Sequence[KeyStanding]: ...

    async def public_keys(self, key_id: KeyId | None = None) -> Sequence[PublicKey]: ...

    async def rotate(
        self, algorithm: SigningAlgorithm | None = None, *, at_once: bool = False
    ) -> KeyStanding: ...

    async def retire(self, key_id: KeyId) -> KeyStanding: ...

    async def revoke(self, key_id: KeyId) -> KeyStanding | None: ...


class DataKeyAdministration(Protocol):
    """What `RotateDataKeys` can do."""

    async def list(self) -> Sequence[DataKeyStanding]: ...

    async def __call__(self, purpose: KeyPurpose) -> DataKeyRotation: ...


class Administration(Protocol):
    """All of it. A `Core` is one; so is a running server."""

    @property
    def administer_clients(self) -> ClientAdministration: ...

    @property
    def administer_secrets(self) -> SecretAdministration: ...

    @property
    def administer_catalogue(self) -> CatalogueAdministration: ...

    @property
    def administer_keys(self) -> KeyAdministration: ...

    @property
    def rotate_data_keys(self) -> DataKeyAdministration: ...

    @property
    def clock(self) -> Clock: ...
