"""One token that many callers ask about: its signature is proved once, its standing each time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from adapters.jose.keys import JoseKeyMaker
from adapters.jose.signer import JoseTokenSigner
from adapters.jose.verifier import JoseTokenVerifier
from grantd.v1.token_service_pb2 import IssueTokenRequest, RevokeTokenRequest
from support.grpc_calls import Metadata
from support.grpc_service import Core, Served, core_over_memory, serving
from support.signature_proofs import counted_proofs

EACH = 10


@pytest.fixture
async def core() -> Core:
    """With tokens that are really signed."""
    return await core_over_memory(
        signer=JoseTokenSigner(), verifier=JoseTokenVerifier(), key_maker=JoseKeyMaker()
    )


@pytest.fixture
async def served(core: Core) -> AsyncIterator[Served]:
    async with serving(core.service()) as running:
        yield running


@pytest.fixture
def proofs(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The signatures that are computed, as they are."""
    return counted_proofs(monkeypatch)


async def issued(served: Served, caller: Metadata) -> str:
    request = IssueTokenRequest(grant_type="client_credentials")
    return str((await served.tokens.IssueToken(request, metadata=caller)).access_token)


async def verdicts(served: Served, token: str, *callers: Metadata) -> list[bool]:
    """Have every caller ask several times, all at once."""
    asked = [served.is_active(token, caller) for caller in callers for _ in range(EACH)]
    return await asyncio.gather(*asked)


async def test_a_token_that_many_ask_about_costs_one_signature(
    served: Served, ledger: Metadata, gateway: Metadata, proofs: list[bytes]
) -> None:
    """Whoever asks, at once or later; another token is another signature."""
    token = await issued(served, ledger)

    for _ in range(2):
        assert all(await verdicts(served, token, ledger, gateway))
    assert len(proofs) == 1

    assert all(await verdicts(served, await issued(served, ledger), ledger, gateway))
    assert len(proofs) == 2


async def test_a_revocation_is_seen_by_the_very_next_call_of_every_caller(
    served: Served, ledger: Metadata, gateway: Metadata, proofs: list[bytes]
) -> None:
    """What is remembered is the proof, and how to tell of it, never that a token is active."""
    token, other = await issued(served, ledger), await issued(served, ledger)
    assert all(await verdicts(served, token, ledger, gateway))

    await served.tokens.RevokeToken(RevokeTokenRequest(token=token), metadata=ledger)

    assert not any(await verdicts(served, token, ledger, gateway))
    assert all(await verdicts(served, other, ledger, gateway))
    assert len(proofs) == 2


async def test_a_token_that_expires_is_told_of_no_more(
    served: Served, core: Core, ledger: Metadata, gateway: Metadata
) -> None:
    """Though the reply about it is remembered."""
    token = await issued(served, ledger)
    assert all(await verdicts(served, token, ledger, gateway))

    core.clock.advance(timedelta(hours=2))

    assert not any(await verdicts(served, token, ledger, gateway))


async def test_who_may_not_see_a_token_is_not_told_what_others_were(
    served: Served, core: Core, ledger: Metadata
) -> None:
    """RFC 7662 §4, in front of the same remembered reply."""
    token = await issued(served, ledger)
    assert all(await verdicts(served, token, ledger))

    assert not any(await verdicts(served, token, core.basic("stranger")))
