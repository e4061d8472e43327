from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.errors import InvalidClient, InvalidRequest
from domain.model.assertions import AssertionAlgorithm, AssertionClaims
from domain.model.clients import Client
from domain.model.credentials import (
    AuthMethod,
    PresentedAssertion,
    RegisteredSecret,
    SecretHash,
    SecretId,
    sealed_key_id,
)
from domain.model.events import EventKind
from domain.model.identifiers import ClientId
from domain.model.keys import KeyPurpose
from domain.model.usage import UseKind
from support.authentication import plain_assertion
from support.core import ORIGIN, HandWiredCore, build_core
from support.domain_samples import HOUR, ISSUER, LEDGER, NOW, PAYROLL, SECOND, client

SHARED = "a secret of at least thirty-two bytes"
KEYS = "the keys of the ledger"


def claims(client_id: ClientId = LEDGER, **changes: Any) -> AssertionClaims:  # noqa: ANN401  (as `replace` takes them)
    good = AssertionClaims(
        issuer=client_id,
        subject=client_id,
        audience=(ISSUER,),
        jti="assertion-1",
        expires_at=NOW + timedelta(minutes=5),
    )
    return replace(good, **changes)


def by_key(client_id: ClientId = LEDGER, **changes: Any) -> Client:  # noqa: ANN401  (likewise)
    """Return a client that signs with a key of its own."""
    registered = replace(
        client(client_id),
        auth_methods=frozenset({AuthMethod.PRIVATE_KEY_JWT}),
        secrets=(),
        jwks=KEYS,
    )
    return replace(registered, **changes)


def kept_secret(core: HandWiredCore, text: str = SHARED, number: int = 1) -> RegisteredSecret:
    secret_id = SecretId(f"{number:08x}")
    return RegisteredSecret(
        secret_id=secret_id,
        hash=SecretHash("unused"),
        created_at=NOW,
        sealed=core.envelope.seal(
            text.encode(),
            purpose=KeyPurpose.CLIENT_SECRET,
            key_id=sealed_key_id(LEDGER, secret_id),
        ),
    )


def by_secret(*secrets: RegisteredSecret) -> Client:
    """Return a client that signs with its secrets."""
    return replace(
        client(), auth_methods=frozenset({AuthMethod.CLIENT_SECRET_JWT}), secrets=secrets
    )


@pytest.fixture
async def core() -> HandWiredCore:
    return await build_core()


@pytest.fixture
async def ledger(core: HandWiredCore) -> Client:
    registered = by_key()
    await core.stores.clients.add(registered)
    return registered


async def authenticate(
    core: HandWiredCore, presented: PresentedAssertion, *, now: datetime = NOW
) -> ClientId:
    authentication = core.authenticate_client.begin(presented, ORIGIN, now=now)
    keyring = (await core.catalogue.read()).keyring
    return (await core.authenticate_client.prove(authentication, keyring)).client_id


async def require_refusal(core: HandWiredCore, presented: PresentedAssertion) -> None:
    with pytest.raises(InvalidClient) as refusal:
        await authenticate(core, presented)

    assert refusal.value.hint == ""  # JWA-027


class TestPrivateKeyJwt:
    async def test_JWA_001_a_client_is_proved_by_its_key(
        self, core: HandWiredCore, ledger: Client
    ) -> None:
        """And the keys were asked for by the key id of the header."""
        presented = plain_assertion(signer=KEYS, claims=claims(), key_id="k")

        assert await authenticate(core, presented) == LEDGER
        assert core.client_keys.asked == ["k"]

    async def test_JWA_016_another_key_proves_nobody(
        self, core: HandWiredCore, ledger: Client
    ) -> None:
        await require_refusal(core, plain_assertion(signer="other keys", claims=claims()))

    async def test_JWA_006_the_parameter_may_repeat_the_client_but_not_name_another(
        self, core: HandWiredCore, ledger: Client
    ) -> None:
        """Two clients in one request are a malformed request, and spend no assertion."""
        presented = plain_assertion(signer=KEYS, claims=claims())

        with pytest.raises(InvalidRequest):
            await authenticate(core, replace(presented, client_id=PAYROLL))
        assert await authenticate(core, replace(presented, client_id=LEDGER)) == LEDGER

    async def test_JWA_015_the_registered_algorithm_is_the_only_one(
        self, core: HandWiredCore
    ) -> None:
        """`token_endpoint_auth_signing_alg`, if it is registered."""
        await core.stores.clients.add(by_key(assertion_algorithm=AssertionAlgorithm.RS256))

        es256, rs256 = (
            plain_assertion(signer=KEYS, claims=claims(), algorithm=algorithm)
            for algorithm in (AssertionAlgorithm.ES256, AssertionAlgorithm.RS256)
        )
        await require_refusal(core, es256)
        assert await authenticate(core, rs256) == LEDGER

    @pytest.mark.parametrize(
        "changes",
        [
            {"audience": (f"{ISSUER}/access_token",)},
            {"audience": (ISSUER, "https://other.example")},
            {"issuer": PAYROLL},
            {"expires_at": NOW - HOUR},
            {"expires_at": NOW + HOUR},
        ],
    )
    async def test_an_assertion_that_is_not_acceptable_proves_nobody(
        self, core: HandWiredCore, ledger: Client, changes: dict[str, Any]
    ) -> None:
        """However well it is signed."""
        await require_refusal(core, plain_assertion(signer=KEYS, claims=claims(**changes)))

    async def test_JWA_002_a_client_may_be_excused_to_name_the_token_endpoint(
        self, core: HandWiredCore
    ) -> None:
        await core.stores.clients.add(by_key(accept_token_endpoint_audience=True))
        old_fashioned = claims(audience=(f"{ISSUER}/access_token",))

        presented = plain_assertion(signer=KEYS, claims=old_fashioned)

        assert await authenticate(core, presented) == LEDGER

    async def test_JWA_025_a_client_registered_for_secrets_is_not_proved_by_a_key(
        self, core: HandWiredCore
    ) -> None:
        await core.stores.clients.add(replace(client(), jwks=KEYS))

        await require_refusal(core, plain_assertion(signer=KEYS, claims=claims()))

    async def test_a_disabled_client_is_not_proved(self, core: HandWiredCore) -> None:
        await core.stores.clients.add(by_key(disabled=True))

        await require_refusal(core, plain_assertion(signer=KEYS, claims=claims()))

    async def test_an_unknown_client_is_not_proved(self, core: HandWiredCore) -> None:
        await require_refusal(core, plain_assertion(signer=KEYS, claims=claims()))

    @pytest.mark.parametrize("text", ["", "a.b.c", "{}", '{"alg": "none", "sub": "ledger"}'])
    async def test_JWA_013_020_what_is_no_assertion_proves_nobody(
        self, core: HandWiredCore, ledger: Client, text: str
    ) -> None:
        await require_refusal(core, PresentedAssertion(text))


class TestReplay:
    async def test_JWA_011_an_assertion_is_good_once(
        self, core: HandWiredCore, ledger: Client
    ) -> None:
        """A new signature over the same id is the same assertion."""
        await authenticate(core, plain_assertion(signer=KEYS, claims=claims(), key_id="a"))

        await require_refusal(core, plain_assertion(signer=KEYS, claims=claims(), key_id="b"))
        assert await authenticate(
            core, plain_assertion(signer=KEYS, claims=claims(jti="assertion-2"))
        )

    async def test_JWA_011_another_client_may_have_used_the_same_id(
        self, core: HandWiredCore, ledger: Client
    ) -> None:
        await core.stores.clients.add(by_key(PAYROLL))
        await authenticate(core, plain_assertion(signer=KEYS, claims=claims()))

        presented = plain_assertion(signer=KEYS, claims=claims(PAYROLL))

        assert await authenticate(core, presented) == PAYROLL

    async def test_JWA_011_it_is_remembered_for_as_long_as_it_would_be_taken(
        self, core: HandWiredCore, ledger: Client
    ) -> None:
        """To its last moment, the tolerated difference of clocks included."""
        short = claims(expires_at=NOW + SECOND)
        presented = plain_assertion(signer=KEYS, claims=short)
        await authenticate(core, presented)

        for later in (timedelta(), SECOND, 30 * SECOND, 31 * SECOND, HOUR):
            with pytest.raises(InvalidClient):
                await authenticate(core, presented, now=NOW + later)

    async def test_a_forged_assertion_spends_nothing(
        self, core: HandWiredCore, ledger: Client
    ) -> None:
        """Else anybody could spend a client's next one for it."""
        await require_refusal(core, plain_assertion(signer="forger", claims=claims()))

        assert await authenticate(core, plain_assertion(signer=KEYS, claims=claims())) == LEDGER


class TestClientSecretJwt:
    @staticmethod
    def signed_by(secret: str) -> PresentedAssertion:
        return plain_assertion(signer=secret, claims=claims(), algorithm=AssertionAlgorithm.HS256)

    async def test_JWA_001_a_client_is_proved_by_a_secret_that_was_kept(
        self, core: HandWiredCore
    ) -> None:
        """Any of them, and no keys are asked for."""
        first, second = kept_secret(core, "another", 2), kept_secret(core)
        await core.stores.clients.add(by_secret(first, second))

        assert await authenticate(core, self.signed_by(SHARED)) == LEDGER
        assert core.client_keys.asked == []

    async def test_the_secret_that_signed_is_the_one_that_was_used(
        self, core: HandWiredCore
    ) -> None:
        """And with a newer one beside it, that is told."""
        await core.stores.clients.add(by_secret(kept_secret(core), kept_secret(core, "newer", 2)))

        await authenticate(core, self.signed_by(SHARED))

        uses = await core.stores.usage.of(LEDGER, now=NOW)
        assert {(use.kind, use.name) for use in uses} == {
            (UseKind.CLIENT, ""),
            (UseKind.SECRET, "00000001"),
        }
        [told] = core.audit.events
        assert (told.kind, told.subject) == (EventKind.SECRET_USED, "00000001")

    async def test_another_secret_proves_nobody(self, core: HandWiredCore) -> None:
        await core.stores.clients.add(by_secret(kept_secret(core)))

        await require_refusal(core, self.signed_by("another"))

    async def test_a_secret_that_has_expired_proves_nobody(self, core: HandWiredCore) -> None:
        await core.stores.clients.add(by_secret(replace(kept_secret(core), expires_at=NOW)))

        await require_refusal(core, self.signed_by(SHARED))

    async def test_a_secret_that_was_not_kept_proves_nobody(self, core: HandWiredCore) -> None:
        await core.stores.clients.add(by_secret(replace(kept_secret(core), sealed=None)))

        await require_refusal(core, self.signed_by(SHARED))

    async def test_JWA_014_025_a_client_with_keys_is_not_proved_by_a_shared_secret(
        self, core: HandWiredCore, ledger: Client
    ) -> None:
        """Its public keys, say, taken for one."""
        await require_refusal(core, self.signed_by(KEYS))
