"""`grantd.admin.v1.ClientService`: a message in, a use case, a message out."""

from collections.abc import Iterator
from typing import Final, Protocol, TypeVar

from google.protobuf.message import Message

from adapters.admin_messages import clients as mapping
from adapters.admin_messages.fields import (
    optional_duration,
    require_duration,
    require_text,
)
from adapters.grpc.page_tokens import read_page
from adapters.grpc.service_methods import Call, Method, methods_of
from domain.model.credentials import ClientSecret, SecretId
from domain.model.identifiers import ClientId
from domain.ports.clock import Clock
from domain.usecases.administer_clients import AdministerClients
from domain.usecases.administer_secrets import AddedSecret, AdministerSecrets
from grantd.admin.v1 import client_service_pb2 as pb

SERVICE: Final = pb.DESCRIPTOR.services_by_name["ClientService"]

R = TypeVar("R", pb.AddClientSecretResponse, pb.RotateClientSecretResponse)


class ClientService:
    """Answers the calls of the service; who calls was judged before."""

    def __init__(
        self, clients: AdministerClients, secrets: AdministerSecrets, *, clock: Clock
    ) -> None:
        self._clients = clients
        self._secrets = secrets
        self._clock = clock

    def methods(self) -> Iterator[Method]:
        return methods_of(
            SERVICE,
            {
                "CreateClient": self.create,
                "GetClient": self.get,
                "ListClients": self.list,
                "UpdateClient": self.update,
                "DisableClient": self.disable,
                "EnableClient": self.enable,
                "RevokeAllOfClient": self.revoke_all,
                "DeleteClient": self.delete,
                "AddClientSecret": self.add_secret,
                "RotateClientSecret": self.rotate_secret,
                "ListClientSecrets": self.list_secrets,
                "ExpireClientSecret": self.expire_secret,
                "DeleteClientSecret": self.delete_secret,
            },
        )

    async def create(self, message: pb.CreateClientRequest, _call: Call) -> pb.CreateClientResponse:
        wanted = mapping.read_new_client(
            message,
            client_id=self._clients.new_client_id(),
            epoch=self._clients.new_epoch(),
            created_at=self._clock.now(),
        )
        if message.validate_only:
            judged = await self._clients.judge(wanted)
            return pb.CreateClientResponse(client=mapping.write_client(judged))
        [created] = [created async for created in self._clients.create_all([wanted])]
        return pb.CreateClientResponse(
            client=mapping.write_client(created.client),
            client_secret=_shown_once(created.secret),
        )

    async def get(self, message: pb.GetClientRequest, _call: Call) -> pb.GetClientResponse:
        client = await self._clients.show(_client_id(message))
        return pb.GetClientResponse(client=mapping.write_client(client))

    async def list(self, message: pb.ListClientsRequest, _call: Call) -> pb.ListClientsResponse:
        page = read_page(message)
        after = ClientId(page.after) if page.after is not None else None
        found = await self._clients.page(after=after, limit=page.limit)
        clients, next_page_token = page.cut(found, lambda client: client.client_id)
        return pb.ListClientsResponse(
            clients=[mapping.write_client(client) for client in clients],
            next_page_token=next_page_token,
        )

    async def update(self, message: pb.UpdateClientRequest, _call: Call) -> pb.UpdateClientResponse:
        updated = await self._clients.update(
            _client_id(message.client),
            mapping.read_changes(message),
            if_version=_version(message.client),
            new_secret=message.new_secret,
        )
        return pb.UpdateClientResponse(
            client=mapping.write_client(updated.client), client_secret=_shown_once(updated.secret)
        )

    async def disable(
        self, message: pb.DisableClientRequest, _call: Call
    ) -> pb.DisableClientResponse:
        client = await self._clients.disable(_client_id(message), if_version=_version(message))
        return pb.DisableClientResponse(client=mapping.write_client(client))

    async def enable(self, message: pb.EnableClientRequest, _call: Call) -> pb.EnableClientResponse:
        client = await self._clients.enable(_client_id(message), if_version=_version(message))
        return pb.EnableClientResponse(client=mapping.write_client(client))

    async def revoke_all(
        self, message: pb.RevokeAllOfClientRequest, _call: Call
    ) -> pb.RevokeAllOfClientResponse:
        client = await self._clients.revoke_all(_client_id(message))
        return pb.RevokeAllOfClientResponse(client=mapping.write_client(client))

    async def delete(self, message: pb.DeleteClientRequest, _call: Call) -> pb.DeleteClientResponse:
        await self._clients.delete(_client_id(message))
        return pb.DeleteClientResponse()

    async def add_secret(
        self, message: pb.AddClientSecretRequest, _call: Call
    ) -> pb.AddClientSecretResponse:
        added = await self._secrets.add(
            _client_id(message),
            label=message.label,
            lifetime=optional_duration("lifetime", message),
        )
        return _with_secret(added, pb.AddClientSecretResponse)

    async def rotate_secret(
        self, message: pb.RotateClientSecretRequest, _call: Call
    ) -> pb.RotateClientSecretResponse:
        added = await self._secrets.rotate(
            _client_id(message),
            overlap=require_duration("overlap", message),
            label=message.label,
        )
        return _with_secret(added, pb.RotateClientSecretResponse)

    async def list_secrets(
        self, message: pb.ListClientSecretsRequest, _call: Call
    ) -> pb.ListClientSecretsResponse:
        standings = await self._secrets.standings(_client_id(message))
        return pb.ListClientSecretsResponse(
            standings=[mapping.write_standing(standing) for standing in standings]
        )

    async def expire_secret(
        self, message: pb.ExpireClientSecretRequest, _call: Call
    ) -> pb.ExpireClientSecretResponse:
        client = await self._secrets.expire(
            _client_id(message),
            SecretId(require_text("secret_id", message)),
            after=require_duration("after", message),
            even_the_last=message.even_the_last,
        )
        return pb.ExpireClientSecretResponse(client=mapping.write_client(client))

    async def delete_secret(
        self, message: pb.DeleteClientSecretRequest, _call: Call
    ) -> pb.DeleteClientSecretResponse:
        client = await self._secrets.delete(
            _client_id(message),
            SecretId(require_text("secret_id", message)),
            even_the_last=message.even_the_last,
        )
        return pb.DeleteClientSecretResponse(client=mapping.write_client(client))


class _Tagged(Protocol):
    etag: str


def _client_id(message: Message) -> ClientId:
    return ClientId(require_text("client_id", message))


def _version(message: _Tagged) -> int | None:
    return mapping.read_etag(message.etag) if message.etag else None


def _shown_once(secret: ClientSecret | None) -> str:
    """Return a secret for the one reply that shows it (D5)."""
    return secret.reveal() if secret is not None else ""


def _with_secret(added: AddedSecret, kind: type[R]) -> R:
    return kind(
        client=mapping.write_client(added.client),
        secret_id=added.secret_id,
        client_secret=_shown_once(added.secret),
    )
