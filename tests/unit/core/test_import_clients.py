"""Clients of another server: what is taken, what is changed, and what is refused."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.memory.clients import MemoryClientStore
from domain.errors import ClientExists, InvalidClient, Unavailable
from domain.model.clients import Client, GrantType
from domain.model.credentials import AuthMethod, ClientSecret, PresentedCredentials, SecretId
from domain.model.events import EventKind
from domain.model.identifiers import ClientId
from domain.model.imported_clients import ForeignClient, ImportedClient, Outcome
from domain.model.scopes import Scope, ScopeToken
from domain.model.tokens import TokenFormat
from support.core import ORIGIN, HandWiredCore, build_core, draft
from support.domain_samples import HOUR, INVOICES, LEDGER, NOW, SECOND
from support.stores import memory_stores

BY_SECRET = frozenset({AuthMethod.CLIENT_SECRET_BASIC, AuthMethod.CLIENT_SECRET_POST})
OLD_SECRET = "an old secret"
GENERATED = ClientSecret.compose(SecretId("0a1b2c3d"), "r" * 43)


@pytest.fixture
async def core() -> HandWiredCore:
    return await build_core()


def foreign(client_id: str = LEDGER, **changes: Any) -> ForeignClient:  # noqa: ANN401  (as `replace` takes them)
    """Return a client that comes along as it is, with *changes*."""
    plain = ForeignClient(
        place="row 1",
        client_id=client_id,
        auth_methods=BY_SECRET,
        secret=ClientSecret(OLD_SECRET),
        grant_types=("client_credentials",),
        scope=("invoices.read",),
    )
    if isinstance(secret := changes.get("secret"), str):
        changes["secret"] = ClientSecret(secret)
    return replace(plain, **changes)


async def import_one(core: HandWiredCore, client: ForeignClient) -> ImportedClient:
    report = await core.import_clients([client], dry_run=False)
    [told] = report.clients
    return told


async def require_refused(core: HandWiredCore, client: ForeignClient, *, reason: str) -> None:
    told = await import_one(core, client)

    assert (told.outcome, told.changed) == (Outcome.REFUSED, ())
    assert reason in told.reason
    if client.secret is not None:
        assert client.secret.reveal() not in told.reason
    assert await core.stores.clients.find(ClientId(client.client_id)) is None


async def require_changed(core: HandWiredCore, client: ForeignClient, *, change: str) -> Client:
    told = await import_one(core, client)

    assert told.outcome is Outcome.TAKEN, told.reason
    assert any(change in one for one in told.changed), told.changed
    return await core.administer_clients.show(ClientId(client.client_id))


async def slow(core: HandWiredCore, secret: str = OLD_SECRET) -> str:
    """Return a hash of another server, as far as the doubles go."""
    return await core.hasher.hash_slowly(ClientSecret(secret))


async def authenticate(core: HandWiredCore, client_id: str, secret: str) -> Client:
    presented = PresentedCredentials(
        ClientId(client_id), AuthMethod.CLIENT_SECRET_BASIC, ClientSecret(secret)
    )
    keyring = (await core.catalogue.read()).keyring
    pending = core.authenticate_client.begin(presented, ORIGIN, now=NOW)
    return await core.authenticate_client.prove(pending, keyring)


class TestWhatIsTaken:
    async def test_a_client_comes_with_all_that_it_was(self, core: HandWiredCore) -> None:
        client = foreign(
            name="Ledger",
            disabled=False,
            grant_types=("client_credentials", "refresh_token"),
            issue_refresh_token=True,
            scope=("invoices.read", "invoices.write"),
            default_scope=("invoices.read",),
            audiences=(INVOICES,),
            owner="alice",
            access_token_ttl=HOUR,
            token_format=TokenFormat.OPAQUE,
        )

        told = await import_one(core, client)

        assert told == ImportedClient(place="row 1", client_id=LEDGER, outcome=Outcome.TAKEN)
        found = await core.administer_clients.show(LEDGER)
        assert found.name == "Ledger"
        assert found.auth_methods == BY_SECRET
        assert found.grant_types == set(GrantType)
        assert found.issue_refresh_token
        assert found.scope == Scope.parse("invoices.read invoices.write")
        assert found.default_scope == Scope.parse("invoices.read")
        assert found.audiences == {INVOICES}
        assert found.owner == "alice"
        assert found.access_token_ttl == HOUR
        assert found.token_format is TokenFormat.OPAQUE
        assert core.audited() == [EventKind.CLIENT_CREATED]

    async def test_a_secret_in_the_clear_is_hashed_on_the_way_in(self, core: HandWiredCore) -> None:
        """Slowly, since somebody may have chosen it; its first use replaces that."""
        await import_one(core, foreign())

        [kept] = (await core.administer_clients.show(LEDGER)).secrets
        assert core.hasher.pepper_of(kept.hash) is None
        assert kept.imported
        assert (await authenticate(core, LEDGER, OLD_SECRET)).client_id == LEDGER
        [replaced] = (await core.administer_clients.show(LEDGER)).secrets
        assert core.hasher.pepper_of(replaced.hash) is not None

    async def test_a_hash_is_kept_as_it_came(self, core: HandWiredCore) -> None:
        stored = await slow(core)

        client = await require_changed(
            core, foreign(secret=stored), change="answers more slowly until its first use"
        )

        assert [kept.hash for kept in client.secrets] == [stored]
        assert (await authenticate(core, LEDGER, OLD_SECRET)).client_id == LEDGER
        with pytest.raises(InvalidClient):
            await authenticate(core, LEDGER, stored)

    async def test_where_nothing_is_hashed_a_hash_is_a_secret(self, core: HandWiredCore) -> None:
        """Else who reads the hash in an export would need no more."""
        stored = await slow(core)

        await import_one(core, foreign(secret=stored, secret_is_clear=True))

        assert (await authenticate(core, LEDGER, stored)).client_id == LEDGER
        with pytest.raises(InvalidClient):
            await authenticate(core, LEDGER, OLD_SECRET)

    async def test_a_secret_of_our_own_making_keeps_its_fast_hash(
        self, core: HandWiredCore
    ) -> None:
        await import_one(core, foreign(secret=GENERATED))

        [kept] = (await core.administer_clients.show(LEDGER)).secrets
        assert core.hasher.pepper_of(kept.hash) is not None

    async def test_a_secret_keeps_its_end(self, core: HandWiredCore) -> None:
        ends = NOW + HOUR
        await import_one(core, foreign("clear", secret_expires_at=ends))
        await import_one(core, foreign("hashed", secret=await slow(core), secret_expires_at=ends))

        for client_id in ("clear", "hashed"):
            client = await core.administer_clients.show(ClientId(client_id))
            assert [kept.expires_at for kept in client.secrets] == [ends]

    async def test_scopes_that_are_needed_are_made_known_in_one_step(
        self, core: HandWiredCore
    ) -> None:
        """Those of refused clients are not."""
        before = await core.catalogue.read()
        clients = [
            foreign("one", scope=("a", "invoices.read")),
            foreign("two", scope=("b", "a")),
            foreign("not", scope=("c",), secret=None),
        ]

        report = await core.import_clients(clients, dry_run=False)

        after = await core.catalogue.read()
        assert report.scopes == Scope.parse("a b")
        assert after.scopes.keys() - before.scopes.keys() == {"a", "b"}
        assert after.version == before.version + 1
        assert core.audited() == [EventKind.CATALOGUE_CHANGED] * 2 + [EventKind.CLIENT_CREATED] * 2

    async def test_a_disabled_scope_is_known_and_stays_disabled(self, core: HandWiredCore) -> None:
        """An import brings nothing back that an operator took away."""
        await core.administer_catalogue.disable_scope(ScopeToken("profile"))

        report = await core.import_clients([foreign(scope=("profile",))], dry_run=False)

        assert (report.count(Outcome.TAKEN), report.scopes) == (1, Scope())
        assert (await core.catalogue.read()).scopes[ScopeToken("profile")].disabled


class TestWhatIsChanged:
    @pytest.mark.parametrize(
        ("changes", "change"),
        [
            ({"disabled": True}, "disabled, as it was there"),
            (
                {"grant_types": ("client_credentials", "password")},
                "grant types not taken: password",
            ),
            ({"grant_types": None}, "every grant type was allowed"),
            ({"scope": None}, "every scope was allowed, of which it is given none"),
            ({"scope": None, "default_scope": ("basic",)}, "what it got unasked: basic"),
            ({"scope": ("*",)}, "scope not taken: *"),
            ({"scope": ("openid", "offline_access")}, "scope not taken: offline_access, openid"),
            ({"scope": ("na\u00efve",)}, "scope not taken: na?ve"),
            ({"scope": ("grantd.admin.write",)}, "scope not taken: grantd.admin.write"),
            ({"audiences": ("https://else.example",)}, "audience not taken"),
            ({"name": "two\nlines"}, "name shortened"),
            ({"name": "n" * 201}, "name shortened"),
            ({"not_taken": ("redirect_uri",)}, "not taken: redirect_uri"),
            ({"client_id": "led+ger"}, "its id has to be form-encoded"),
            ({"client_id": "urn:ledger"}, "its id has to be form-encoded"),
        ],
    )
    async def test_is_named(
        self, core: HandWiredCore, changes: dict[str, Any], change: str
    ) -> None:
        await require_changed(core, foreign(**changes), change=change)

    async def test_a_disabled_client_stays_disabled(self, core: HandWiredCore) -> None:
        await import_one(core, foreign(disabled=True))

        with pytest.raises(InvalidClient):
            await authenticate(core, LEDGER, OLD_SECRET)

    async def test_administration_never_comes_along(self, core: HandWiredCore) -> None:
        """A name in a file from elsewhere is no reason to hand out this server."""
        client = await require_changed(
            core,
            foreign(scope=("grantd.admin.write", "a"), default_scope=("grantd.admin.write",)),
            change="scope not taken",
        )

        assert (client.scope, client.default_scope) == (Scope.parse("a"), Scope())

    async def test_a_secret_without_a_use_stays_behind(self, core: HandWiredCore) -> None:
        client = await require_changed(
            core,
            foreign(
                auth_methods=frozenset({AuthMethod.PRIVATE_KEY_JWT}),
                jwks_uri="https://ledger.example/jwks",
            ),
            change="secret not taken",
        )

        assert client.secrets == ()


class TestSecretsThatMayHaveBeenSentRaw:
    """`accept_raw_basic_credentials`, and when a client is given it."""

    @pytest.mark.parametrize("secret", ["a+b", "50%", "%41"])
    async def test_a_secret_that_decoding_changes(self, core: HandWiredCore, secret: str) -> None:
        client = await require_changed(
            core, foreign(secret=secret), change="accept_raw_basic_credentials: its secret has"
        )

        assert client.accept_raw_basic_credentials

    @pytest.mark.parametrize("secret", ["a&b", "a=b", "a:b", "a b", "caf\u00e9", "$ecret"])
    async def test_any_other_secret_reads_the_same_raw(
        self, core: HandWiredCore, secret: str
    ) -> None:
        told = await import_one(core, foreign(secret=secret))

        assert told.changed == ()
        assert not (await core.administer_clients.show(LEDGER)).accept_raw_basic_credentials

    @pytest.mark.parametrize("sent_raw", [True, False])
    async def test_a_hash_only_of_a_server_that_never_decoded(
        self, core: HandWiredCore, *, sent_raw: bool
    ) -> None:
        """What is in it cannot be seen."""
        await import_one(core, foreign(secret=await slow(core), secret_is_sent_raw=sent_raw))

        client = await core.administer_clients.show(LEDGER)
        assert client.accept_raw_basic_credentials is sent_raw

    async def test_not_for_who_does_not_use_basic(self, core: HandWiredCore) -> None:
        await import_one(
            core,
            foreign(secret="a+b", auth_methods=frozenset({AuthMethod.CLIENT_SECRET_POST})),
        )

        assert not (await core.administer_clients.show(LEDGER)).accept_raw_basic_credentials


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"flaw": "it is bearer-only"}, "it is bearer-only"),
            ({"client_id": ""}, "client_id has to be"),
            ({"client_id": "caf\u00e9"}, "client_id has to be"),
            ({"secret": None}, "no secret of it"),
            ({"secret": "broken$x"}, "its hash is broken"),
            ({"secret": "s" * 513}, "1 to 512 characters"),
            ({"secret": "a\0b"}, "all printable"),
            ({"secret_expires_at": NOW - SECOND}, "its secret has expired"),
            ({"secret": "testpass", "client_id": "testclient"}, "sample data"),
            ({"secret": "testpass"}, "sample data"),
            ({"secret": "abc123", "client_id": "myawesomeapp"}, "sample data"),
            ({"grant_types": ()}, "may not use client_credentials, where tokens begin here: none"),
            ({"grant_types": ("password", "refresh_token")}, "here: password, refresh_token"),
            ({"owner": LEDGER}, "owner and client_id may not be equal"),
            ({"access_token_ttl": timedelta()}, "a lifetime has to be a second or more"),
            ({"auth_methods": frozenset({AuthMethod.PRIVATE_KEY_JWT})}, "no keys of it"),
            (
                {"auth_methods": frozenset({AuthMethod.PRIVATE_KEY_JWT}), "jwks": {"keys": []}},
                "1 to 10 keys",
            ),
            (
                {"auth_methods": frozenset({AuthMethod.PRIVATE_KEY_JWT}), "jwks_uri": "ftp://x"},
                "jwks_uri: https is needed",
            ),
            (
                {
                    "auth_methods": frozenset({AuthMethod.PRIVATE_KEY_JWT}),
                    "jwks_uri": "https://x.example",
                    "assertion_algorithm": "RS512",
                },
                "signed by RS512",
            ),
            ({"auth_methods": frozenset({AuthMethod.CLIENT_SECRET_JWT})}, "32 bytes or more"),
        ],
    )
    async def test_is_named_with_its_reason(
        self, core: HandWiredCore, changes: dict[str, Any], reason: str
    ) -> None:
        await require_refused(core, foreign(**changes), reason=reason)

    async def test_the_hash_of_the_sample_secret(self, core: HandWiredCore) -> None:
        """Hashing what everybody knows hides it from nobody."""
        await require_refused(
            core,
            foreign("testclient", secret=await slow(core, "testpass")),
            reason="sample data",
        )

    async def test_a_hash_for_a_client_that_signs_with_its_secret(
        self, core: HandWiredCore
    ) -> None:
        methods = frozenset({AuthMethod.CLIENT_SECRET_JWT})

        await require_refused(
            core,
            foreign(secret=await slow(core), auth_methods=methods),
            reason="client_secret_jwt needs the secret",
        )

    async def test_and_the_rest_goes_on(self, core: HandWiredCore) -> None:
        clients = [foreign("one"), foreign("two", secret=None), foreign("three")]

        report = await core.import_clients(clients, dry_run=False)

        assert [told.outcome for told in report.clients] == ["taken", "refused", "taken"]


class TestOneNamespace:
    """Ids and owners, here and within the export (RFC 9068 §5)."""

    async def test_a_client_that_is_here_stays_as_it_is(self, core: HandWiredCore) -> None:
        await core.register(draft(name="here"))
        before = await core.administer_clients.show(LEDGER)

        told = await import_one(core, foreign(name="there", secret="another secret"))

        assert told == ImportedClient(place="row 1", client_id=LEDGER, outcome=Outcome.ALREADY_HERE)
        assert await core.administer_clients.show(LEDGER) == before

    @pytest.mark.parametrize(
        ("clients", "reason"),
        [
            ([foreign("one"), foreign("one")], "its id is that of a client before it"),
            ([foreign("one", owner="two"), foreign("two")], "its id is the name of an owner"),
            ([foreign("one"), foreign("two", owner="one")], "the name of its owner is the id"),
        ],
    )
    @pytest.mark.parametrize("dry_run", [True, False])
    async def test_a_clash_within_the_export_is_refused(
        self, core: HandWiredCore, *, clients: list[ForeignClient], reason: str, dry_run: bool
    ) -> None:
        report = await core.import_clients(clients, dry_run=dry_run)

        first, second = report.clients
        assert first.outcome is Outcome.TAKEN
        assert second.outcome is Outcome.REFUSED
        assert reason in second.reason

    async def test_a_clash_with_an_owner_here_is_refused(self, core: HandWiredCore) -> None:
        await core.register(draft(owner="alice"))

        await require_refused(core, foreign("alice"), reason="its id is the name of an owner")

    async def test_several_clients_may_have_one_owner(self, core: HandWiredCore) -> None:
        clients = [foreign("one", owner="alice"), foreign("two", owner="alice")]

        report = await core.import_clients(clients, dry_run=False)

        assert report.count(Outcome.TAKEN) == 2


async def test_a_dry_run_tells_the_same_and_writes_nothing(core: HandWiredCore) -> None:
    clients = [foreign("one", scope=("a",)), foreign("one"), foreign("two", secret=None)]
    before = await core.stores.catalogue.load()

    foreseen = await core.import_clients(clients, dry_run=True)

    assert await core.stores.catalogue.load() == before
    assert not await core.administer_clients.page(after=None, limit=10)
    assert core.audited() == []
    assert await core.import_clients(clients, dry_run=False) == foreseen


class FailingClientStore(MemoryClientStore):
    """Is down after *until* clients, or has a rival who is faster with one."""

    until = 1
    rival = ""

    async def add(self, client: Client, /) -> None:
        if client.client_id == self.rival:
            raise ClientExists(client.client_id)
        if self.until == 0:
            raise Unavailable
        self.until -= 1
        await super().add(client)


async def test_a_second_run_finishes_what_was_cut_off() -> None:
    """What came over stays, and is told of as here already."""
    async with memory_stores() as stores:
        failing = FailingClientStore()
        core = await build_core(stores=replace(stores, clients=failing))
        clients = [foreign("one"), foreign("two")]

        with pytest.raises(Unavailable):
            await core.import_clients(clients, dry_run=False)
        failing.until = 9
        report = await core.import_clients(clients, dry_run=False)

        assert [told.outcome for told in report.clients] == ["already here", "taken"]


async def test_who_is_faster_wins() -> None:
    async with memory_stores() as stores:
        failing = FailingClientStore()
        failing.rival = LEDGER
        core = await build_core(stores=replace(stores, clients=failing))

        told = await import_one(core, foreign(not_taken=("redirect_uri",)))

        assert (told.outcome, told.changed) == (Outcome.REFUSED, ())
        assert "by somebody else meanwhile" in told.reason
