from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from domain.errors import Conflict, InvalidClient
from domain.model.clients import Client
from domain.model.credentials import (
    AuthMethod,
    ClientSecret,
    PresentedCredentials,
    SecretId,
)
from domain.model.desired_state import DesiredState
from domain.model.events import EventKind
from domain.model.identifiers import ClientId
from domain.ports.secret_outlet import SecretNotLeft
from support.core import HandWiredCore, build_core, draft
from support.domain_samples import LEDGER, PAYROLL
from support.states import MemorySecretOutlet, apply, desired, guarded, require_plan

CHOSEN = ClientSecret("correct horse battery staple")
GENERATED = ClientSecret.compose(SecretId("0badcafe"), "A" * 43)


@pytest.fixture
async def core() -> HandWiredCore:
    return await build_core()


def with_secret(secret: ClientSecret, text: str = "clients: [{id: ledger}]") -> DesiredState:
    state = desired(text)
    assert state.clients is not None
    [wanted] = state.clients
    return replace(state, clients=(replace(wanted, secret=secret),))


def presenting(secret: ClientSecret, client_id: ClientId = LEDGER) -> PresentedCredentials:
    return PresentedCredentials(client_id, AuthMethod.CLIENT_SECRET_BASIC, secret)


async def ledger(core: HandWiredCore) -> Client:
    return await core.administer_clients.show(LEDGER)


class TestSecrets:
    async def test_a_secret_that_is_made_is_left_and_works(self, core: HandWiredCore) -> None:
        """It is a generated one, hashed fast, of the id that it carries."""
        outlet = MemorySecretOutlet()

        await apply(core, "clients: [{id: ledger}]", outlet=outlet)

        await core.issue(presenting(outlet.left[LEDGER]))
        [kept] = (await ledger(core)).secrets
        assert kept.secret_id == outlet.left[LEDGER].secret_id
        assert not kept.imported

    async def test_one_that_was_left_by_a_killed_run_is_taken_up(self, core: HandWiredCore) -> None:
        """An operator may have handed it out already."""
        outlet = MemorySecretOutlet()
        await outlet.leave(LEDGER, GENERATED)

        await apply(core, "clients: [{id: ledger}]", outlet=outlet)

        await core.issue(presenting(GENERATED))

    async def test_without_a_place_nothing_is_written(self, core: HandWiredCore) -> None:
        """Neither the client nor anything before it."""
        before = await core.apply_state.read()
        plan = await require_plan(core, desired("clients: [{id: a}]\nscopes: [{name: new}]"))

        with pytest.raises(SecretNotLeft):
            await core.apply_state.carry_out(plan)

        assert await core.apply_state.read() == before

    async def test_an_old_secret_of_the_client_is_not_taken_for_a_new_one(
        self, core: HandWiredCore
    ) -> None:
        """Its file has lain there since the client was made."""
        outlet = MemorySecretOutlet()
        await apply(core, "clients: [{id: ledger}]", outlet=outlet)

        with pytest.raises(SecretNotLeft, match="older secret"):
            await apply(
                core, "clients: [{id: ledger, auth_methods: [client_secret_jwt]}]", outlet=outlet
            )

    @pytest.mark.parametrize(("secret", "imported"), [(CHOSEN, True), (GENERATED, False)])
    async def test_one_from_a_file_is_imported_once(
        self, core: HandWiredCore, secret: ClientSecret, *, imported: bool
    ) -> None:
        """As long as it verifies, applying again imports nothing."""
        await apply(core, with_secret(secret))
        await core.issue(presenting(secret))

        again = await apply(core, with_secret(secret))

        assert not again.changes
        [kept] = (await ledger(core)).secrets
        assert kept.imported is imported

    async def test_another_one_in_the_file_comes_beside_the_first(
        self, core: HandWiredCore
    ) -> None:
        """The old one works until the operator ends it."""
        await apply(core, with_secret(CHOSEN))

        await apply(core, with_secret(GENERATED))

        await core.issue(presenting(CHOSEN))
        await core.issue(presenting(GENERATED))


class TestClients:
    async def test_disabling_ends_what_the_client_holds(self, core: HandWiredCore) -> None:
        """As the command does: enabling it does not bring it back."""
        outlet = MemorySecretOutlet()
        await apply(core, "clients: [{id: ledger}]", outlet=outlet)
        caller = presenting(outlet.left[LEDGER])
        token = (await core.issue(caller)).access_token
        epoch = (await ledger(core)).epoch

        await apply(core, "clients: [{id: ledger, disabled: true, name: Ledger}]")
        with pytest.raises(InvalidClient):
            await core.issue(caller)
        await apply(core, "clients: [{id: ledger}]")

        assert (await ledger(core)).epoch != epoch
        await core.issue(caller)
        assert (await core.introspect(caller, token)).__class__.__name__ == "Inactive"

    async def test_what_others_keep_of_a_client_stays(self, core: HandWiredCore) -> None:
        """Its secrets, its epoch and its time of creation are not in the file."""
        await core.register(draft(LEDGER))
        before = await ledger(core)

        await apply(core, "clients: [{id: ledger, name: Ledger}]")

        after = await ledger(core)
        assert (after.name, after.version) == ("Ledger", before.version + 1)
        assert (after.secrets, after.epoch, after.created_at) == (
            before.secrets,
            before.epoch,
            before.created_at,
        )


class TestOthers:
    async def test_a_catalogue_that_moved_is_a_conflict(self, core: HandWiredCore) -> None:
        """And nothing of the plan is done."""
        plan = await require_plan(core, desired("scopes: [{name: new}]\nclients: []"))
        await apply(core, "scopes: [{name: newer}]")

        with pytest.raises(Conflict) as conflict:
            await core.apply_state.carry_out(plan)

        assert "plan again" in conflict.value.hint
        assert "new" not in (await core.catalogue.read()).scopes

    @pytest.mark.parametrize("what", ["changed", "removed", "made"])
    async def test_a_client_that_moved_is_a_conflict(self, core: HandWiredCore, what: str) -> None:
        """Whatever became of it."""
        await core.register(draft(LEDGER))
        text = "clients: [{id: ledger, name: Ledger}, {id: payroll, public: true}]"
        plan = await require_plan(core, desired(text))
        match what:
            case "changed":
                await core.change_client(LEDGER, name="Somebody else's")
            case "removed":
                await core.administer_clients.delete(LEDGER)
            case _:
                await core.register(draft(PAYROLL))

        with pytest.raises(Conflict) as conflict:
            await core.apply_state.carry_out(plan)

        assert "plan again" in conflict.value.hint

    async def test_a_client_that_moved_is_not_removed(self, core: HandWiredCore) -> None:
        """Whoever changed it may want to keep it."""
        await core.register(draft(LEDGER))
        plan = await require_plan(core, desired("clients: []"), prune=True)
        await core.change_client(LEDGER, name="Still in use")

        with pytest.raises(Conflict):
            await core.apply_state.carry_out(plan)

        assert (await ledger(core)).name == "Still in use"

    async def test_of_two_with_different_clients_one_goes_on(self, core: HandWiredCore) -> None:
        """Though no client is touched by both: the result would be nobody's file."""
        await core.register(draft(LEDGER))
        one = await require_plan(core, desired("clients: [{id: ledger, name: One}]"))
        other = await require_plan(core, desired("clients: [{id: b, public: true}]"))

        await core.apply_state.carry_out(one)
        with pytest.raises(Conflict):
            await core.apply_state.carry_out(other)

    async def test_who_is_overtaken_half_way_writes_nothing_more(self, core: HandWiredCore) -> None:
        """Not even a client whose scope the other one has removed: that is a conflict, too."""
        overtaken = False

        async def overtake_after_the_first_client(
            write: Callable[[], Awaitable[object]],
        ) -> object:
            nonlocal overtaken
            written = await write()
            if not overtaken and await core.stores.clients.find(ClientId("a")) is not None:
                overtaken = True
                await apply(core, "scopes: []\nclients: []", prune=True)
            return written

        slow = await build_core(
            stores=guarded(core.stores, overtake_after_the_first_client), scopes=(), resources=()
        )
        text = "scopes: [{name: new}]\nclients: [{id: a}, {id: b, scope: new}, {id: c}]"

        with pytest.raises(Conflict) as conflict:
            await apply(slow, text)

        assert "plan again" in conflict.value.hint
        current = await core.apply_state.read()
        assert not current.clients
        assert "new" not in current.catalogue.scopes
        assert not current.catalogue.policy.apply_under_way


class TestAudit:
    async def test_each_thing_leaves_the_event_it_leaves_by_hand(self, core: HandWiredCore) -> None:
        """With what became of it."""
        await apply(
            core,
            "policy: {require_scope: true}\n"
            "scopes: [{name: new}, {name: profile, description: Other}]\n"
            "clients: [{id: ledger, public: true}]",
        )
        await apply(core, "scopes: []\nclients: []", prune=True)

        told = [
            (event.kind, event.subject, event.change)
            for event in core.audit.events
            if event.subject not in ("scope salaries.read", "scope invoices.read")
        ]
        assert told == [
            (EventKind.CATALOGUE_CHANGED, "scope new", "added"),
            (EventKind.CATALOGUE_CHANGED, "scope profile", "description"),
            (EventKind.CATALOGUE_CHANGED, "policy", "require_scope"),
            (EventKind.CLIENT_CREATED, "ledger", ""),
            (EventKind.CLIENT_DELETED, "ledger", ""),
            (EventKind.CATALOGUE_CHANGED, "scope invoices.write", "removed"),
            (EventKind.CATALOGUE_CHANGED, "scope new", "removed"),
            (EventKind.CATALOGUE_CHANGED, "scope profile", "removed"),
        ]
