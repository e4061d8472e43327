"""`grantd apply`: bringing clients, scopes, resources and policy to what a file says."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.model.identifiers import ClientId
from domain.ports.secret_outlet import SecretNotLeft
from domain.usecases.apply_state import Unattainable
from domain.usecases.plan_state import Action, Plan
from entrypoints.cli import output
from entrypoints.cli.core import with_core
from entrypoints.cli.exits import Refused
from entrypoints.cli.inputs import require_confirmation
from entrypoints.cli.options import ADMINISTRATIVE, AsJson, takes_settings
from entrypoints.cli.plan_text import done, plan_document, planned, show_plan
from entrypoints.cli.state_file import StateFile, path_text, read_state_file
from entrypoints.settings import Settings

if TYPE_CHECKING:
    from entrypoints.container import Core


@takes_settings(*ADMINISTRATIVE)
def apply(
    *,
    settings: Settings,
    file: Annotated[
        Path,
        typer.Option(
            "--file", "-f", metavar="FILE", help="The state in YAML; - is standard input."
        ),
    ],
    plan_only: Annotated[
        bool, typer.Option("--plan", help="Show what would be done, and do nothing.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove what the file's sections do not name.")
    ] = False,
    secrets_to: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where the secrets of new clients are left, a file for each, mode 0600.",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask, whatever is removed or lost.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make clients, scopes, resources and policy what a file says.

    A section that the file leaves out is left alone. Applying twice changes
    nothing; after a run that was killed, the next one finishes.
    """
    state = read_state_file(file)

    async def work(core: "Core") -> None:
        only_looks = plan_only or state.problems
        look = core.apply_state.plan if only_looks else core.apply_state.prepare
        plan = _require_plan(file, state, await look(state.desired, prune=prune))
        if plan_only or not as_json:
            _present(plan, as_json=as_json)
        if plan_only:
            return
        _ask(plan, yes=yes)
        await _carry_out(core, plan, secrets_to, as_json=as_json)

    with_core(settings, work)


def _require_plan(file: Path, state: StateFile, planned: Plan | Unattainable) -> Plan:
    """Return the plan, or refuse the file with every problem in it."""
    judged = planned.problems if isinstance(planned, Unattainable) else ()
    problems = state.with_those_of(judged)
    if isinstance(planned, Plan) and not problems:
        return planned
    for place, problem in problems:
        where = f"{file}:{place.line}:{place.column}"
        path = path_text(problem.path)
        output.refuse(
            f"{where}: {path}: {problem.sentence}" if path else f"{where}: {problem.sentence}"
        )
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    raise Refused(f"{file} has {count}, and nothing was changed")


def _present(plan: Plan, *, as_json: bool) -> None:
    if as_json:
        output.document({"applied": False, **plan_document(plan)})
        return
    show_plan(plan)
    output.line(planned(plan))


def _ask(plan: Plan, *, yes: bool) -> None:
    """Ask a person, if there is one, before anything is taken from anybody."""
    if sys.stdin.isatty() and (plan.count(Action.REMOVE) or plan.losses):
        require_confirmation("This takes something away.", yes=yes)


async def _carry_out(core: "Core", plan: Plan, secrets_to: Path | None, *, as_json: bool) -> None:
    # Here and not above, because it brings every adapter along and most commands need none.
    from entrypoints.container import secret_folder  # noqa: PLC0415

    making = [change.name for change in plan.clients if change.makes_a_secret]
    if making and secrets_to is None:
        raise Refused(
            f"secrets have to be made for {_some(making)}:"
            " say with --secrets-to where they are left"
        )
    try:
        outlet = secret_folder(secrets_to) if secrets_to is not None else None
        await core.apply_state.carry_out(plan, outlet=outlet)
    except SecretNotLeft as error:
        raise Refused(str(error)) from error
    left = {name: str(outlet.path(ClientId(name))) for name in making} if outlet else {}
    if as_json:
        told: dict[str, Any] = {"applied": True, **plan_document(plan), "secrets": left}
        output.document(told)
        return
    if plan.changes:
        output.line(done(plan))
    for name, path in left.items():
        output.sentence(f"The secret of {name} is in {path}.")


def _some(names: list[str]) -> str:
    first = ", ".join(names[:3])
    return first if len(names) <= 3 else f"{first} and {len(names) - 3} more"  # noqa: PLR2004
