"""`AdministerSecrets` of a running server."""

from datetime import timedelta

from adapters.admin_messages import clients as mapping
from adapters.remote.server import RemoteServer
from domain.model.clients import Client
from domain.model.credentials import ClientSecret, SecretId
from domain.model.identifiers import ClientId
from domain.usecases.administer_secrets import AddedSecret, SecretStanding
from grantd.admin.v1 import client_service_pb2 as pb


class RemoteSecrets:
    """Administers the secrets of clients."""

    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    async def standings(self, client_id: ClientId) -> tuple[SecretStanding, ...]:
        request = pb.ListClientSecretsRequest(client_id=client_id)
        listed = await self._server.read(
            "ClientService/ListClientSecrets", request, pb.ListClientSecretsResponse
        )
        return tuple(mapping.read_standing(standing) for standing in listed.standings)

    async def add(
        self, client_id: ClientId, *, label: str = "", lifetime: timedelta | None = None
    ) -> AddedSecret:
        request = pb.AddClientSecretRequest(client_id=client_id, label=label, lifetime=lifetime)
        return _added(
            await self._server.write(
                "ClientService/AddClientSecret", request, pb.AddClientSecretResponse
            )
        )

    async def rotate(
        self, client_id: ClientId, *, overlap: timedelta, label: str = ""
    ) -> AddedSecret:
        request = pb.RotateClientSecretRequest(client_id=client_id, overlap=overlap, label=label)
        return _added(
            await self._server.write(
                "ClientService/RotateClientSecret", request, pb.RotateClientSecretResponse
            )
        )

    async def expire(
        self,
        client_id: ClientId,
        secret_id: SecretId,
        *,
        after: timedelta,
        even_the_last: bool = False,
    ) -> Client:
        request = pb.ExpireClientSecretRequest(
            client_id=client_id, secret_id=secret_id, after=after, even_the_last=even_the_last
        )
        expired = await self._server.write(
            "ClientService/ExpireClientSecret", request, pb.ExpireClientSecretResponse
        )
        return mapping.read_client(expired.client)

    async def delete(
        self, client_id: ClientId, secret_id: SecretId, *, even_the_last: bool = False
    ) -> Client:
        request = pb.DeleteClientSecretRequest(
            client_id=client_id, secret_id=secret_id, even_the_last=even_the_last
        )
        deleted = await self._server.write(
            "ClientService/DeleteClientSecret", request, pb.DeleteClientSecretResponse
        )
        return mapping.read_client(deleted.client)


def _added(answer: pb.AddClientSecretResponse | pb.RotateClientSecretResponse) -> AddedSecret:
    return AddedSecret(
        mapping.read_client(answer.client),
        SecretId(answer.secret_id),
        ClientSecret(answer.client_secret),
    )
