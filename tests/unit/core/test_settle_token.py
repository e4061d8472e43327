"""What settling remembers, and what makes it settle anew."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.errors import InvalidScope, InvalidTarget, Unavailable
from domain.model.catalogue import Catalogue, CatalogueVersion
from domain.model.clients import Client, GrantType
from domain.model.keys import KeyId, Keyring, KeySchedule, SigningAlgorithm, SigningKey
from domain.model.scopes import Scope
from domain.usecases import settle_token as module
from domain.usecases.settle_token import SettledToken, SettleToken, settle_token
from domain.usecases.token_policy import Ceiling, TokenPolicy
from support.core import POLICY, RESOURCES, SCOPES, draft
from support.domain_samples import DAY, HOUR, INVOICES, MOMENT, NOW

CLIENT = draft(scope=Scope.parse("invoices.read profile"), default_scope=Scope.parse("profile"))


def key(name: str, schedule: KeySchedule) -> SigningKey:
    return SigningKey(
        key_id=KeyId(name), algorithm=SigningAlgorithm.ES256, schedule=schedule, material=b""
    )


CATALOGUE = Catalogue(
    version=CatalogueVersion(1),
    scopes={definition.token: definition for definition in SCOPES},
    resources={resource.resource_id: resource for resource in RESOURCES},
    keyring=Keyring(
        signing=(
            key("first", KeySchedule(activate_at=NOW, retire_at=NOW + DAY)),
            key("second", KeySchedule(activate_at=NOW + DAY)),
        ),
        refresh_macs=(),
        peppers=(),
    ),
)


@pytest.fixture
def worked_out(monkeypatch: pytest.MonkeyPatch) -> list[Client]:
    """The clients for which something was settled, and not remembered."""
    clients: list[Client] = []

    def counted(client: Client, *arguments: Any, **named: Any) -> SettledToken:  # noqa: ANN401  (those of the function)
        clients.append(client)
        return settle_token(client, *arguments, **named)

    monkeypatch.setattr(module, "settle_token", counted)
    return clients


def ask(
    settle: SettleToken,
    client: Client = CLIENT,
    *scope: str,
    resources: tuple[str, ...] = (),
    ceiling: Ceiling | None = None,
    policy: TokenPolicy = POLICY,
    catalogue: Catalogue = CATALOGUE,
    now: datetime = NOW,
) -> SettledToken:
    return settle(
        client,
        ceiling,
        scope=scope or None,
        resources=resources,
        grant_type=GrantType.CLIENT_CREDENTIALS,
        policy=policy,
        catalogue=catalogue,
        now=now,
    )


def test_the_same_request_is_settled_once(worked_out: list[Client]) -> None:
    """As long as no value that it follows from is another."""
    settle = SettleToken()

    first = ask(settle, CLIENT, "invoices.read")

    assert first.scope == Scope.parse("invoices.read")
    assert first.audience.value == (INVOICES,)
    assert ask(settle, CLIENT, "invoices.read", now=NOW + HOUR) is first
    assert worked_out == [CLIENT]


def test_other_requests_are_told_apart() -> None:
    """No scope is not an empty one, and resources are part of the question."""
    settle = SettleToken()

    assert ask(settle).scope == Scope.parse("profile")
    assert ask(settle, CLIENT, "invoices.read").scope == Scope.parse("invoices.read")
    assert ask(settle, resources=(INVOICES,)).audience.value == (INVOICES,)
    assert ask(settle).audience.value == (POLICY.issuer,)


def test_a_changed_client_is_settled_anew() -> None:
    """The very next request: another value is another client, whatever its id."""
    settle = SettleToken()
    ask(settle, CLIENT, "invoices.read")

    with pytest.raises(InvalidScope):
        ask(settle, replace(CLIENT, scope=Scope.parse("profile")), "invoices.read")
    longer = replace(CLIENT, access_token_ttl=timedelta(minutes=5))
    assert ask(settle, longer, "invoices.read").terms.ttl == timedelta(minutes=5)


def test_a_changed_catalogue_is_settled_anew() -> None:
    """A scope or a resource that was disabled is not issued any more."""
    settle = SettleToken()
    ask(settle, CLIENT, "invoices.read", resources=(INVOICES,))
    without = replace(
        CATALOGUE,
        resources={
            name: replace(resource, disabled=name == INVOICES)
            for name, resource in CATALOGUE.resources.items()
        },
    )

    with pytest.raises(InvalidScope):
        ask(settle, CLIENT, "invoices.read", catalogue=without)
    with pytest.raises(InvalidTarget):
        ask(settle, resources=(INVOICES,), catalogue=without)


def test_a_changed_policy_is_settled_anew() -> None:
    settle = SettleToken()
    bare = replace(CLIENT, default_scope=Scope())
    ask(settle, bare)

    with pytest.raises(InvalidScope):
        ask(settle, bare, policy=replace(POLICY, require_scope=True))


def test_a_key_signs_until_the_moment_of_its_successor() -> None:
    """What is remembered names the key, so it is good as long as the keys do the same."""
    settle = SettleToken()

    def signer(now: datetime) -> str:
        signing_key = ask(settle, now=now).terms.signing_key
        assert signing_key is not None
        return signing_key.key_id

    assert [signer(NOW), signer(NOW + DAY - MOMENT), signer(NOW + DAY)] == [
        "first",
        "first",
        "second",
    ]
    assert signer(NOW) == "first"
    with pytest.raises(Unavailable):
        signer(NOW - MOMENT)


def test_a_revoked_key_signs_no_more_at_once() -> None:
    """It goes with a new version of the catalogue."""
    settle = SettleToken()
    ask(settle)
    keyless = replace(CATALOGUE, keyring=Keyring(signing=(), refresh_macs=(), peppers=()))

    with pytest.raises(Unavailable):
        ask(settle, catalogue=keyless)


def test_what_another_grant_gives_is_not_remembered(worked_out: list[Client]) -> None:
    """Its ceiling is its own: neither is it taken for the client's, nor the other way round."""
    settle = SettleToken()
    profile = Scope.parse("profile")
    ceiling = Ceiling(scope=profile, default_scope=profile, audience=(INVOICES,))

    for _ in range(2):
        assert ask(settle).audience.value == (POLICY.issuer,)
        assert ask(settle, ceiling=ceiling).audience.value == (INVOICES,)

    assert len(worked_out) == 3


def test_what_is_remembered_is_bounded(worked_out: list[Client]) -> None:
    """What came first goes first, and a request longer than its answer is not kept at all."""
    settle = SettleToken(remembered=2)
    first, second, third = (draft(name) for name in ("first", "second", "third"))

    for client in (first, second, third, second, third, first):
        ask(settle, client)
    for _ in range(2):
        ask(settle, CLIENT, "profile", "profile")

    assert worked_out == [first, second, third, first, CLIENT, CLIENT]


def test_a_refusal_is_not_remembered(worked_out: list[Client]) -> None:
    """So that nobody fills this with what is not to be had."""
    settle = SettleToken()

    for _ in range(2):
        with pytest.raises(InvalidScope):
            ask(settle, CLIENT, "salaries.read")

    assert len(worked_out) == 2
