import json

import pytest

from domain.usecases.plan_state import Plan
from entrypoints.cli.plan_text import show_plan
from support.core import build_core
from support.states import desired

JWKS = json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}]})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "policy: {grant_access_token_ttl: {refresh_token: 10m}}",
            "grant_access_token_ttl: (none) → refresh_token=10m",
        ),
        (
            f"clients: [{{id: a, auth_methods: [private_key_jwt], jwks: {JWKS}}}]",
            "jwks: 1 key",
        ),
        ("clients: [{id: a, public: true, grants: []}]", "grants: (none)"),
    ],
)
async def test_a_plan_shows_what_a_field_holds(
    text: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever reads it sees what there will be, of keys how many."""
    core = await build_core()
    plan = await core.apply_state.plan(desired(text), prune=False)
    assert isinstance(plan, Plan)

    show_plan(plan)

    assert f"    {shown}\n" in capsys.readouterr().out
