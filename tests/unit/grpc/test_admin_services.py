"""`grantd.admin.v1` over a real channel: what each method answers, and what it never does."""

import json
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from domain.model.events import EventKind
from domain.model.identifiers import ClientId
from grantd.admin.v1 import client_service_pb2 as clients
from grantd.admin.v1 import key_service_pb2 as keys
from grantd.admin.v1 import resource_service_pb2 as resources
from support.administration import Administered, administered
from support.domain_samples import INVOICES, LEDGER
from support.grpc_calls import Metadata, refused

INVALID = grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture
async def desk() -> AsyncIterator[Administered]:
    async with administered() as running:
        yield running


@pytest.fixture
async def operator(desk: Administered) -> Metadata:
    return await desk.caller()


async def hint_of(call: Awaitable[object], code: grpc.StatusCode = INVALID) -> str:
    told = await refused(call)
    assert told.code is code
    return told.hint


def new_client(client_id: str = "billing", **fields: Any) -> clients.CreateClientRequest:  # noqa: ANN401  (fields of any type)
    usual: dict[str, Any] = {
        "auth_methods": ["client_secret_basic"],
        "grant_types": ["client_credentials"],
    }
    return clients.CreateClientRequest(
        client=clients.Client(**{"client_id": client_id, **usual, **fields})
    )


async def create(desk: Administered, operator: Metadata, client_id: str) -> clients.Client:
    created = await desk.clients.CreateClient(new_client(client_id), metadata=operator)
    client: clients.Client = created.client
    return client


async def update(
    desk: Administered,
    operator: Metadata,
    paths: list[str],
    **fields: Any,  # noqa: ANN401  (likewise)
) -> clients.Client:
    request = clients.UpdateClientRequest(client=clients.Client(client_id=LEDGER, **fields))
    request.update_mask.paths.extend(paths)
    updated = await desk.clients.UpdateClient(request, metadata=operator)
    client: clients.Client = updated.client
    return client


class TestCreate:
    async def test_a_client_is_registered_and_its_secret_works(
        self, desk: Administered, operator: Metadata
    ) -> None:
        """It is shown in that one reply and in no other."""
        wanted = new_client(scopes=["invoices.read"], access_token_ttl=timedelta(minutes=5))
        created = await desk.clients.CreateClient(wanted, metadata=operator)

        shown = await desk.clients.GetClient(
            clients.GetClientRequest(client_id="billing"), metadata=operator
        )
        assert shown.client == created.client
        assert list(shown.client.scopes) == ["invoices.read"]
        assert shown.client.access_token_ttl.ToTimedelta() == timedelta(minutes=5)
        assert created.client_secret.startswith(f"gds_{shown.client.secrets[0].secret_id}_")

    async def test_an_id_is_made_up_for_a_client_without_one(
        self, desk: Administered, operator: Metadata
    ) -> None:
        """What the caller sends as output only is not looked at."""
        created = await desk.clients.CreateClient(
            new_client("", disabled=True, etag="9"), metadata=operator
        )

        assert created.client.client_id
        assert not created.client.disabled
        assert created.client.etag == "1"

    async def test_a_secret_made_elsewhere_is_taken_and_not_shown(
        self, desk: Administered, operator: Metadata
    ) -> None:
        """With its end."""
        request = new_client()
        request.client_secret = "chosen by somebody"
        request.client_secret_expire_time.FromDatetime(desk.core.clock.now() + timedelta(days=1))
        created = await desk.clients.CreateClient(request, metadata=operator)

        [kept] = created.client.secrets
        assert created.client_secret == ""
        assert kept.imported
        assert kept.expire_time == request.client_secret_expire_time

    async def test_what_is_only_validated_is_not_registered(
        self, desk: Administered, operator: Metadata
    ) -> None:
        """It is judged all the same."""
        good, bad = new_client(), new_client(scopes=["unheard.of"])
        good.validate_only = bad.validate_only = True

        judged = await desk.clients.CreateClient(good, metadata=operator)
        hint = await hint_of(desk.clients.CreateClient(bad, metadata=operator))

        assert judged.client_secret == ""
        assert hint == "unknown scope: unheard.of"
        missing = desk.clients.GetClient(
            clients.GetClientRequest(client_id="billing"), metadata=operator
        )
        assert await hint_of(missing, grpc.StatusCode.NOT_FOUND) == "billing"

    async def test_a_taken_id_is_refused(self, desk: Administered, operator: Metadata) -> None:
        """ALREADY_EXISTS, with our reason."""
        told = await refused(desk.clients.CreateClient(new_client(LEDGER), metadata=operator))

        assert (told.code, told.reason) == (grpc.StatusCode.ALREADY_EXISTS, "CLIENT_EXISTS")

    @pytest.mark.parametrize(
        ("field", "value", "hint"),
        [
            ("grant_types", ["password"], "grant_types: one of client_credentials, refresh_token"),
            ("auth_methods", ["tls_client_auth"], "auth_methods: one of client_secret_basic,"),
            ("subject", "anybody", "subject: one of client, owner is needed"),
            ("token_format", "paseto", "token_format: one of jwt, opaque is needed"),
            ("signing_algorithm", "none", "signing_algorithm: one of ES256, RS256, EdDSA"),
            ("jwks", "not JSON", "jwks: a JWK set in JSON is needed"),
            ("jwks_uri", "http://elsewhere.example", "jwks_uri: https is needed"),
            ("access_token_ttl", timedelta(days=-1), "access_token_ttl: a duration from zero"),
            ("refresh_grace", timedelta(days=40_000), "refresh_grace: a duration from zero"),
            ("auth_methods", [], "an authentication method is needed"),
        ],
    )
    async def test_what_cannot_be_is_refused_by_its_name(
        self,
        desk: Administered,
        operator: Metadata,
        field: str,
        value: Any,  # noqa: ANN401  (likewise)
        hint: str,
    ) -> None:
        """INVALID_ARGUMENT, with the field and what would be right."""
        call = desk.clients.CreateClient(new_client(**{field: value}), metadata=operator)

        assert (await hint_of(call)).startswith(hint)


class TestUpdate:
    async def test_the_mask_decides_what_changes(
        self, desk: Administered, operator: Metadata
    ) -> None:
        """A field that is set and not named stays, one that is named and empty goes."""
        before = await update(
            desk, operator, ["name", "introspect_any"], name="A", introspect_any=1
        )
        after = await update(desk, operator, ["name"], introspect_any=False, owner="mallory")

        assert (before.name, before.introspect_any) == ("A", True)
        assert (after.name, after.introspect_any, after.owner) == ("", True, "")

    @pytest.mark.parametrize("path", ["client_id", "owner", "etag", "disabled", "gold", "*", ""])
    async def test_a_path_that_cannot_change_is_named(
        self, desk: Administered, operator: Metadata, path: str
    ) -> None:
        """All or nothing: what else the mask names does not change either."""
        call = update(desk, operator, ["name", path], name="B")

        assert await hint_of(call) == f"update_mask: {path} is no field that can change"
        client = await desk.core.administer_clients.show(LEDGER)
        assert client.name == ""

    async def test_an_empty_mask_is_refused(self, desk: Administered, operator: Metadata) -> None:
        """Nobody means to change nothing."""
        assert await hint_of(update(desk, operator, [], name="B")) == (
            "update_mask: it has to name what changes"
        )

    async def test_of_two_who_read_one_version_one_changes_it(
        self, desk: Administered, operator: Metadata
    ) -> None:
        """The other gets ABORTED, and the version that it is of now."""
        first = await update(desk, operator, ["name"], name="first", etag="1")
        told = await refused(update(desk, operator, ["name"], name="second", etag="1"))

        assert first.etag == "2"
        assert (told.code, told.reason) == (grpc.StatusCode.ABORTED, "CONFLICT")
        assert told.hint == f"{LEDGER} is of version 2 and not 1"
        for stale in (
            desk.clients.DisableClient(
                clients.DisableClientRequest(client_id=LEDGER, etag="1"), metadata=operator
            ),
            desk.clients.EnableClient(
                clients.EnableClientRequest(client_id=LEDGER, etag="1"), metadata=operator
            ),
        ):
            assert await hint_of(stale, grpc.StatusCode.ABORTED) == told.hint

    @pytest.mark.parametrize("etag", ["-1", "one", "1e3", "٣", "9" * 30])
    async def test_an_etag_of_nobodys_is_refused(
        self, desk: Administered, operator: Metadata, etag: str
    ) -> None:
        """It is opaque: whoever sends one has got it here."""
        call = update(desk, operator, ["name"], name="B", etag=etag)

        assert await hint_of(call) == "etag: it has to be given as it came"

    async def test_a_secret_is_made_in_the_same_step(
        self, desk: Administered, operator: Metadata
    ) -> None:
        """For a client that is to sign with it; no mask is needed for a secret alone."""
        request = clients.UpdateClientRequest(
            client=clients.Client(client_id=LEDGER), new_secret=True
        )
        updated = await desk.clients.UpdateClient(request, metadata=operator)

        assert updated.client_secret.startswith("gds_")
        assert len(updated.client.secrets) == 2


class TestLives:
    async def test_disable_enable_revoke_all_and_delete(
        self, desk: Administered, operator: Metadata
    ) -> None:
        """Each answers with the client as it is then, and the trail names who did it."""
        credentials = desk.credentials[LEDGER]
        held = (await desk.core.issue(credentials)).access_token
        disabled = await desk.clients.DisableClient(
            clients.DisableClientRequest(client_id=LEDGER), metadata=operator
        )
        enabled = await desk.clients.EnableClient(
            clients.EnableClientRequest(client_id=LEDGER), metadata=operator
        )
        revoked = await desk.clients.RevokeAllOfClient(
            clients.RevokeAllOfClientRequest(client_id=LEDGER), metadata=operator
        )
        await desk.clients.DeleteClient(
            clients.DeleteClientRequest(client_id=LEDGER), metadata=operator
        )

        assert (disabled.client.disabled, enabled.client.disabled) == (True, False)
        assert [disabled.client.etag, enabled.client.etag, revoked.client.etag] == ["2", "3", "4"]
        again = desk.clients.DeleteClient(
            clients.DeleteClientRequest(client_id=LEDGER), metadata=operator
        )
        assert await hint_of(again, grpc.StatusCode.NOT_FOUND) == LEDGER
        assert held

    @pytest.mark.parametrize(
        ("method", "request_", "missing"),
        [
            ("GetClient", clients.GetClientRequest(), "client_id"),
            ("UpdateClient", clients.UpdateClientRequest(new_secret=True), "client_id"),
            ("DeleteClient", clients.DeleteClientRequest(), "client_id"),
            ("RotateClientSecret", clients.RotateClientSecretRequest(), "client_id"),
            (
                "DeleteClientSecret",
                clients.DeleteClientSecretRequest(client_id=LEDGER),
                "secret_id",
            ),
        ],
    )
    async def test_what_is_required_is_missed_by_name(
        self,
        desk: Administered,
        operator: Metadata,
        method: str,
        request_: Message,
        missing: str,
    ) -> None:
        """Before anything is done."""
        call = getattr(desk.clients, method)(request_, metadata=operator)

        assert await hint_of(call) == f"{missing}: it is missing"


class TestPages:
    async def test_pages_make_up_the_whole_list(
        self, desk: Administered, operator: Metadata
    ) -> None:
        """In the order of the ids, each client once, whatever the size of the pages."""
        for number in range(5):
            await create(desk, operator, f"client-{number}")
        everybody = await desk.clients.ListClients(clients.ListClientsRequest(), metadata=operator)
        ids = [client.client_id for client in everybody.clients]
        assert everybody.next_page_token == ""
        assert ids == sorted(ids)

        for size in (1, 2, 3, len(ids)):
            gathered: list[str] = []
            request = clients.ListClientsRequest(page_size=size)
            while True:
                page = await desk.clients.ListClients(request, metadata=operator)
                assert len(page.clients) <= size
                gathered += [client.client_id for client in page.clients]
                if not page.next_page_token:
                    break
                request.page_token = page.next_page_token
            assert gathered == ids

    async def test_more_than_a_hundred_are_never_sent(
        self, desk: Administered, operator: Metadata
    ) -> None:
        """Whatever is asked for."""
        ledger = await desk.core.administer_clients.show(LEDGER)
        for number in range(101):
            await desk.core.stores.clients.add(
                replace(ledger, client_id=ClientId(f"client-{number}"))
            )
        page = await desk.clients.ListClients(
            clients.ListClientsRequest(page_size=10_000), metadata=operator
        )

        assert len(page.clients) == 100
        assert page.next_page_token

    @pytest.mark.parametrize(
        ("page", "hint"),
        [
            ({"page_size": -1}, "page_size: it may not be negative"),
            ({"page_token": "ledger"}, "page_token: it has to be given as it came"),
            ({"page_token": "bGVkZ2Vy"}, "page_token: it has to be given as it came"),
            ({"page_token": "ü"}, "page_token: it has to be given as it came"),
            ({"page_token": "x", "after": "y"}, "after: not together with page_token"),
        ],
    )
    async def test_an_impossible_page_is_refused(
        self, desk: Administered, operator: Metadata, page: dict[str, Any], hint: str
    ) -> None:
        """For clients, scopes and resources alike."""
        for call in (
            desk.clients.ListClients(clients.ListClientsRequest(**page), metadata=operator),
            desk.resources.ListScopes(resources.ListScopesRequest(**page), metadata=operator),
            desk.resources.ListResources(resources.ListResourcesRequest(**page), metadata=operator),
        ):
            assert await hint_of(call) == hint


class TestSecrets:
    async def test_the_life_of_a_secret(self, desk: Administered, operator: Metadata) -> None:
        """Added, listed, rotated, expired, deleted; shown where it is made and nowhere else."""
        added = await desk.clients.AddClientSecret(
            clients.AddClientSecretRequest(
                client_id=LEDGER, label="second", lifetime=timedelta(days=2)
            ),
            metadata=operator,
        )
        rotated = await desk.clients.RotateClientSecret(
            clients.RotateClientSecretRequest(client_id=LEDGER, overlap=timedelta(days=1)),
            metadata=operator,
        )
        listed = await desk.clients.ListClientSecrets(
            clients.ListClientSecretsRequest(client_id=LEDGER), metadata=operator
        )
        expired = await desk.clients.ExpireClientSecret(
            clients.ExpireClientSecretRequest(
                client_id=LEDGER, secret_id=added.secret_id, after=timedelta()
            ),
            metadata=operator,
        )
        deleted = await desk.clients.DeleteClientSecret(
            clients.DeleteClientSecretRequest(client_id=LEDGER, secret_id=added.secret_id),
            metadata=operator,
        )

        ids = [standing.secret.secret_id for standing in listed.standings]
        assert ids[1:] == [added.secret_id, rotated.secret_id]
        assert listed.standings[1].secret.label == "second"
        assert not listed.standings[2].safe_to_delete
        assert listed.standings[2].reason
        ends = {kept.secret_id: kept.expire_time for kept in expired.client.secrets}
        assert ends[added.secret_id].ToDatetime().timestamp()
        assert added.secret_id not in [kept.secret_id for kept in deleted.client.secrets]
        for secret in (added.client_secret, rotated.client_secret):
            assert secret.startswith("gds_")
            for answer in (listed, expired, deleted):
                assert secret not in str(answer)

    async def test_the_last_secret_is_kept_unless_it_is_said_twice(
        self, desk: Administered, operator: Metadata
    ) -> None:
        """INVALID_CLIENT_METADATA, and `even_the_last` does it all the same."""
        [kept] = (await desk.core.administer_clients.show(LEDGER)).secrets
        request = clients.DeleteClientSecretRequest(client_id=LEDGER, secret_id=kept.secret_id)

        told = await refused(desk.clients.DeleteClientSecret(request, metadata=operator))
        unknown = clients.DeleteClientSecretRequest(client_id=LEDGER, secret_id="ffffffff")
        missing = await refused(desk.clients.DeleteClientSecret(unknown, metadata=operator))

        assert (told.code, told.reason) == (INVALID, "INVALID_CLIENT_METADATA")
        assert (missing.code, missing.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")

    @pytest.mark.parametrize("method", ["RotateClientSecret", "ExpireClientSecret"])
    async def test_a_duration_that_decides_is_never_guessed(
        self, desk: Administered, operator: Metadata, method: str
    ) -> None:
        """Left out is not zero: zero ends secrets at once."""
        request = {
            "RotateClientSecret": clients.RotateClientSecretRequest(client_id=LEDGER),
            "ExpireClientSecret": clients.ExpireClientSecretRequest(
                client_id=LEDGER, secret_id="x"
            ),
        }[method]

        hint = await hint_of(getattr(desk.clients, method)(request, metadata=operator))

        assert hint.endswith(": a duration is needed")


class TestKeys:
    async def test_the_life_of_a_key(self, desk: Administered, operator: Metadata) -> None:
        """Announced by a rotation, active by another, and revoked."""
        before = await desk.keys.ListKeys(keys.ListKeysRequest(), metadata=operator)
        announced = await desk.keys.RotateKey(keys.RotateKeyRequest(), metadata=operator)
        again = await refused(desk.keys.RotateKey(keys.RotateKeyRequest(), metadata=operator))
        at_once = await desk.keys.RotateKey(
            keys.RotateKeyRequest(algorithm="ES256", at_once=True), metadata=operator
        )
        revoked = await desk.keys.RevokeKey(
            keys.RevokeKeyRequest(key_id=at_once.key.key_id), metadata=operator
        )

        assert {key.algorithm for key in before.keys} == {"ES256", "RS256"}
        assert announced.key.state == "announced"
        assert announced.key.activate_time.ToSeconds() > desk.core.clock.now().timestamp()
        assert (again.code, again.reason) == (grpc.StatusCode.ABORTED, "CONFLICT")
        assert (at_once.key.key_id, at_once.key.state) == (announced.key.key_id, "active")
        assert revoked.signer.state == "active"

    async def test_the_key_that_signs_for_somebody_is_not_retired(
        self, desk: Administered, operator: Metadata
    ) -> None:
        """An unknown one is NOT_FOUND, an unknown algorithm is named."""
        listed = await desk.keys.ListKeys(keys.ListKeysRequest(), metadata=operator)
        [signer] = [key for key in listed.keys if key.algorithm == "ES256"]

        last = desk.keys.RetireKey(keys.RetireKeyRequest(key_id=signer.key_id), metadata=operator)
        unknown = desk.keys.RetireKey(keys.RetireKeyRequest(key_id="none"), metadata=operator)
        odd = desk.keys.RotateKey(keys.RotateKeyRequest(algorithm="none"), metadata=operator)

        assert "the last active ES256 key" in await hint_of(last, grpc.StatusCode.ABORTED)
        assert await hint_of(unknown, grpc.StatusCode.NOT_FOUND) == "none"
        assert (await hint_of(odd)).startswith("algorithm: one of ES256, RS256, EdDSA")

    async def test_public_keys_are_public(self, desk: Administered, operator: Metadata) -> None:
        """All of them, or one by its id; no answer has a private member."""
        every = await desk.keys.GetPublicKeys(keys.GetPublicKeysRequest(), metadata=operator)
        kid = json.loads(every.keys[0].jwk)["kid"]
        one = await desk.keys.GetPublicKeys(
            keys.GetPublicKeysRequest(key_id=kid), metadata=operator
        )

        assert len(every.keys) == 2
        assert [json.loads(key.jwk)["kid"] for key in one.keys] == [kid]
        assert "PRIVATE" not in str(every)
        assert all("d" not in json.loads(key.jwk) for key in every.keys)

    async def test_data_keys_are_listed_and_rotated(
        self, desk: Administered, operator: Metadata
    ) -> None:
        """By purpose, the newest first; the purposes of others are none."""
        rotated = await desk.keys.RotateDataKey(
            keys.RotateDataKeyRequest(purpose="secret-pepper"), metadata=operator
        )
        listed = await desk.keys.ListDataKeys(keys.ListDataKeysRequest(), metadata=operator)
        odd = desk.keys.RotateDataKey(
            keys.RotateDataKeyRequest(purpose="signing"), metadata=operator
        )

        assert [key.state for key in rotated.keys] == ["active", "kept"]
        assert not rotated.keys[0].HasField("used_by")
        assert rotated.keys[1].used_by > 0
        assert [key.purpose for key in listed.keys] == ["refresh-mac", *["secret-pepper"] * 2]
        assert await hint_of(odd) == "purpose: one of refresh-mac, secret-pepper is needed"


class TestResources:
    async def test_the_life_of_a_resource(self, desk: Administered, operator: Metadata) -> None:
        """Created, shown, changed under its etag, disabled, enabled, deleted."""
        name = "https://books.example"
        created = await desk.resources.CreateResource(
            resources.CreateResourceRequest(
                resource=resources.Resource(resource_id=name, name="Books")
            ),
            metadata=operator,
        )
        request = resources.UpdateResourceRequest(resource=created.resource)
        request.resource.access_token_ttl.FromTimedelta(timedelta(minutes=1))
        request.update_mask.paths.append("access_token_ttl")
        updated = await desk.resources.UpdateResource(request, metadata=operator)
        conflict = await refused(desk.resources.UpdateResource(request, metadata=operator))
        disabled = await desk.resources.DisableResource(
            resources.DisableResourceRequest(resource_id=name, etag=updated.resource.etag),
            metadata=operator,
        )
        enabled = await desk.resources.EnableResource(
            resources.EnableResourceRequest(resource_id=name), metadata=operator
        )
        shown = await desk.resources.GetResource(
            resources.GetResourceRequest(resource_id=name), metadata=operator
        )
        stale = await refused(
            desk.resources.DeleteResource(
                resources.DeleteResourceRequest(resource_id=name, etag=created.resource.etag),
                metadata=operator,
            )
        )
        await desk.resources.DeleteResource(
            resources.DeleteResourceRequest(resource_id=name, etag=shown.resource.etag),
            metadata=operator,
        )
        listed = await desk.resources.ListResources(
            resources.ListResourcesRequest(after=INVOICES), metadata=operator
        )

        assert updated.resource.name == "Books"
        assert updated.resource.access_token_ttl.ToTimedelta() == timedelta(minutes=1)
        assert (conflict.code, conflict.reason) == (grpc.StatusCode.ABORTED, "CONFLICT")
        assert disabled.resource.disabled
        assert enabled.resource == shown.resource == updated.resource
        assert stale.code is grpc.StatusCode.ABORTED
        assert [one.resource_id for one in listed.resources] == ["https://salaries.example"]

    async def test_the_life_of_a_scope(self, desk: Administered, operator: Metadata) -> None:
        """Created, shown, changed under its etag, disabled, enabled, deleted."""
        created = await desk.resources.CreateScope(
            resources.CreateScopeRequest(
                scope=resources.Scope(scope="books.read", resource=INVOICES)
            ),
            metadata=operator,
        )
        request = resources.UpdateScopeRequest(scope=created.scope)
        request.scope.description = "Read books"
        request.update_mask.paths.append("description")
        updated = await desk.resources.UpdateScope(request, metadata=operator)
        conflict = await refused(desk.resources.UpdateScope(request, metadata=operator))
        disabled = await desk.resources.DisableScope(
            resources.DisableScopeRequest(scope="books.read"), metadata=operator
        )
        enabled = await desk.resources.EnableScope(
            resources.EnableScopeRequest(scope="books.read", etag=disabled.scope.etag),
            metadata=operator,
        )
        shown = await desk.resources.GetScope(
            resources.GetScopeRequest(scope="books.read"), metadata=operator
        )
        await desk.resources.DeleteScope(
            resources.DeleteScopeRequest(scope="books.read"), metadata=operator
        )
        listed = await desk.resources.ListScopes(resources.ListScopesRequest(), metadata=operator)

        assert updated.scope.resource == INVOICES
        assert updated.scope.description == "Read books"
        assert conflict.code is grpc.StatusCode.ABORTED
        assert disabled.scope.disabled
        assert enabled.scope == shown.scope == updated.scope
        names = [scope.scope for scope in listed.scopes]
        assert "books.read" not in names
        assert {"grantd.admin.read", "grantd.admin.write"} <= set(names)

    async def test_what_cannot_be_a_name_is_refused(
        self, desk: Administered, operator: Metadata
    ) -> None:
        """With the OAuth code of the thing."""
        resource = resources.CreateResourceRequest(
            resource=resources.Resource(resource_id="books#1")
        )
        scope = resources.CreateScopeRequest(scope=resources.Scope(scope="two words"))

        odd_resource = await refused(desk.resources.CreateResource(resource, metadata=operator))
        odd_scope = await refused(desk.resources.CreateScope(scope, metadata=operator))

        assert (odd_resource.code, odd_resource.reason) == (INVALID, "INVALID_TARGET")
        assert (odd_scope.code, odd_scope.reason) == (INVALID, "INVALID_SCOPE")

    async def test_what_is_built_in_stays(self, desk: Administered, operator: Metadata) -> None:
        """Whoever may administer cannot make that mean something else."""
        request = resources.DeleteScopeRequest(scope="grantd.admin.write")

        told = await refused(desk.resources.DeleteScope(request, metadata=operator))

        assert (told.code, told.hint) == (
            grpc.StatusCode.ABORTED,
            "grantd.admin.write is built in",
        )


async def test_the_trail_is_told_of_every_change(desk: Administered, operator: Metadata) -> None:
    """And of nothing that was only looked at."""
    desk.core.audit.events.clear()
    await create(desk, operator, "billing")
    await desk.clients.GetClient(clients.GetClientRequest(client_id="billing"), metadata=operator)

    assert desk.core.audited() == [EventKind.CLIENT_CREATED]
