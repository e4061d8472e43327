"""`grantd.admin.v1` of the installed program, asked by a stock grpcio client."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from grantd.admin.v1 import client_service_pb2 as clients
from grantd.admin.v1 import key_service_pb2 as keys
from grantd.admin.v1 import resource_service_pb2 as resources
from support.edges import NO_PROXY
from support.grantd_process import GrantdProcess, RegisteredClient
from support.grpc_calls import Metadata, refused
from support.oauth_replies import granted
from support.oauth_replies import refused as refused_over_http

BOOKS = "https://books.example"
READ, WRITE = "grantd.admin.read", "grantd.admin.write"

CLIENTS = clients.DESCRIPTOR.services_by_name["ClientService"]
KEYS = keys.DESCRIPTOR.services_by_name["KeyService"]
RESOURCES = resources.DESCRIPTOR.services_by_name["ResourceService"]


@dataclass
class Service:
    """One service of a server, called in somebody's name; it remembers what was called."""

    channel: grpc.aio.Channel
    descriptor: ServiceDescriptor
    caller: Metadata
    called: set[str] = field(default_factory=set)

    async def __call__(self, method: str, request: Message) -> Any:  # noqa: ANN401  (its answer's fields)
        answer = GetMessageClass(self.descriptor.methods_by_name[method].output_type)
        call = self.channel.unary_unary(
            f"/{self.descriptor.full_name}/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        self.called.add(method)
        return await call(request, metadata=self.caller)

    @property
    def uncalled(self) -> set[str]:
        return {method.name for method in self.descriptor.methods} - self.called


@dataclass(frozen=True)
class World:
    """A server with two workers of gRPC, and who may administer it.

    Attributes:
        administrators: `operator` gets JWTs, `opaque` opaque tokens.
    """

    server: GrantdProcess
    administrators: dict[str, RegisteredClient]

    def token(self, name: str = "operator", scope: str = f"{READ} {WRITE}") -> str:
        issued = granted(self.server.issue(self.administrators[name], scope=scope))
        token: str = issued["access_token"]
        return token


def bearer(token: str) -> Metadata:
    return (("authorization", f"Bearer {token}"),)


@pytest.fixture(scope="module")
def world(store: str, start_grantd: Callable[..., GrantdProcess]) -> World:
    server = start_grantd(store, {"workers": "2", "audit_log": "./audit.jsonl"}, grpc=True)
    made = server.create_clients(
        {
            "operator": ("--scope", f"{READ} {WRITE}"),
            "opaque": ("--scope", f"{READ} {WRITE}", "--token-format", "opaque"),
        }
    )
    return World(server, {one.client_id: one for one in made})


@pytest.fixture
async def channel(world: World) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(world.server.grpc_target, options=NO_PROXY) as channel:
        yield channel


async def test_every_method_of_the_client_service(world: World, channel: grpc.aio.Channel) -> None:
    """A client's whole life; each step is seen by the token endpoint's very next request."""
    service = Service(channel, CLIENTS, bearer(world.token()))
    draft = clients.Client(
        client_id="billing",
        auth_methods=["client_secret_basic"],
        grant_types=["client_credentials"],
    )
    created = await service("CreateClient", clients.CreateClientRequest(client=draft))
    billing = RegisteredClient("billing", created.client_secret)
    granted(world.server.issue(billing))

    shown = await service("GetClient", clients.GetClientRequest(client_id="billing"))
    assert shown.client == created.client
    listed = await service("ListClients", clients.ListClientsRequest())
    assert {"billing", "opaque", "operator"} <= {one.client_id for one in listed.clients}

    request = clients.UpdateClientRequest(client=shown.client)
    request.client.access_token_ttl.FromTimedelta(timedelta(minutes=2))
    request.update_mask.paths.append("access_token_ttl")
    await service("UpdateClient", request)
    assert granted(world.server.issue(billing))["expires_in"] == 120
    conflict = await refused(service("UpdateClient", request))
    assert (conflict.code, conflict.reason) == (grpc.StatusCode.ABORTED, "CONFLICT")

    await service("DisableClient", clients.DisableClientRequest(client_id="billing"))
    refused_over_http(world.server.issue(billing), 401, "invalid_client")
    await service("EnableClient", clients.EnableClientRequest(client_id="billing"))
    held = granted(world.server.issue(billing))["access_token"]
    await service("RevokeAllOfClient", clients.RevokeAllOfClientRequest(client_id="billing"))
    assert world.server.introspect(billing, held).json() == {"active": False}

    added = await service("AddClientSecret", clients.AddClientSecretRequest(client_id="billing"))
    granted(world.server.issue(RegisteredClient("billing", added.client_secret)))
    standings = await service(
        "ListClientSecrets", clients.ListClientSecretsRequest(client_id="billing")
    )
    assert len(standings.standings) == 2
    rotation = clients.RotateClientSecretRequest(client_id="billing", overlap=timedelta(hours=1))
    rotated = await service("RotateClientSecret", rotation)
    newest = RegisteredClient("billing", rotated.client_secret)
    granted(world.server.issue(newest))
    ending = clients.ExpireClientSecretRequest(
        client_id="billing", secret_id=added.secret_id, after=timedelta()
    )
    await service("ExpireClientSecret", ending)
    refused_over_http(
        world.server.issue(RegisteredClient("billing", added.client_secret)), 401, "invalid_client"
    )
    oldest = standings.standings[0].secret.secret_id
    going = clients.DeleteClientSecretRequest(client_id="billing", secret_id=oldest)
    await service("DeleteClientSecret", going)
    refused_over_http(world.server.issue(billing), 401, "invalid_client")

    await service("DeleteClient", clients.DeleteClientRequest(client_id="billing"))
    refused_over_http(world.server.issue(newest), 401, "invalid_client")
    assert service.uncalled == set()


async def test_every_method_of_the_resource_service(
    world: World, channel: grpc.aio.Channel
) -> None:
    """A resource and a scope of it, from the first to the last."""
    service = Service(channel, RESOURCES, bearer(world.token("opaque")))
    resource = resources.Resource(resource_id=BOOKS)
    await service("CreateResource", resources.CreateResourceRequest(resource=resource))
    scope = resources.Scope(scope="books.read", resource=BOOKS)
    created = await service("CreateScope", resources.CreateScopeRequest(scope=scope))

    change = resources.UpdateScopeRequest(scope=created.scope)
    change.scope.description = "Reading"
    change.update_mask.paths.append("description")
    updated = await service("UpdateScope", change)
    shown = await service("GetScope", resources.GetScopeRequest(scope="books.read"))
    assert shown.scope == updated.scope
    assert (await refused(service("UpdateScope", change))).code is grpc.StatusCode.ABORTED

    found = await service("GetResource", resources.GetResourceRequest(resource_id=BOOKS))
    naming = resources.UpdateResourceRequest(resource=found.resource)
    naming.resource.name = "Books"
    naming.update_mask.paths.append("name")
    assert (await service("UpdateResource", naming)).resource.name == "Books"

    for kind, request in (
        ("Scope", {"scope": "books.read"}),
        ("Resource", {"resource_id": BOOKS}),
    ):
        for change_of_life in ("Disable", "Enable"):
            method = f"{change_of_life}{kind}"
            answer = await service(method, getattr(resources, f"{method}Request")(**request))
            assert getattr(answer, kind.lower()).disabled is (change_of_life == "Disable")
    scopes = await service("ListScopes", resources.ListScopesRequest())
    assert {one.scope for one in scopes.scopes} >= {READ, WRITE, "books.read"}
    listed = await service("ListResources", resources.ListResourcesRequest(page_size=1))
    assert [one.resource_id for one in listed.resources] == [BOOKS]
    await service("DeleteScope", resources.DeleteScopeRequest(scope="books.read"))
    await service("DeleteResource", resources.DeleteResourceRequest(resource_id=BOOKS))
    assert service.uncalled == set()


async def test_every_method_of_the_key_service(world: World, channel: grpc.aio.Channel) -> None:
    """What is rotated here is in the key set, and no private key is in any answer."""
    service = Service(channel, KEYS, bearer(world.token()))
    rotation = keys.RotateKeyRequest(algorithm="EdDSA", at_once=True)
    first = await service("RotateKey", rotation)
    second = await service("RotateKey", rotation)
    retired = await service("RetireKey", keys.RetireKeyRequest(key_id=second.key.key_id))
    assert retired.key.state == "retired"

    listed = await service("ListKeys", keys.ListKeysRequest())
    assert {first.key.key_id, second.key.key_id} < {key.key_id for key in listed.keys}
    public = await service("GetPublicKeys", keys.GetPublicKeysRequest())
    published = world.server.get("/.well-known/jwks.json").json()["keys"]
    assert [json.loads(key.jwk) for key in public.keys] == published
    assert all("d" not in key for key in published)

    revoked = await service("RevokeKey", keys.RevokeKeyRequest(key_id=first.key.key_id))
    assert revoked.signer.key_id != first.key.key_id
    data_keys = await service("ListDataKeys", keys.ListDataKeysRequest())
    rotated = await service("RotateDataKey", keys.RotateDataKeyRequest(purpose="refresh-mac"))
    assert len(data_keys.keys) == 2
    assert rotated.keys[0].state == "active"
    assert service.uncalled == set()


@pytest.mark.parametrize("name", ["operator", "opaque"])
async def test_a_revoked_token_administers_no_more(
    world: World, channel: grpc.aio.Channel, name: str
) -> None:
    """Of either form, by the very next call on whichever worker."""
    token = world.token(name)
    service = Service(channel, CLIENTS, bearer(token))
    await service("ListClients", clients.ListClientsRequest())
    world.server.revoke(world.administrators[name], token)

    told = await refused(service("ListClients", clients.ListClientsRequest()))

    assert (told.code, told.reason) == (grpc.StatusCode.UNAUTHENTICATED, "INVALID_TOKEN")


async def test_of_many_who_read_one_version_one_changes_it(
    world: World, channel: grpc.aio.Channel
) -> None:
    """Over both workers; the others hear ABORTED, and nobody's change is lost."""
    service = Service(channel, CLIENTS, bearer(world.token()))
    draft = clients.Client(client_id="contested", auth_methods=["none"])
    created = await service("CreateClient", clients.CreateClientRequest(client=draft))

    async def rename(name: str) -> str:
        request = clients.UpdateClientRequest(client=created.client)
        request.client.name = name
        request.update_mask.paths.append("name")
        try:
            updated = await service("UpdateClient", request)
        except grpc.aio.AioRpcError as error:
            return error.code().name
        changed: str = updated.client.name
        return changed

    told = await asyncio.gather(*(rename(f"name {number}") for number in range(20)))

    [winner] = [name for name in told if name != "ABORTED"]
    shown = await service("GetClient", clients.GetClientRequest(client_id="contested"))
    assert (shown.client.name, shown.client.etag) == (winner, "2")
    await service("DeleteClient", clients.DeleteClientRequest(client_id="contested"))


async def test_the_trail_names_who_administered_and_who_was_refused(
    world: World, channel: grpc.aio.Channel
) -> None:
    """With the request that the reply names, and no token."""
    token, reading = world.token(), world.token(scope=READ)
    operator = Service(channel, RESOURCES, bearer(token))
    scope = resources.CreateScopeRequest(scope=resources.Scope(scope="films.read"))
    await operator("CreateScope", scope)
    reader = Service(channel, RESOURCES, bearer(reading))
    told = await refused(reader("CreateScope", scope))

    trail = (world.server.folder / "audit.jsonl").read_text()
    events = [json.loads(line) for line in trail.splitlines()]
    [created] = [event for event in events if event.get("subject") == "scope films.read"]
    assert (created["actor"], created["protocol"]) == ("operator", "grpc")
    [refusal] = [event for event in events if event.get("request_id") == told.request_id]
    assert (refusal["event"], refusal["subject"]) == ("client.refused", "administration")
    assert refusal["client_id"] == "operator"
    assert refusal["reason"].startswith("insufficient_scope")
    assert token not in trail
