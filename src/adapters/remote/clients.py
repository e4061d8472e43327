"""`AdministerClients` of a running server."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from adapters.admin_messages import clients as mapping
from adapters.remote.paging import gather
from adapters.remote.server import RemoteServer
from domain.model.clients import Client
from domain.model.credentials import ClientSecret
from domain.model.identifiers import ClientId, Epoch
from domain.ports.entropy import Entropy
from domain.usecases.administer_clients import (
    ClientChanges,
    CreatedClient,
    NewClient,
    UpdatedClient,
    make_client_id,
    require_another_id,
    telling_place,
)
from grantd.admin.v1 import client_service_pb2 as pb


class RemoteClients:
    """Administers clients.

    The server sets epoch and creation time of a new client itself, and shows
    no epoch and no hash of a secret: both are empty in what is returned.
    """

    def __init__(self, server: RemoteServer, entropy: Entropy) -> None:
        self._server = server
        self._entropy = entropy

    def new_client_id(self) -> ClientId:
        return make_client_id(self._entropy)

    def new_epoch(self) -> Epoch:
        return Epoch("")

    async def create(
        self, draft: Client, *, imported_secret: ClientSecret | None = None
    ) -> CreatedClient:
        return await self._create(NewClient(draft=draft, secret=imported_secret))

    async def create_all(self, wanted: Sequence[NewClient]) -> AsyncIterator[CreatedClient]:
        before: set[ClientId] = set()
        for place, one in enumerate(wanted, 1):
            with telling_place(place, of=len(wanted)):
                require_another_id(one.draft.client_id, before)
                await self._create(one, validate_only=True)
            before.add(one.draft.client_id)
        for one in wanted:
            yield await self._create(one)

    async def show(self, client_id: ClientId) -> Client:
        request = pb.GetClientRequest(client_id=client_id)
        shown = await self._server.read("ClientService/GetClient", request, pb.GetClientResponse)
        return mapping.read_client(shown.client)

    async def page(self, *, after: ClientId | None, limit: int) -> Sequence[Client]:
        async def read(place: dict[str, Any]) -> tuple[Sequence[Client], str]:
            page = await self._server.read(
                "ClientService/ListClients", pb.ListClientsRequest(**place), pb.ListClientsResponse
            )
            return [mapping.read_client(client) for client in page.clients], page.next_page_token

        return await gather(read, after=after, limit=limit)

    async def update(
        self,
        client_id: ClientId,
        changes: ClientChanges,
        /,
        *,
        if_version: int | None = None,
        new_secret: bool = False,
    ) -> UpdatedClient:
        request = mapping.write_changes(client_id, changes)
        request.new_secret = new_secret
        if if_version is not None:
            request.client.etag = mapping.write_etag(if_version)
        updated = await self._server.write(
            "ClientService/UpdateClient", request, pb.UpdateClientResponse
        )
        return UpdatedClient(mapping.read_client(updated.client), _secret(updated.client_secret))

    async def disable(self, client_id: ClientId, /) -> Client:
        request = pb.DisableClientRequest(client_id=client_id)
        disabled = await self._server.write(
            "ClientService/DisableClient", request, pb.DisableClientResponse
        )
        return mapping.read_client(disabled.client)

    async def enable(self, client_id: ClientId, /) -> Client:
        request = pb.EnableClientRequest(client_id=client_id)
        enabled = await self._server.write(
            "ClientService/EnableClient", request, pb.EnableClientResponse
        )
        return mapping.read_client(enabled.client)

    async def revoke_all(self, client_id: ClientId) -> Client:
        request = pb.RevokeAllOfClientRequest(client_id=client_id)
        revoked = await self._server.write(
            "ClientService/RevokeAllOfClient", request, pb.RevokeAllOfClientResponse
        )
        return mapping.read_client(revoked.client)

    async def delete(self, client_id: ClientId) -> None:
        request = pb.DeleteClientRequest(client_id=client_id)
        await self._server.write("ClientService/DeleteClient", request, pb.DeleteClientResponse)

    async def _create(self, wanted: NewClient, *, validate_only: bool = False) -> CreatedClient:
        request = mapping.write_new_client(wanted)
        request.validate_only = validate_only
        created = await self._server.write(
            "ClientService/CreateClient", request, pb.CreateClientResponse
        )
        return CreatedClient(mapping.read_client(created.client), _secret(created.client_secret))


def _secret(shown: str) -> ClientSecret | None:
    return ClientSecret(shown) if shown else None
