"""A client that is excused from form-encoding its secret in HTTP Basic, and everybody else."""

from dataclasses import replace

import pytest

from domain.errors import InvalidClient
from domain.model.clients import Client
from domain.model.credentials import AuthMethod, ClientSecret, PresentedCredentials
from domain.model.identifiers import ClientId
from support.core import ORIGIN, HandWiredCore, build_core, draft
from support.domain_samples import LEDGER, NOW, PAYROLL

SECRET = "50%+1"


def sent(
    raw: str | None, decoded: str | None = None, *, client_id: ClientId = LEDGER
) -> PresentedCredentials:
    """Return what an edge makes of HTTP Basic."""
    return PresentedCredentials(
        client_id,
        AuthMethod.CLIENT_SECRET_BASIC,
        secret=ClientSecret(decoded) if decoded is not None else None,
        raw_secret=ClientSecret(raw) if raw is not None else None,
    )


@pytest.fixture
async def core() -> HandWiredCore:
    """LEDGER is excused, PAYROLL is not; both have one secret."""
    core = await build_core()
    await core.register(draft(accept_raw_basic_credentials=True), imported_secret=SECRET)
    await core.register(draft(PAYROLL), imported_secret=SECRET)
    return core


async def authenticate(core: HandWiredCore, presented: PresentedCredentials) -> Client:
    keyring = (await core.catalogue.read()).keyring
    pending = core.authenticate_client.begin(presented, ORIGIN, now=NOW)
    return await core.authenticate_client.prove(pending, keyring)


async def test_a_secret_that_does_not_decode_is_taken_as_it_stands(core: HandWiredCore) -> None:
    assert (await authenticate(core, sent(SECRET))).client_id == LEDGER


async def test_a_secret_that_decodes_to_another_is_taken_as_it_stands(
    core: HandWiredCore,
) -> None:
    """`a+b` decodes, but to what the client did not mean."""
    await core.register(draft("forms", accept_raw_basic_credentials=True), imported_secret="a+b")

    presented = sent("a+b", "a b", client_id=ClientId("forms"))

    assert (await authenticate(core, presented)).client_id == "forms"


async def test_the_excused_client_may_form_encode_all_the_same(core: HandWiredCore) -> None:
    """So that its library can be put right before the switch goes."""
    assert (await authenticate(core, sent("50%25%2B1", SECRET))).client_id == LEDGER


async def test_nobody_else_is_excused(core: HandWiredCore) -> None:
    with pytest.raises(InvalidClient) as refusal:
        await authenticate(core, sent(SECRET, client_id=PAYROLL))

    assert refusal.value.detail == "malformed Basic credentials"


@pytest.mark.parametrize("presented", [sent("%"), sent("a+b", "a b")], ids=["broken", "decodable"])
async def test_a_wrong_secret_stays_wrong_in_both_readings(
    core: HandWiredCore, presented: PresentedCredentials
) -> None:
    with pytest.raises(InvalidClient) as refusal:
        await authenticate(core, presented)

    assert refusal.value.detail == "wrong secret"


async def test_what_does_not_decode_costs_one_comparison_for_everybody_else(
    core: HandWiredCore,
) -> None:
    """Unknown or not, so that time does not tell who there is."""
    core.hasher.compared.clear()

    for name in (PAYROLL, ClientId("unknown")):
        with pytest.raises(InvalidClient):
            await authenticate(core, sent("%", client_id=name))

    assert core.hasher.compared == [None, None]


async def test_the_hash_that_replaces_a_slow_one_is_of_the_secret_as_it_was_meant(
    core: HandWiredCore,
) -> None:
    await authenticate(core, sent(SECRET))
    await authenticate(core, sent(SECRET))

    [kept] = (await core.administer_clients.show(LEDGER)).secrets
    assert core.hasher.pepper_of(kept.hash) is not None
    assert core.hasher.compared[-1] == kept.hash


async def test_the_switch_is_off_for_who_is_registered_here(core: HandWiredCore) -> None:
    client = await core.administer_clients.show(PAYROLL)

    assert client.accept_raw_basic_credentials is False
    updated = await core.administer_clients.update(PAYROLL, {"accept_raw_basic_credentials": True})
    assert updated.client == replace(
        client, accept_raw_basic_credentials=True, version=client.version + 1
    )
