import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from domain.errors import (
    ClientExists,
    ClientNotFound,
    Conflict,
    InvalidClient,
    InvalidGrant,
    InvalidRegistration,
)
from domain.model.assertions import AssertionAlgorithm
from domain.model.clients import Client, Subject
from domain.model.credentials import AuthMethod, ClientSecret, sealed_key_id
from domain.model.events import EventKind
from domain.model.identifiers import ClientId, ResourceId
from domain.model.introspection import INACTIVE
from domain.model.keys import KeyPurpose, SigningAlgorithm
from domain.model.scopes import Scope
from domain.usecases.administer_clients import ClientChanges, CreatedClient, NewClient
from support.core import SALARIES, HandWiredCore, build_core, draft, public, refreshing
from support.domain_samples import DAY, HOUR, INVOICES, ISSUER, LEDGER, NOW, PAYROLL

UNKNOWN = ResourceId("https://unknown.example")
SIGNING = frozenset({AuthMethod.CLIENT_SECRET_JWT, AuthMethod.CLIENT_SECRET_BASIC})
JWKS = json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}]})
BY_KEY = frozenset({AuthMethod.PRIVATE_KEY_JWT})


@pytest.fixture
async def core() -> HandWiredCore:
    return await build_core()


class TestCreate:
    async def test_a_client_gets_a_secret_that_is_shown_once(self, core: HandWiredCore) -> None:
        """What is kept of it is a hash and the id that it carries (D5)."""
        created = await core.administer_clients.create(draft())

        kept = await core.administer_clients.show(LEDGER)
        assert created.secret is not None
        assert kept == created.client == replace(draft(), secrets=kept.secrets)
        [secret] = kept.secrets
        assert secret.secret_id == created.secret.secret_id
        assert (secret.created_at, secret.imported) == (NOW, False)
        assert core.hasher.pepper_of(secret.hash) is not None
        assert created.secret.reveal() not in f"{created} {kept}"

    async def test_a_public_client_gets_none(self, core: HandWiredCore) -> None:
        created = await core.administer_clients.create(public())

        assert created.secret is None
        assert created.client.secrets == ()

    async def test_an_imported_secret_is_hashed_slowly_and_not_handed_back(
        self, core: HandWiredCore
    ) -> None:
        """A human may have chosen it."""
        created = await core.administer_clients.create(
            draft(), imported_secret=ClientSecret("hunter2")
        )

        [secret] = created.client.secrets
        assert created.secret is None
        assert secret.imported
        assert core.hasher.pepper_of(secret.hash) is None

    @pytest.mark.parametrize("text", ["", "x" * 513, "a\n", "a\x00b"])
    async def test_an_unusable_secret_is_refused(self, core: HandWiredCore, text: str) -> None:
        with pytest.raises(InvalidRegistration, match="unusable secret") as refusal:
            await core.administer_clients.create(draft(), imported_secret=ClientSecret(text))

        assert not text or text not in refusal.value.hint

    @pytest.mark.parametrize(
        ("changes", "hint"),
        [
            (
                {"scope": Scope.parse("b a profile"), "default_scope": Scope()},
                "unknown scope: a b",
            ),
            ({"audiences": frozenset({UNKNOWN, SALARIES})}, f"unknown resource: {UNKNOWN}"),
            ({"default_audience": UNKNOWN}, f"unknown resource: {UNKNOWN}"),
            ({"serves": frozenset({UNKNOWN})}, f"unknown resource: {UNKNOWN}"),
            (
                {"signing_algorithm": SigningAlgorithm.EDDSA},
                "there is no active key for EdDSA: see grantd keys list",
            ),
            (
                {"introspection_signed_response_alg": SigningAlgorithm.EDDSA},
                "there is no active key for EdDSA: see grantd keys list",
            ),
            ({"client_id": ""}, "client_id has to be 1 to 255 characters, printable ASCII"),
        ],
    )
    async def test_a_draft_that_cannot_work_is_refused(
        self, core: HandWiredCore, changes: dict[str, Any], hint: str
    ) -> None:
        with pytest.raises(InvalidRegistration) as refusal:
            await core.administer_clients.create(draft(**changes))

        assert refusal.value.hint == hint
        assert await core.administer_clients.page(after=None, limit=9) == []
        assert core.audit.events == []

    @pytest.mark.parametrize(
        "useless",
        [public(), draft(auth_methods=BY_KEY, jwks_uri="https://keys.example")],
        ids=["public", "private_key_jwt"],
    )
    async def test_a_secret_that_no_method_takes_is_refused(
        self, core: HandWiredCore, useless: Client
    ) -> None:
        with pytest.raises(InvalidRegistration, match="a secret without a use"):
            await core.administer_clients.create(useless, imported_secret=ClientSecret("hunter2"))

    async def test_a_client_that_signs_with_its_own_key_gets_no_secret(
        self, core: HandWiredCore
    ) -> None:
        by_key = draft(auth_methods=BY_KEY, jwks_uri="https://keys.example")

        created = await core.administer_clients.create(by_key)

        assert (created.secret, created.client) == (None, by_key)

    async def test_the_issuer_itself_is_a_resource_that_is_known(self, core: HandWiredCore) -> None:
        issuer = ResourceId(ISSUER)

        await core.register(draft(serves=frozenset({issuer}), default_audience=issuer))

        assert (await core.administer_clients.show(LEDGER)).serves == {issuer}

    @pytest.mark.parametrize(
        ("client_id", "owner"), [(LEDGER, None), ("ada", None), (PAYROLL, LEDGER)]
    )
    async def test_a_name_that_is_taken_is_refused(
        self, core: HandWiredCore, client_id: str, owner: str | None
    ) -> None:
        """Owners and client ids share one namespace (RFC 9068 §5)."""
        await core.register(draft(owner="ada"))

        with pytest.raises(ClientExists):
            await core.register(draft(client_id, owner=owner))

    async def test_it_is_recorded_without_the_secret(self, core: HandWiredCore) -> None:
        credentials = await core.register(draft())

        [event] = core.audit.events
        assert credentials.secret is not None
        assert (event.kind, event.subject, event.at) == (EventKind.CLIENT_CREATED, LEDGER, NOW)
        assert credentials.secret.reveal() not in repr(event)


class TestKeptSecrets:
    @pytest.mark.parametrize("imported", [None, "x" * 32, "ü" * 16])
    async def test_a_secret_to_sign_with_is_kept_wrapped(
        self, core: HandWiredCore, imported: str | None
    ) -> None:
        """Bound to its client and its own id, so that it fits nowhere else (D4)."""
        created = await core.administer_clients.create(
            draft(auth_methods=SIGNING),
            imported_secret=ClientSecret(imported) if imported is not None else None,
        )

        [kept] = (await core.administer_clients.show(LEDGER)).secrets
        assert kept.sealed is not None
        material = core.envelope.unseal(
            kept.sealed,
            purpose=KeyPurpose.CLIENT_SECRET,
            key_id=sealed_key_id(LEDGER, kept.secret_id),
        )
        shown = created.secret.reveal() if created.secret is not None else imported
        assert material.decode() == shown
        assert (core.hasher.pepper_of(kept.hash) is None) is (imported is not None)
        assert shown not in f"{created} {kept}"

    async def test_no_other_secret_can_be_read_again(self, core: HandWiredCore) -> None:
        created = await core.administer_clients.create(draft())

        assert [kept.sealed for kept in created.client.secrets] == [None]

    @pytest.mark.parametrize("text", ["x" * 31, "ü" * 15])
    async def test_a_secret_too_short_to_sign_with_is_refused(
        self, core: HandWiredCore, text: str
    ) -> None:
        """HS256 needs 32 bytes (RFC 7518 §3.2)."""
        with pytest.raises(InvalidRegistration, match="too short") as refusal:
            await core.administer_clients.create(
                draft(auth_methods=SIGNING), imported_secret=ClientSecret(text)
            )

        assert refusal.value.hint == "client_secret_jwt needs a secret of 32 bytes or more"


class TestCreateAll:
    async def test_clients_are_registered_in_their_order(self, core: HandWiredCore) -> None:
        """A secret's end is kept whether it was made here or not."""
        created = await create_all(
            core,
            NewClient(draft=draft(PAYROLL), secret_expires_at=NOW + DAY),
            NewClient(draft=draft(), secret=ClientSecret("hunter2"), secret_expires_at=NOW + HOUR),
            NewClient(draft=public("app")),
        )

        assert [one.client.client_id for one in created] == [PAYROLL, LEDGER, "app"]
        assert [one.secret is not None for one in created] == [True, False, False]
        ends = [[kept.expires_at for kept in one.client.secrets] for one in created]
        assert ends == [[NOW + DAY], [NOW + HOUR], []]
        assert core.audited() == [EventKind.CLIENT_CREATED] * 3

    @pytest.mark.parametrize(
        ("wanted", "hint"),
        [
            (NewClient(draft=draft(), secret_expires_at=NOW), "the secret would have expired"),
            (
                NewClient(draft=public("app"), secret_expires_at=NOW + DAY),
                "it has no secret that could expire",
            ),
        ],
    )
    async def test_an_end_that_makes_no_sense_is_refused(
        self, core: HandWiredCore, wanted: NewClient, hint: str
    ) -> None:
        with pytest.raises(InvalidRegistration) as refusal:
            await create_all(core, wanted)

        assert refusal.value.hint == hint

    async def test_if_one_is_refused_none_is_registered(self, core: HandWiredCore) -> None:
        """The hint tells which one it is."""
        with pytest.raises(InvalidRegistration) as refusal:
            await create_all(
                core,
                NewClient(draft=draft()),
                NewClient(draft=draft(PAYROLL, serves=frozenset({UNKNOWN}))),
            )

        assert refusal.value.hint == f"client 2 of 2: unknown resource: {UNKNOWN}"
        assert await core.administer_clients.page(after=None, limit=9) == []

    async def test_a_lone_client_is_not_counted(self, core: HandWiredCore) -> None:
        with pytest.raises(InvalidRegistration) as refusal:
            await create_all(core, NewClient(draft=draft(serves=frozenset({UNKNOWN}))))

        assert refusal.value.hint == f"unknown resource: {UNKNOWN}"

    async def test_two_of_one_id_are_refused(self, core: HandWiredCore) -> None:
        with pytest.raises(InvalidRegistration) as refusal:
            await create_all(core, NewClient(draft=draft()), NewClient(draft=public()))

        assert refusal.value.hint == "client 2 of 2: its client_id is that of one before it"

    async def test_what_was_registered_before_a_taken_name_stays(self, core: HandWiredCore) -> None:
        """It was handed out already, its secret with it."""
        await core.register(draft(PAYROLL))
        wanted = [NewClient(draft=draft(one)) for one in (LEDGER, PAYROLL, "last")]
        registering = core.administer_clients.create_all(wanted)

        first = await anext(registering)
        with pytest.raises(ClientExists):
            await anext(registering)

        assert first.client.client_id == LEDGER
        kept = await core.administer_clients.page(after=None, limit=9)
        assert [one.client_id for one in kept] == [LEDGER, PAYROLL]


async def create_all(core: HandWiredCore, *wanted: NewClient) -> list[CreatedClient]:
    return [created async for created in core.administer_clients.create_all(wanted)]


async def test_ids_and_epochs_are_made_anew_each_time(core: HandWiredCore) -> None:
    made = [core.administer_clients.new_client_id() for _ in range(4)]
    made += [ClientId(core.administer_clients.new_epoch()) for _ in range(4)]

    assert len(set(made)) == 8
    assert all(len(one) == 16 for one in made)


async def test_clients_are_shown_page_by_page(core: HandWiredCore) -> None:
    for client_id in ("c", "a", "b"):
        await core.register(draft(client_id))

    first = await core.administer_clients.page(after=None, limit=2)
    second = await core.administer_clients.page(after=ClientId("b"), limit=2)

    assert [client.client_id for client in (*first, *second)] == ["a", "b", "c"]


async def test_a_deleted_client_is_gone_and_recorded(core: HandWiredCore) -> None:
    await core.register(draft())

    await core.administer_clients.delete(LEDGER)

    assert core.audited() == [EventKind.CLIENT_CREATED, EventKind.CLIENT_DELETED]
    with pytest.raises(ClientNotFound):
        await core.administer_clients.show(LEDGER)
    with pytest.raises(ClientNotFound) as refusal:
        await core.administer_clients.delete(LEDGER)
    assert refusal.value.hint == LEDGER
    assert len(core.audit.events) == 2


async def test_a_client_made_without_a_default_audience_means_the_issuer(
    core: HandWiredCore,
) -> None:
    """The issuer need not be in the catalogue for that."""
    await core.register(draft(audiences=frozenset({INVOICES})))

    assert (await core.administer_clients.show(LEDGER)).default_audience is None


class TestUpdate:
    async def test_only_what_is_given_is_changed(self, core: HandWiredCore) -> None:
        """The version counts it, and the audit trail tells what became different."""
        before = (await core.administer_clients.create(draft(owner="ada"))).client

        updated = await core.administer_clients.update(
            LEDGER, {"name": "Ledger", "access_token_ttl": HOUR, "scope": draft().scope}
        )

        assert updated.client == replace(before, name="Ledger", access_token_ttl=HOUR, version=2)
        assert await core.administer_clients.show(LEDGER) == updated.client
        event = core.audit.events[-1]
        assert (event.kind, event.subject) == (EventKind.CLIENT_CHANGED, LEDGER)
        assert event.change == "name, access_token_ttl"

    async def test_what_changes_nothing_writes_nothing(self, core: HandWiredCore) -> None:
        await core.register(draft())

        updated = await core.administer_clients.update(LEDGER, {"name": ""})

        assert updated.client.version == 1
        assert core.audited() == [EventKind.CLIENT_CREATED]

    async def test_another_version_than_the_one_named_is_a_conflict(
        self, core: HandWiredCore
    ) -> None:
        await core.register(draft())
        await core.administer_clients.update(LEDGER, {"name": "first"}, if_version=1)

        with pytest.raises(Conflict) as refusal:
            await core.administer_clients.update(LEDGER, {"name": "second"}, if_version=1)

        assert refusal.value.hint == "ledger is of version 2 and not 1"
        assert (await core.administer_clients.show(LEDGER)).name == "first"

    async def test_of_racing_updates_each_takes_effect(self, core: HandWiredCore) -> None:
        """Neither undoes what the other changed."""
        await core.register(draft())

        await asyncio.gather(
            core.administer_clients.update(LEDGER, {"name": "Ledger"}),
            core.administer_clients.update(LEDGER, {"introspect_any": True}),
            core.administer_clients.disable(LEDGER),
        )

        kept = await core.administer_clients.show(LEDGER)
        assert (kept.name, kept.introspect_any, kept.disabled) == ("Ledger", True, True)
        assert kept.version == 4

    async def test_of_racing_updates_of_one_version_one_takes_effect(
        self, core: HandWiredCore
    ) -> None:
        await core.register(draft())

        outcomes = await asyncio.gather(
            *(
                core.administer_clients.update(LEDGER, {"name": f"{n}"}, if_version=1)
                for n in range(5)
            ),
            return_exceptions=True,
        )

        assert sum(isinstance(one, Conflict) for one in outcomes) == 4

    @pytest.mark.parametrize(
        ("changes", "hint"),
        [
            ({"scope": Scope.parse("a"), "default_scope": Scope()}, "unknown scope: a"),
            ({"serves": frozenset({UNKNOWN})}, f"unknown resource: {UNKNOWN}"),
            ({"scope": Scope()}, "the default scope exceeds the scope"),
            ({"subject": Subject.OWNER}, "subject owner needs an owner"),
            (
                {"auth_methods": BY_KEY},
                "private_key_jwt needs either jwks or jwks_uri",
            ),
            (
                {"jwks_uri": "https://keys.example"},
                "private_key_jwt needs either jwks or jwks_uri",
            ),
            (
                {"auth_methods": SIGNING},
                (
                    "client_secret_jwt needs a secret that is kept:"
                    " have one made in the same step (--new-secret)"
                ),
            ),
        ],
    )
    async def test_a_change_that_cannot_work_is_refused(
        self, core: HandWiredCore, changes: ClientChanges, hint: str
    ) -> None:
        before = (await core.administer_clients.create(draft())).client

        with pytest.raises(InvalidRegistration) as refusal:
            await core.administer_clients.update(LEDGER, changes)

        assert refusal.value.hint == hint
        assert await core.administer_clients.show(LEDGER) == before

    async def test_what_was_forgotten_since_is_no_obstacle(self, core: HandWiredCore) -> None:
        """A scope removed from the catalogue may stay; it can be granted no more."""
        await core.register(draft())
        [removed, *_] = draft().scope
        await core.administer_catalogue.remove_scope(removed)

        updated = await core.administer_clients.update(LEDGER, {"name": "Ledger"})

        assert updated.client.scope == draft().scope

    async def test_nobody_is_not_updated(self, core: HandWiredCore) -> None:
        with pytest.raises(ClientNotFound):
            await core.administer_clients.update(LEDGER, {"name": "Ledger"})


class TestUpdateOfMethods:
    async def test_a_secret_to_sign_with_is_made_in_the_same_step(
        self, core: HandWiredCore
    ) -> None:
        """Only a hash is kept of the one before, so it cannot serve for that."""
        await core.register(draft())

        updated = await core.administer_clients.update(
            LEDGER, {"auth_methods": SIGNING}, new_secret=True
        )

        assert updated.secret is not None
        before, made = updated.client.secrets
        assert (before.sealed, made.secret_id) == (None, updated.secret.secret_id)
        assert made.sealed is not None

    async def test_a_method_that_signs_leaves_no_kept_secret_behind(
        self, core: HandWiredCore
    ) -> None:
        """The hashes stay, and the secrets go on working."""
        signing = draft(auth_methods=SIGNING, assertion_algorithm=AssertionAlgorithm.HS256)
        credentials = await core.register(signing)
        assert credentials.secret is not None

        updated = await core.administer_clients.update(
            LEDGER, {"auth_methods": draft().auth_methods}
        )

        [secret] = updated.client.secrets
        assert (secret.sealed, updated.client.assertion_algorithm) == (None, None)
        assert core.audit.events[-1].change == (
            f"auth_methods, assertion_algorithm, secret {secret.secret_id} not kept any more"
        )
        await core.issue(credentials)

    async def test_without_a_method_that_takes_one_no_secret_is_left(
        self, core: HandWiredCore
    ) -> None:
        """Going back needs a new one: what was dropped does not come back by itself."""
        await core.register(draft())
        updated = await core.administer_clients.update(
            LEDGER, {"auth_methods": frozenset({AuthMethod.NONE})}
        )
        assert (updated.client.is_public, updated.client.secrets) == (True, ())
        back: ClientChanges = {"auth_methods": draft().auth_methods}

        with pytest.raises(InvalidRegistration, match="no secret") as refusal:
            await core.administer_clients.update(LEDGER, back)

        assert "--new-secret" in refusal.value.hint
        again = await core.administer_clients.update(LEDGER, back, new_secret=True)
        assert again.secret is not None

    async def test_keys_go_with_the_method_that_used_them(self, core: HandWiredCore) -> None:
        by_key = draft(
            auth_methods=BY_KEY | draft().auth_methods,
            jwks_uri="https://keys.example",
            assertion_algorithm=AssertionAlgorithm.ES256,
        )
        await core.register(by_key)

        updated = await core.administer_clients.update(
            LEDGER, {"auth_methods": draft().auth_methods}
        )

        client = updated.client
        assert (client.jwks_uri, client.assertion_algorithm) == (None, None)
        assert len(client.secrets) == 1

    async def test_of_keys_and_their_place_one_replaces_the_other(
        self, core: HandWiredCore
    ) -> None:
        await core.register(draft(auth_methods=BY_KEY, jwks_uri="https://keys.example"))

        inline = await core.administer_clients.update(LEDGER, {"jwks": JWKS})
        assert (inline.client.jwks, inline.client.jwks_uri) == (JWKS, None)

        fetched = await core.administer_clients.update(LEDGER, {"jwks_uri": "https://new.example"})
        assert (fetched.client.jwks, fetched.client.jwks_uri) == (None, "https://new.example")

    async def test_keys_that_cannot_sign_as_registered_are_refused(
        self, core: HandWiredCore
    ) -> None:
        await core.register(
            draft(
                auth_methods=BY_KEY,
                jwks_uri="https://keys.example",
                assertion_algorithm=AssertionAlgorithm.RS256,
            )
        )

        with pytest.raises(InvalidRegistration) as refusal:
            await core.administer_clients.update(LEDGER, {"jwks": JWKS})

        assert refusal.value.hint == "no key in jwks signs with RS256"
        await core.administer_clients.update(LEDGER, {"jwks": JWKS, "assertion_algorithm": None})


class TestStopping:
    async def test_what_a_disabled_client_held_does_not_come_back(
        self, core: HandWiredCore
    ) -> None:
        """It is refused while disabled, and its tokens stay ended (D11)."""
        credentials = await core.register(refreshing())
        held = await core.issue(credentials)

        await core.administer_clients.disable(LEDGER)
        with pytest.raises(InvalidClient):
            await core.issue(credentials)

        await core.administer_clients.enable(LEDGER)
        assert await core.introspect(credentials, held.access_token) == INACTIVE
        with pytest.raises(InvalidGrant):
            await core.refresh(credentials, held.refresh_token)
        again = await core.issue(credentials)
        assert await core.introspect(credentials, again.access_token) != INACTIVE

    async def test_to_revoke_all_leaves_the_client_free_to_ask_anew(
        self, core: HandWiredCore
    ) -> None:
        credentials = await core.register(refreshing())
        held = await core.issue(credentials)

        await core.administer_clients.revoke_all(LEDGER)

        assert await core.introspect(credentials, held.access_token) == INACTIVE
        with pytest.raises(InvalidGrant):
            await core.refresh(credentials, held.refresh_token)
        again = await core.issue(credentials)
        assert await core.introspect(credentials, again.access_token) != INACTIVE

    async def test_it_is_recorded_once_however_often_it_is_said(self, core: HandWiredCore) -> None:
        """But each revocation of all is one more."""
        await core.register(draft())
        for act in (
            core.administer_clients.disable,
            core.administer_clients.enable,
            core.administer_clients.revoke_all,
        ):
            await act(LEDGER)
            await act(LEDGER)

        changes = [event.change for event in core.audit.events[1:]]
        assert changes == ["disabled, epoch", "enabled", "epoch", "epoch"]

    async def test_a_client_that_changes_all_the_time_is_left_alone(
        self, core: HandWiredCore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def beaten(client: Client, /, *, seen: int) -> None:
            raise Conflict

        await core.register(draft())
        monkeypatch.setattr(core.stores.clients, "replace", beaten)

        with pytest.raises(Conflict, match="changed by others"):
            await core.administer_clients.disable(LEDGER)
