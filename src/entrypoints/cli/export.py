"""`grantd export`: the state that is there, as a file for `grantd apply`."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any

import yaml

from domain.model.desired_state import DesiredState
from domain.usecases.export_state import export_state
from domain.usecases.plan_state import Kind
from entrypoints.cli import output
from entrypoints.cli.core import with_core
from entrypoints.cli.options import ADMINISTRATIVE, AsJson, takes_settings
from entrypoints.cli.state_fields import VOCABULARY
from entrypoints.settings import Settings

if TYPE_CHECKING:
    from entrypoints.container import Core

_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_HEADER = "# Secrets are never here. Applied to where it came from, it changes nothing.\n"


@takes_settings(*ADMINISTRATIVE)
def export(*, settings: Settings, as_json: AsJson = False) -> None:
    """Print clients, scopes, resources and policy as a file for `grantd apply`."""

    async def work(core: "Core") -> DesiredState:
        return export_state(await core.apply_state.read())

    state = with_core(settings, work)
    if as_json:
        output.document(state_document(state))
    else:
        output.line(write_state(state).removesuffix("\n"))


def write_state(state: DesiredState) -> str:
    """Write a state as YAML that `read_state` reads."""
    return _HEADER + str(
        yaml.dump(
            state_document(state),
            Dumper=_DUMPER,
            sort_keys=False,
            allow_unicode=True,
            width=10_000,  # a text is not folded
        )
    )


def state_document(state: DesiredState) -> dict[str, Any]:
    """Return a state as plain data: of each thing what differs from leaving it out."""
    return {
        "policy": _entry(Kind.POLICY, state.policy),
        "resources": [_entry(Kind.RESOURCE, one) for one in state.resources or ()],
        "scopes": [_entry(Kind.SCOPE, one) for one in state.scopes or ()],
        "clients": [_entry(Kind.CLIENT, one.draft) for one in state.clients or ()],
    }


def _entry(kind: Kind, thing: Any) -> dict[str, object]:  # noqa: ANN401  (any dataclass of a kind)
    defaults = {} if thing is None else _defaults(thing)
    return {
        key: field.write(getattr(thing, field.attribute))
        for key, field in VOCABULARY[kind].items()
        if thing is not None
        and (
            field.attribute not in defaults
            or getattr(thing, field.attribute) != defaults[field.attribute]
        )
    }


def _defaults(thing: Any) -> Mapping[str, object]:  # noqa: ANN401  (likewise)
    defaults: dict[str, object] = {}
    for one in fields(thing):
        if one.default is not MISSING:
            defaults[one.name] = one.default
        elif one.default_factory is not MISSING:
            defaults[one.name] = one.default_factory()
    return defaults
