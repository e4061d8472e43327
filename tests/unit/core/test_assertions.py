"""What a proved assertion has to say (RFC 7523 §3 as RFC 10070 §4 updates it)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.errors import InvalidClient
from domain.model.assertions import AssertionClaims, require_acceptable
from domain.model.identifiers import ClientId
from support.domain_samples import ISSUER, LEDGER, MOMENT, NOW, PAYROLL, SECOND

MINUTE = timedelta(minutes=1)
GOOD = AssertionClaims(
    issuer=LEDGER,
    subject=LEDGER,
    audience=(ISSUER,),
    jti="assertion-1",
    expires_at=NOW + 5 * MINUTE,
)


def is_acceptable(*, audiences: tuple[str, ...] = (ISSUER,), **changes: Any) -> bool:  # noqa: ANN401  (as `replace` takes them)
    try:
        require_acceptable(replace(GOOD, **changes), client_id=LEDGER, audiences=audiences, now=NOW)
    except InvalidClient:
        return False
    return True


def test_JWA_001_the_issuer_alone_is_the_audience() -> None:
    """As a string or as an array of one, which are the same here."""
    assert is_acceptable()


@pytest.mark.parametrize(
    "audience",
    [
        (),
        ("",),
        (f"{ISSUER}/access_token",),
        (ISSUER, f"{ISSUER}/access_token"),
        (f"{ISSUER}/access_token", ISSUER),
        (ISSUER, "https://other.example"),
        (ISSUER, ISSUER),
        ("https://other.example",),
        (f"{ISSUER}/",),
        (ISSUER.upper(),),
        (f"{ISSUER}:443",),
        (ISSUER[:-1],),
        (f"{ISSUER}.evil",),
    ],
)
def test_JWA_002_003_004_any_other_audience_is_refused(audience: tuple[str, ...]) -> None:
    """Compared as strings, and several are never this server alone."""
    assert not is_acceptable(audience=audience)


def test_JWA_002_a_client_may_be_excused_to_name_the_token_endpoint() -> None:
    """It is still one audience and not two."""
    endpoint = f"{ISSUER}/access_token"
    excused = (ISSUER, endpoint)

    assert is_acceptable(audiences=excused)
    assert is_acceptable(audiences=excused, audience=(endpoint,))
    assert not is_acceptable(audiences=excused, audience=(ISSUER, endpoint))


@pytest.mark.parametrize("member", ["issuer", "subject"])
@pytest.mark.parametrize("other", ["", PAYROLL, "Ledger"])
def test_JWA_005_issuer_and_subject_are_the_client(member: str, other: str) -> None:
    """Both of them."""
    assert not is_acceptable(**{member: other})


def test_JWA_005_two_that_agree_on_another_client_are_refused() -> None:
    """They agree with each other, and not with who was found."""
    assert not is_acceptable(issuer=PAYROLL, subject=ClientId(PAYROLL))


@pytest.mark.parametrize(
    ("expires_in", "acceptable"),
    [
        (-5 * MINUTE, False),
        (-30 * SECOND, False),
        (-30 * SECOND + MOMENT, True),
        (10 * MINUTE, True),
        (10 * MINUTE + 30 * SECOND, True),
        (10 * MINUTE + 31 * SECOND, False),
        (timedelta(days=30), False),
    ],
)
def test_JWA_007_008_an_assertion_lives_shortly(expires_in: timedelta, *, acceptable: bool) -> None:
    """Else the memory of spent ones would grow without bound."""
    assert is_acceptable(expires_at=NOW + expires_in) is acceptable


@pytest.mark.parametrize("member", ["issued_at", "not_before"])
@pytest.mark.parametrize(
    ("ahead", "acceptable"),
    [
        (-10 * MINUTE, True),
        (5 * SECOND, True),
        (30 * SECOND, True),
        (31 * SECOND, False),
        (10 * MINUTE, False),
    ],
)
def test_JWA_009_010_clocks_may_differ_by_so_much(
    member: str, ahead: timedelta, *, acceptable: bool
) -> None:
    """FAPI 2.0 §5.3.2.1: ten seconds at least, sixty at most."""
    assert is_acceptable(**{member: NOW + ahead}) is acceptable


def test_JWA_012_an_assertion_has_an_id() -> None:
    assert not is_acceptable(jti="")


def test_JWA_011_an_assertion_is_remembered_by_issuer_and_jti_for_as_long_as_it_is_taken() -> None:
    """No other member makes it another one, and no two clients share one."""
    assert GOOD.assertion_id == replace(GOOD, audience=(), expires_at=NOW).assertion_id
    assert GOOD.assertion_id != replace(GOOD, jti="assertion-2").assertion_id
    assert GOOD.assertion_id != replace(GOOD, issuer=PAYROLL).assertion_id
    gone = GOOD.remembered_until
    with pytest.raises(InvalidClient):
        require_acceptable(GOOD, client_id=LEDGER, audiences=(ISSUER,), now=gone)
