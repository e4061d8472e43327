from dataclasses import fields, replace

from domain.model.clients import Client
from domain.model.policy import DeclaredPolicy
from domain.model.resources import Resource
from domain.model.scopes import Scope, ScopeDefinition
from domain.usecases.plan_state import Action, Kind, Plan
from entrypoints.cli.state_fields import VOCABULARY
from support.core import SALARIES, build_core, draft
from support.domain_samples import INVOICES, LEDGER, PAYROLL
from support.states import apply, desired, require_plan

STATE = """
resources:
  - id: https://invoices.example
  - id: https://salaries.example
scopes:
  - {name: invoices.read, resource: https://invoices.example}
  - {name: invoices.write, resource: https://invoices.example}
  - {name: salaries.read, resource: https://salaries.example}
  - {name: profile}
clients:
  - id: ledger
    scope: invoices.read invoices.write profile
    default_scope: invoices.read
    audiences: [https://salaries.example]
    serves: [https://invoices.example]
  - id: payroll
    scope: salaries.read
    introspect_any: true
"""


async def plan_after(state: str, *, prune: bool = False) -> Plan:
    """Return what it takes to come from `STATE` to *state*."""
    core = await build_core(scopes=(), resources=())
    await apply(core, STATE)
    return await require_plan(core, desired(state), prune=prune)


def steps(plan: Plan) -> list[tuple[Action, Kind, str]]:
    return [(change.action, change.kind, change.name) for change in plan.changes]


class TestSteps:
    async def test_what_is_there_already_is_nothing_to_do(self) -> None:
        """The same file twice changes nothing."""
        assert steps(await plan_after(STATE, prune=True)) == []

    async def test_the_catalogue_grows_before_the_clients_and_shrinks_after_them(self) -> None:
        """No client names what is not there yet, and none loses what it shall keep."""
        state = """
        resources: [{id: https://salaries.example}, {id: https://new.example}]
        scopes:
          - {name: salaries.read, resource: https://salaries.example, description: Pay}
          - {name: new, resource: https://new.example}
        clients: [{id: payroll, scope: salaries.read new, introspect_any: true}, {id: fresh}]
        policy: {token_format: opaque}
        """

        plan = await plan_after(state, prune=True)

        assert steps(plan) == [
            (Action.CREATE, Kind.RESOURCE, "https://new.example"),
            (Action.CREATE, Kind.SCOPE, "new"),
            (Action.CHANGE, Kind.SCOPE, "salaries.read"),
            (Action.CHANGE, Kind.POLICY, "policy"),
            (Action.CREATE, Kind.CLIENT, "fresh"),
            (Action.CHANGE, Kind.CLIENT, PAYROLL),
            (Action.REMOVE, Kind.CLIENT, LEDGER),
            (Action.REMOVE, Kind.SCOPE, "profile"),
            (Action.REMOVE, Kind.SCOPE, "invoices.write"),
            (Action.REMOVE, Kind.SCOPE, "invoices.read"),
            (Action.REMOVE, Kind.RESOURCE, INVOICES),
        ]

    async def test_what_the_file_does_not_name_is_left_unless_pruned(self) -> None:
        """And it is said what that is."""
        plan = await plan_after("clients: []")

        assert steps(plan) == []
        assert plan.left == ((Kind.CLIENT, LEDGER), (Kind.CLIENT, PAYROLL))

    async def test_a_section_that_is_left_out_is_left_alone_even_when_pruning(self) -> None:
        """A file of clients alone does not take scopes away."""
        plan = await plan_after("clients: [{id: fresh}]", prune=True)

        assert {kind for _, kind, _ in steps(plan)} == {Kind.CLIENT}

    async def test_the_reserved_scopes_are_never_planned(self) -> None:
        """They are always there, in no file and in nobody's way."""
        plan = await plan_after("scopes: []\nclients: []\nresources: []", prune=True)

        assert not any("grantd.admin" in name for _, _, name in steps(plan))

    async def test_a_line_that_goes_takes_effect(self) -> None:
        """What a client's entry leaves out has its default, not what it was."""
        plan = await plan_after("clients: [{id: payroll, scope: salaries.read}]")

        [change] = plan.changes
        assert [(one.attribute, one.old, one.new) for one in change.differences()] == [
            ("introspect_any", True, False)
        ]

    async def test_a_policy_that_is_not_declared_any_more_is_a_change(self) -> None:
        """An empty section leaves everything to the processes' own settings."""
        core = await build_core()
        await apply(core, "policy: {require_scope: true}")

        [change] = (await require_plan(core, desired("policy: {}"))).changes
        assert [(one.attribute, one.old, one.new) for one in change.differences()] == [
            ("require_scope", True, None)
        ]


class TestSecrets:
    async def test_a_new_client_with_a_secret_method_gets_one_made(self) -> None:
        """A public one or one with keys of its own does not."""
        state = "clients: [{id: a}, {id: b, public: true}]"

        plan = await plan_after(state)

        made = {change.name: change.makes_a_secret for change in plan.clients}
        assert made == {"a": True, "b": False}

    async def test_a_client_that_comes_to_need_a_secret_gets_one_made(self) -> None:
        """And one that comes to need a kept secret, too."""
        core = await build_core()
        await core.register(replace(draft(LEDGER), scope=Scope(), default_scope=Scope()))
        await apply(core, "clients: [{id: other, public: true, grants: [refresh_token]}]")
        state = """
        clients:
          - {id: ledger, auth_methods: [client_secret_jwt]}
          - {id: other, grants: [refresh_token]}
        """

        plan = await require_plan(core, desired(state))

        assert [change.makes_a_secret for change in plan.clients] == [True, True]


class TestLosses:
    async def test_a_client_whose_scope_shrinks(self) -> None:
        """What the file takes from the client is named, and nothing else."""
        plan = await plan_after(
            STATE.replace("invoices.read invoices.write profile", "invoices.read")
        )

        [loss] = plan.losses
        assert (loss.client_id, str(loss.scope), loss.ends) == (
            LEDGER,
            "invoices.write profile",
            False,
        )
        assert not loss.audiences

    async def test_a_client_whose_scope_is_removed_or_disabled(self) -> None:
        """It need not stand in the file itself."""
        disabled = STATE.split("clients:", maxsplit=1)[0].replace(
            "{name: profile}", "{name: profile, disabled: true}"
        )
        removed = disabled.replace("- {name: profile, disabled: true}", "")

        for state in (disabled, removed):
            [loss] = (await plan_after(state, prune=True)).losses
            assert (loss.client_id, str(loss.scope)) == (LEDGER, "profile")

    async def test_a_resource_that_is_disabled_takes_its_scopes_along(self) -> None:
        """Nobody gets a token for it, by scope or by name."""
        state = "resources: [{id: https://salaries.example, disabled: true}]"

        losses = {loss.client_id: loss for loss in (await plan_after(state)).losses}

        assert losses[LEDGER].audiences == {SALARIES}
        assert losses[PAYROLL].audiences == {SALARIES}
        assert str(losses[PAYROLL].scope) == "salaries.read"

    async def test_a_client_that_is_disabled_or_removed_loses_everything(self) -> None:
        """And what it holds ends."""
        only_ledger = STATE.split("  - id: payroll", maxsplit=1)[0]
        disabled = f"{STATE}    disabled: true\n"

        for state in (only_ledger, disabled):
            [loss] = (await plan_after(state, prune=True)).losses
            assert loss.client_id == PAYROLL
            assert loss.ends
            assert loss.introspect_any
            assert loss.audiences == {SALARIES}
            assert [str(one) for one in loss.grant_types] == ["client_credentials"]

    async def test_a_client_that_may_introspect_less(self) -> None:
        """What it serves is a right as well."""
        plan = await plan_after(STATE.replace("    serves: [https://invoices.example]\n", ""))

        [loss] = plan.losses
        assert loss.serves == {INVOICES}

    async def test_who_was_disabled_before_has_nothing_to_lose(self) -> None:
        """Removing such a client harms nobody."""
        core = await build_core(scopes=(), resources=())
        await apply(core, f"{STATE}    disabled: true\n")

        plan = await require_plan(core, desired("clients: []"), prune=True)

        assert [loss.client_id for loss in plan.losses] == [LEDGER]


def test_the_vocabulary_of_the_file_is_whole() -> None:
    """An attribute without a key would be reset by every apply."""
    kinds = {
        Kind.RESOURCE: (Resource, set()),
        Kind.SCOPE: (ScopeDefinition, set()),
        Kind.CLIENT: (Client, {"epoch", "created_at", "version", "secrets"}),
        Kind.POLICY: (DeclaredPolicy, {"apply_under_way"}),
    }

    for kind, (model, the_stores_own) in kinds.items():
        written = {field.attribute for field in VOCABULARY[kind].values()}
        assert written == {one.name for one in fields(model)} - the_stores_own, kind
