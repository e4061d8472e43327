"""Who a request comes from, as whoever tells of requests hears it."""

from contextlib import suppress
from dataclasses import replace

import pytest

from adapters.request_record import RequestRecord, begin_record
from domain.errors import GrantdError
from domain.model.credentials import AuthMethod, ClientSecret, Presented, PresentedCredentials
from support.authentication import plain_assertion
from support.core import HandWiredCore, build_core, draft, public
from support.domain_samples import LEDGER

KEYS = "the keys of the ledger"


@pytest.fixture
async def core() -> HandWiredCore:
    return await build_core()


async def heard(core: HandWiredCore, presented: Presented) -> tuple[str, str]:
    """Ask for a token; return who was claimed to ask, and who was proved to."""
    record = begin_record(RequestRecord("r-1", "http", "POST", "192.0.2.1"))
    with suppress(GrantdError):
        await core.issue(presented)  # type: ignore[arg-type]  # any credentials will do
    return record.claimed, record.client_id


async def test_a_secret_proves_its_client(core: HandWiredCore) -> None:
    right = await core.register(draft())
    wrong = replace(right, secret=ClientSecret("guess"))

    assert await heard(core, right) == (LEDGER, LEDGER)
    assert await heard(core, wrong) == (LEDGER, "")


async def test_an_assertion_names_its_client_before_it_proves_it(core: HandWiredCore) -> None:
    """Nothing else of such a request need name it."""
    by_key = {"auth_methods": frozenset({AuthMethod.PRIVATE_KEY_JWT}), "jwks": KEYS}
    await core.stores.clients.add(replace(draft(), secrets=(), **by_key))

    assert await heard(core, plain_assertion(signer=KEYS)) == (LEDGER, LEDGER)
    assert await heard(core, plain_assertion(signer="others")) == (LEDGER, "")


async def test_a_public_client_is_never_proved(core: HandWiredCore) -> None:
    """Anybody knows its id."""
    anybody = await core.register(public())

    claimed, proved = await heard(core, anybody)
    assert (claimed, proved) == (anybody.client_id, "")


async def test_a_client_that_is_refused_for_something_else_is_proved(core: HandWiredCore) -> None:
    client = await core.register(draft())
    record = begin_record(RequestRecord("r-1", "http", "POST", "192.0.2.1"))

    with pytest.raises(GrantdError):
        await core.issue(client, scope="no.such")

    assert record.client_id == LEDGER


def nobody() -> PresentedCredentials:
    return PresentedCredentials(LEDGER, AuthMethod.NONE)


async def test_a_name_alone_proves_nothing(core: HandWiredCore) -> None:
    await core.register(draft())

    assert await heard(core, nobody()) == (LEDGER, "")
