from dataclasses import replace
from datetime import datetime

import pytest

from adapters.memory.clients import MemoryClientStore
from domain.errors import ClientNotFound, InvalidClient, InvalidRequest, Unavailable
from domain.model.clients import Client
from domain.model.credentials import (
    AuthMethod,
    ClientSecret,
    PresentedCredentials,
    SecretId,
    UnreadableCredentials,
)
from domain.model.events import EventKind
from domain.usecases.introspect_token import IntrospectionRequest
from domain.usecases.issue_token import TokenRequest
from domain.usecases.revoke_token import RevocationRequest
from support.core import ORIGIN, HandWiredCore, build_core, draft, public
from support.domain_samples import HOUR, LEDGER, MOMENT, NOW, PAYROLL
from support.stores import memory_stores

BASIC, POST, NONE = (
    AuthMethod.CLIENT_SECRET_BASIC,
    AuthMethod.CLIENT_SECRET_POST,
    AuthMethod.NONE,
)


class FullClientStore(MemoryClientStore):
    """Has no room left for what replaces something."""

    async def replace(self, client: Client, /, *, seen: int) -> None:
        raise Unavailable


@pytest.fixture
async def core() -> HandWiredCore:
    return await build_core()


async def authenticate(
    core: HandWiredCore, presented: PresentedCredentials, *, now: datetime = NOW
) -> Client:
    catalogue = await core.catalogue.read()
    authentication = core.authenticate_client.begin(presented, ORIGIN, now=now)
    return await core.authenticate_client.prove(authentication, catalogue.keyring)


async def require_refusal(
    core: HandWiredCore, presented: PresentedCredentials, *, now: datetime = NOW
) -> None:
    with pytest.raises(InvalidClient) as refusal:
        await authenticate(core, presented, now=now)

    assert type(refusal.value) is InvalidClient
    assert refusal.value.description == "Client authentication failed."
    assert refusal.value.hint == ""
    if presented.secret is not None:
        assert presented.secret.reveal() not in refusal.value.detail


async def test_a_client_is_proved_by_its_secret(core: HandWiredCore) -> None:
    credentials = await core.register(draft())

    for method in (BASIC, POST):
        client = await authenticate(core, replace(credentials, method=method))
        assert client.client_id == LEDGER


async def test_a_public_client_is_who_it_says(core: HandWiredCore) -> None:
    """There is nothing to compare, and nothing is compared."""
    credentials = await core.register(public())

    assert (await authenticate(core, credentials)).client_id == LEDGER
    assert core.hasher.compared == []


class TestOneComparison:
    """A generated secret costs one comparison and reads one answer, whatever is wrong."""

    async def test_for_a_right_secret(self, core: HandWiredCore) -> None:
        credentials = await core.register(draft())

        await authenticate(core, credentials)

        assert len(core.hasher.compared) == 1

    async def test_for_an_unknown_client(self, core: HandWiredCore) -> None:
        credentials = await core.register(draft())

        await require_refusal(core, replace(credentials, client_id=PAYROLL))

        assert core.hasher.compared == [None]

    async def test_for_the_secret_of_another_client(self, core: HandWiredCore) -> None:
        await core.register(draft())
        others = await core.register(draft(PAYROLL))

        await require_refusal(core, replace(others, client_id=LEDGER))

        assert core.hasher.compared == [None]

    async def test_for_a_wrong_secret_with_a_right_id(self, core: HandWiredCore) -> None:
        credentials = await core.register(draft())
        assert credentials.secret is not None
        [kept] = (await core.administer_clients.show(LEDGER)).secrets
        wrong = ClientSecret.compose(kept.secret_id, core.entropy.token())

        await require_refusal(core, replace(credentials, secret=wrong))

        assert core.hasher.compared == [kept.hash]

    async def test_for_a_text_that_is_no_generated_secret(self, core: HandWiredCore) -> None:
        credentials = await core.register(draft())

        await require_refusal(core, replace(credentials, secret=ClientSecret("hunter2")))

        assert core.hasher.compared == [None]

    async def test_for_a_disabled_client(self, core: HandWiredCore) -> None:
        credentials = await core.register(draft())
        await core.change_client(LEDGER, disabled=True)

        await require_refusal(core, credentials)

        assert len(core.hasher.compared) == 1

    async def test_for_an_expired_secret(self, core: HandWiredCore) -> None:
        credentials = await core.register(draft())
        [kept] = (await core.administer_clients.show(LEDGER)).secrets
        await core.change_client(LEDGER, secrets=(replace(kept, expires_at=NOW + HOUR),))

        await authenticate(core, credentials, now=NOW + HOUR - MOMENT)
        await require_refusal(core, credentials, now=NOW + HOUR)

        assert len(core.hasher.compared) == 2

    async def test_for_a_method_that_is_not_registered(self, core: HandWiredCore) -> None:
        credentials = await core.register(draft(auth_methods=frozenset({BASIC})))

        await require_refusal(core, replace(credentials, method=POST))

        assert len(core.hasher.compared) == 1

    async def test_for_a_secret_offered_in_a_public_clients_name(self, core: HandWiredCore) -> None:
        await core.register(public())
        guessed = PresentedCredentials(LEDGER, BASIC, ClientSecret("guess"))

        await require_refusal(core, guessed)

        assert core.hasher.compared == [None]

    async def test_for_one_secret_of_several(self, core: HandWiredCore) -> None:
        """The secret says which of the ten it is."""
        credentials = await core.register(draft())
        [kept] = (await core.administer_clients.show(LEDGER)).secrets
        others = [replace(kept, secret_id=SecretId(f"{number:08x}")) for number in range(9)]
        await core.change_client(LEDGER, secrets=(*others, kept))

        await authenticate(core, credentials)

        assert core.hasher.compared == [kept.hash]


async def test_a_confidential_client_without_its_secret_is_refused(core: HandWiredCore) -> None:
    await core.register(draft())

    await require_refusal(core, PresentedCredentials(LEDGER, NONE))
    await require_refusal(core, PresentedCredentials(PAYROLL, NONE))


class TestImportedSecrets:
    async def test_a_slow_hash_is_replaced_on_first_use(self, core: HandWiredCore) -> None:
        """Only the hash changes: the secret stays imported and goes on proving its client."""
        credentials = await core.register(draft(), imported_secret="hunter2")
        before = await core.administer_clients.show(LEDGER)

        await authenticate(core, credentials)

        after = await core.administer_clients.show(LEDGER)
        assert core.hasher.pepper_of(before.secrets[0].hash) is None
        assert core.hasher.pepper_of(after.secrets[0].hash) is not None
        assert after == replace(
            before,
            version=before.version + 1,
            secrets=(replace(before.secrets[0], hash=after.secrets[0].hash),),
        )
        assert (await authenticate(core, credentials)).version == after.version

    async def test_a_wrong_secret_replaces_nothing(self, core: HandWiredCore) -> None:
        credentials = await core.register(draft(), imported_secret="hunter2")
        before = await core.administer_clients.show(LEDGER)

        await require_refusal(core, replace(credentials, secret=ClientSecret("hunter3")))

        assert await core.administer_clients.show(LEDGER) == before

    async def test_whoever_changed_the_client_meanwhile_goes_first(
        self, core: HandWiredCore
    ) -> None:
        """The caller is proved all the same, and the change stays."""
        credentials = await core.register(draft(), imported_secret="hunter2")
        authentication = core.authenticate_client.begin(credentials, ORIGIN, now=NOW)
        await core.change_client(LEDGER, name="changed")
        catalogue = await core.catalogue.read()

        await core.authenticate_client.prove(authentication, catalogue.keyring)

        kept = await core.administer_clients.show(LEDGER)
        assert kept.name == "changed"
        assert core.hasher.pepper_of(kept.secrets[0].hash) is None

    async def test_a_store_that_takes_no_writes_refuses_nobody(self) -> None:
        """The hash is replaced the next time; it decides nothing yet."""
        async with memory_stores() as stores:
            core = await build_core(stores=replace(stores, clients=FullClientStore()))
        credentials = await core.register(draft(), imported_secret="hunter2")

        assert (await authenticate(core, credentials)).client_id == LEDGER

    async def test_whoever_deleted_the_client_meanwhile_goes_first(
        self, core: HandWiredCore
    ) -> None:
        """The rehash does not bring it back, and no administrative refusal comes of it."""
        credentials = await core.register(draft(), imported_secret="hunter2")
        authentication = core.authenticate_client.begin(credentials, ORIGIN, now=NOW)
        await core.administer_clients.delete(LEDGER)
        catalogue = await core.catalogue.read()

        await core.authenticate_client.prove(authentication, catalogue.keyring)

        with pytest.raises(ClientNotFound):
            await core.administer_clients.show(LEDGER)


class TestUnreadableCredentials:
    """What proves nothing: none, several at once, or broken ones."""

    @pytest.mark.parametrize("refusal", [InvalidClient("broken"), InvalidRequest("two methods")])
    async def test_they_are_refused_as_they_were_read_and_told(
        self, refusal: InvalidClient | InvalidRequest
    ) -> None:
        """At each of the three endpoints by one event, which names no client."""
        core = await build_core()
        presented = UnreadableCredentials(refusal)
        for ask in (
            core.issue_token(TokenRequest(credentials=presented, grant_type="client_credentials")),
            core.introspect_token(IntrospectionRequest(credentials=presented, token="any")),
            core.revoke_token(RevocationRequest(credentials=presented, token="any")),
        ):
            with pytest.raises(type(refusal), match=refusal.detail):
                await ask

        told = [(event.kind, event.client_id, event.reason) for event in core.audit.events]
        reason = f"{refusal.code}: {refusal.detail}"
        assert told == [
            (EventKind.TOKEN_REFUSED, "", reason),
            (EventKind.CLIENT_REFUSED, "", reason),
            (EventKind.CLIENT_REFUSED, "", reason),
        ]
