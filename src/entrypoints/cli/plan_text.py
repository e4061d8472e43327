"""How a plan is shown: what is created, changed and removed, and who loses what."""

from collections.abc import Iterator
from typing import Any, Final

from domain.usecases.plan_state import Action, Change, Kind, Loss, Plan
from entrypoints.cli import output
from entrypoints.cli.state_fields import VOCABULARY

_SIGN: Final = {Action.CREATE: "+", Action.CHANGE: "~", Action.REMOVE: "-"}
_DONE: Final = {
    Action.CREATE: "created",
    Action.CHANGE: "changed",
    Action.REMOVE: "removed",
}
_KEYS: Final = {
    kind: {field.attribute: (key, field.write) for key, field in fields.items()}
    for kind, fields in VOCABULARY.items()
}
_NAMED_AS_LEFT: Final = 10


def show_plan(plan: Plan) -> None:
    """Print a plan for people."""
    for line in _lines(plan):
        output.sentence(line)


def planned(plan: Plan) -> str:
    """Say in one sentence what a plan comes to."""
    if not plan.changes:
        return "Nothing to do: everything is as the file says."
    counts = (f"{plan.count(action)} to {action}" for action in Action)
    return f"Plan: {', '.join(counts)}."


def done(plan: Plan) -> str:
    """Say in one sentence what was done."""
    counts = (f"{plan.count(action)} {_DONE[action]}" for action in Action)
    return f"Applied: {', '.join(counts)}."


def plan_document(plan: Plan) -> dict[str, Any]:
    """Describe a plan for programs."""
    return {
        "create": plan.count(Action.CREATE),
        "change": plan.count(Action.CHANGE),
        "remove": plan.count(Action.REMOVE),
        "steps": [_step(change) for change in plan.changes],
        "losses": [_loss(loss) for loss in plan.losses],
        "left": [{"kind": kind, "name": name} for kind, name in plan.left],
    }


def _lines(plan: Plan) -> Iterator[str]:
    for change in plan.changes:
        name = "" if change.kind is Kind.POLICY else f" {change.name}"
        yield f"{_SIGN[change.action]} {change.kind}{name}"
        yield from (f"    {text}" for text in _details(change))
    if plan.losses:
        yield ""
        yield "Who loses what:"
        for loss in plan.losses:
            yield f"  {loss.client_id}: {'; '.join(_lost(loss))}"
    if plan.left:
        yield ""
        yield "Not in the file, and left as they are (--prune removes them):"
        for kind in Kind:
            names = [name for left, name in plan.left if left is kind]
            if names:
                more = len(names) - _NAMED_AS_LEFT
                rest = f" and {more} more" if more > 0 else ""
                yield f"  {kind}: {', '.join(names[:_NAMED_AS_LEFT])}{rest}"
    if plan.changes or plan.left:
        yield ""


def _details(change: Change[Any]) -> Iterator[str]:
    for step in _differences(change):
        new = _text(step["new"])
        if change.action is Action.CREATE:
            yield f"{step['field']}: {new}"
        else:
            yield f"{step['field']}: {_text(step['old'])} → {new}"
    if change.makes_a_secret:
        yield "secret: a new one is made"
    if change.imports is not None:
        yield "secret: the one in its file is taken over"


def _step(change: Change[Any]) -> dict[str, Any]:
    secret = "made" if change.makes_a_secret else "imported" if change.imports else None
    return {
        "action": change.action,
        "kind": change.kind,
        "name": change.name,
        "changes": _differences(change),
        **({"secret": secret} if secret else {}),
    }


def _differences(change: Change[Any]) -> list[dict[str, Any]]:
    keys = _KEYS[change.kind]
    return [
        {
            "field": key,
            "old": None if one.old is None else write(one.old),
            "new": None if one.new is None else write(one.new),
        }
        for one in change.differences()
        for key, write in (keys[one.attribute],)
    ]


def _lost(loss: Loss) -> Iterator[str]:
    if loss.ends:
        yield "everything it holds ends"
    if loss.scope:
        yield f"scope {loss.scope}"
    if loss.audiences:
        yield f"audience {' '.join(sorted(loss.audiences))}"
    if loss.grant_types:
        yield f"grant {' '.join(sorted(loss.grant_types))}"
    if loss.introspect_any:
        yield "introspection of every token"
    if loss.serves:
        yield f"introspection for {' '.join(sorted(loss.serves))}"


def _loss(loss: Loss) -> dict[str, Any]:
    return {
        "client_id": loss.client_id,
        "ends": loss.ends,
        "scope": str(loss.scope),
        "audiences": sorted(loss.audiences),
        "grants": sorted(loss.grant_types),
        "serves": sorted(loss.serves),
        "introspect_any": loss.introspect_any,
    }


def _text(value: object) -> str:
    match value:
        case None | "" | []:
            return "(none)"
        case bool():
            return str(value).lower()
        case list():
            return " ".join(str(one) for one in value)
        case {"keys": list(keys)}:
            return "1 key" if len(keys) == 1 else f"{len(keys)} keys"
        case dict():
            return ", ".join(f"{key}={one}" for key, one in value.items()) or "(none)"
        case _:
            return str(value)
