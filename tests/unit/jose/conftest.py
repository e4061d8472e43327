from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from adapters.jose.keys import JoseKeyMaker
from domain.model.identifiers import ClientId, Epoch, ResourceId, TokenId
from domain.model.keys import SigningAlgorithm, SigningKey
from domain.model.scopes import Scope
from domain.model.tokens import AccessTokenClaims

ISSUED_AT = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def keys() -> Mapping[SigningAlgorithm, SigningKey]:
    maker = JoseKeyMaker()
    return {one: maker.make(one, activate_at=ISSUED_AT) for one in SigningAlgorithm}


@pytest.fixture(params=list(SigningAlgorithm))
def key(request: pytest.FixtureRequest, keys: Mapping[SigningAlgorithm, SigningKey]) -> SigningKey:
    return keys[request.param]


@pytest.fixture(scope="session")
def es256(keys: Mapping[SigningAlgorithm, SigningKey]) -> SigningKey:
    return keys[SigningAlgorithm.ES256]


@pytest.fixture(scope="session")
def claims() -> AccessTokenClaims:
    return AccessTokenClaims(
        issuer="https://issuer.example",
        subject=ClientId("billing"),
        audience=(ResourceId("https://api.example"),),
        client_id=ClientId("billing"),
        scope=Scope.parse("read write"),
        issued_at=ISSUED_AT,
        expires_at=ISSUED_AT + timedelta(hours=1),
        token_id=TokenId("0ab" + "j" * 22),
        epoch=Epoch("an-epoch"),
    )
