from collections.abc import Awaitable, Callable

import jwt
import pytest

from adapters.http.accept import asks_for
from domain.model.identifiers import Owner
from domain.model.introspection import INACTIVE, Introspection
from domain.model.keys import SigningAlgorithm
from domain.usecases.introspect_token import IntrospectionRequest
from support.domain_samples import ISSUER, NOW
from support.http_surface import HttpSurface, http_surface, ledger_with, refreshing_ledger

SIGNED = "application/token-introspection+jwt"
INACTIVE_BODY = b'{"active":false}'


async def test_INT_001_an_access_token_is_described(surface: HttpSurface) -> None:
    """With every member that RFC 7662 §2.2 has for it."""
    auth = await surface.register(ledger_with(owner=Owner("mira")))
    token = (await surface.access_token(auth))["access_token"]

    answer = await surface.http.post("/introspect", auth=auth, data={"token": token})

    body = answer.json()
    jti = body.pop("jti")
    assert jti
    assert body == {
        "active": True,
        "scope": "invoices.read",
        "client_id": "ledger",
        "token_type": "Bearer",
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 3_600,
        "sub": "ledger",
        "aud": ISSUER,
        "iss": ISSUER,
        "owner": "mira",
    }
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"


async def test_INT_004_what_was_told_of_a_token_is_not_told_once_it_is_revoked(
    surface: HttpSurface, ledger: tuple[str, str]
) -> None:
    """How an answer is written is remembered, and never that it is the answer."""
    token = (await surface.access_token(ledger))["access_token"]
    told = [
        (await surface.http.post("/introspect", auth=ledger, data={"token": token})).content
        for _ in range(2)
    ]

    await surface.http.post("/revoke", auth=ledger, data={"token": token})

    answer = await surface.http.post("/introspect", auth=ledger, data={"token": token})
    assert told[0] == told[1] != INACTIVE_BODY
    assert answer.content == INACTIVE_BODY


async def test_two_tokens_that_differ_in_one_claim_are_told_apart(
    surface: HttpSurface, ledger: tuple[str, str]
) -> None:
    """Each by what it claims itself."""
    answers = []
    for _ in range(2):
        token = (await surface.access_token(ledger))["access_token"]
        answers.append(await surface.http.post("/introspect", auth=ledger, data={"token": token}))

    first, second = (answer.json() for answer in answers)
    assert first.pop("jti") != second.pop("jti")
    assert first == second


async def test_INT_014_a_refresh_token_is_described_without_a_token_type(
    surface: HttpSurface,
) -> None:
    """REF-013: nobody shall take it for a Bearer token."""
    auth = await surface.register(refreshing_ledger())
    token = (await surface.access_token(auth))["refresh_token"]

    answer = await surface.http.post("/introspect", auth=auth, data={"token": token})

    body = answer.json()
    assert body["active"] is True
    assert body.keys() == {"active", "scope", "client_id", "exp", "iat", "iss", "aud"}


@pytest.mark.parametrize(
    "token", ["unknown", "x" * 3_000, "ä", "a.b.c", "eyJhbGciOiJub25lIn0.e30."]
)
async def test_INT_004_any_other_token_is_inactive_and_nothing_else(
    surface: HttpSurface, ledger: tuple[str, str], token: str
) -> None:
    """Why is nobody's business."""
    answer = await surface.http.post("/introspect", auth=ledger, data={"token": token})

    assert (answer.status_code, answer.content) == (200, INACTIVE_BODY)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "pigeon", ""])
async def test_INT_009_a_hint_changes_nothing(
    surface: HttpSurface, ledger: tuple[str, str], hint: str
) -> None:
    """Right, wrong, unknown or empty."""
    token = (await surface.access_token(ledger))["access_token"]

    answer = await surface.http.post(
        "/introspect", auth=ledger, data={"token": token, "token_type_hint": hint}
    )

    assert answer.json()["active"] is True


@pytest.mark.parametrize("data", [{}, {"token": ""}, {"token": ["a", "a"]}])
async def test_INT_008_a_token_has_to_be_named_once(
    surface: HttpSurface, ledger: tuple[str, str], data: dict[str, str]
) -> None:
    """RFC 7662 §2.1."""
    answer = await surface.http.post(
        "/introspect", auth=ledger, data={"token_type_hint": "x"} | data
    )

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_INT_005_a_caller_has_to_authenticate(surface: HttpSurface) -> None:
    """RFC 7662 §2.3."""
    answer = await surface.http.post("/introspect", data={"token": "x"})

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert "active" not in answer.json()


async def test_INT_010_a_token_in_the_query_is_refused(
    surface: HttpSurface, ledger: tuple[str, str]
) -> None:
    """URLs end up in logs."""
    answer = await surface.http.post("/introspect?token=x", auth=ledger, data={"token": "x"})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_token_reaches_the_core_as_it_was_sent() -> None:
    """The edge neither trims nor judges it."""
    seen: list[IntrospectionRequest] = []

    async def remember(request: IntrospectionRequest) -> Introspection:
        seen.append(request)
        return INACTIVE

    stand_in: Callable[[IntrospectionRequest], Awaitable[Introspection]] = remember
    async with http_surface(instead=stand_in) as surface:
        await surface.http.post("/introspect", auth=("a", "b"), data={"token": " a+b "})

    assert [request.token for request in seen] == [" a+b "]


class TestSigned:
    """RFC 9701."""

    @pytest.mark.parametrize("algorithm", [SigningAlgorithm.RS256, SigningAlgorithm.ES256])
    async def test_INT_017_an_answer_is_signed_for_who_asks_for_that(
        self, surface: HttpSurface, algorithm: SigningAlgorithm
    ) -> None:
        """It verifies with the published keys, by the algorithm that the caller registered."""
        auth = await surface.register(ledger_with(introspection_signed_response_alg=algorithm))
        token = (await surface.access_token(auth))["access_token"]
        plain = await surface.http.post("/introspect", auth=auth, data={"token": token})

        answer = await surface.http.post(
            "/introspect", auth=auth, data={"token": token}, headers={"Accept": SIGNED}
        )

        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == SIGNED
        assert answer.headers["Cache-Control"] == "no-store"
        header = jwt.get_unverified_header(answer.text)
        assert (header["typ"], header["alg"]) == ("token-introspection+jwt", algorithm)
        keys = jwt.PyJWKSet.from_dict((await surface.http.get("/.well-known/jwks.json")).json())
        claims = jwt.decode(
            answer.text, keys[header["kid"]], algorithms=[algorithm], audience="ledger"
        )
        assert claims == {
            "iss": ISSUER,
            "aud": "ledger",
            "iat": int(NOW.timestamp()),
            "token_introspection": plain.json(),
        }

    async def test_INT_018_a_bad_token_is_inactive_and_nothing_else(
        self, surface: HttpSurface, ledger: tuple[str, str]
    ) -> None:
        """Inside as outside."""
        answer = await surface.http.post(
            "/introspect", auth=ledger, data={"token": "unknown"}, headers={"Accept": SIGNED}
        )

        claims = jwt.decode(answer.text, options={"verify_signature": False})
        assert claims["token_introspection"] == {"active": False}
        assert claims.keys() == {"iss", "aud", "iat", "token_introspection"}

    async def test_a_refusal_is_never_signed(self, surface: HttpSurface) -> None:
        """RFC 6749 §5.2 knows JSON only."""
        answer = await surface.http.post(
            "/introspect", auth=("ledger", "x"), data={"token": "x"}, headers={"Accept": SIGNED}
        )

        assert answer.status_code == 401
        assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"

    @pytest.mark.parametrize(
        ("accept", "signed"),
        [
            ([SIGNED], True),
            ([SIGNED.upper()], True),
            ([f"{SIGNED}, application/json"], True),
            ([f"application/json;q=0.5, {SIGNED};q=0.5"], True),
            ([f"application/json;q=0.4, {SIGNED};q=0.5"], True),
            ([f"{SIGNED};q=0.9, application/*;q=0.8, */*;q=0.1"], True),
            ([f"{SIGNED};q=0.5, application/json;q=0.1, */*"], True),
            (["text/html", SIGNED], True),
            ([f"{SIGNED} ; charset=x ; q=1.000"], True),
            ([f"{SIGNED};q=0.4, application/json;q=0.5"], False),
            ([f"{SIGNED};q=0.5, application/json"], False),
            ([f"{SIGNED};q=0.5, */*"], False),
            ([f"{SIGNED};q=0"], False),
            ([f"{SIGNED};q=0.000, application/json;q=0"], False),
            ([f"{SIGNED};q=2"], False),
            ([f"{SIGNED};q="], False),
            ([f"{SIGNED}x"], False),
            (["*/*"], False),
            (["application/*"], False),
            (["application/jwt"], False),
            ([""], False),
            ([",;=,;;q,"], False),
            ([], False),
        ],
    )
    def test_it_is_signed_if_accept_says_so(self, accept: list[str], *, signed: bool) -> None:
        """By name, and not less gladly than JSON (RFC 9110 §12.5.1)."""
        values = [value.encode() for value in accept]

        assert asks_for(values, SIGNED, over="application/json") is signed
