"""CLA-001 to CLA-016 and JWA-021, as far as they are a matter of reading."""

from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.http import client_auth, forms
from domain.errors import InvalidClient, InvalidRequest
from domain.model.assertions import ASSERTION_TYPE
from domain.model.credentials import (
    AuthMethod,
    Presented,
    PresentedAssertion,
    PresentedCredentials,
)
from support.http_requests import http_request

text = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


def basic(client_id: str, secret: str, scheme: str = "Basic") -> str:
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"{scheme} {b64encode(pair.encode()).decode()}"


def read_any(
    *authorization: str, form: Mapping[str, str] = MappingProxyType({}), allow_body: bool = True
) -> Presented:
    headers = [("Authorization", value) for value in authorization]
    return client_auth.read(
        http_request(*headers),
        forms.parse(urlencode(form).encode()),
        allow_body=allow_body,
    )


def read(
    *authorization: str, form: Mapping[str, str] = MappingProxyType({}), allow_body: bool = True
) -> PresentedCredentials:
    presented = read_any(*authorization, form=form, allow_body=allow_body)
    assert isinstance(presented, PresentedCredentials)
    return presented


def shown(presented: PresentedCredentials) -> tuple[str, AuthMethod, str | None]:
    secret = presented.secret.reveal() if presented.secret is not None else None
    return presented.client_id, presented.method, secret


class TestBasic:
    @given(text, text)
    def test_gives_back_what_was_form_encoded(self, client_id: str, secret: str) -> None:
        """CLA-002: both halves are form-encoded, whatever they hold."""
        presented = read(basic(client_id, secret))

        assert (client_id, AuthMethod.CLIENT_SECRET_BASIC, secret) == shown(presented)

    @given(st.text(st.characters(max_codepoint=255), max_size=60))
    def test_of_any_header_raises_nothing_but_refusals(self, value: str) -> None:
        """CLA-005: garbage is refused, never an exception of another kind."""
        for header in (value, f"Basic {value}", f"Basic {b64encode(value.encode()).decode()}"):
            with suppress(InvalidClient):
                read(header)

    @pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
    def test_is_named_in_any_case(self, scheme: str) -> None:
        """CLA-001."""
        assert read(basic("ledger", "s", scheme)).client_id == "ledger"

    def test_splits_at_the_first_colon_before_it_decodes(self) -> None:
        """A colon of the id is encoded, one of the secret need not be."""
        header = "Basic " + b64encode(b"a%3Ab:c:d").decode()

        assert shown(read(header)) == ("a:b", AuthMethod.CLIENT_SECRET_BASIC, "c:d")

    @pytest.mark.parametrize(
        "header",
        [
            "Basic",
            "Basic ",
            "Basic !!!!",
            *(
                "Basic " + b64encode(pair).decode()
                for pair in (b"", b":", b":secret", b"no colon", b"a+:%zz", b"a%:b", b"\xff:b")
            ),
        ],
    )
    def test_that_does_not_decode_is_refused(self, header: str) -> None:
        """CLA-005: like any failed authentication."""
        with pytest.raises(InvalidClient):
            read(header)

    @pytest.mark.parametrize("scheme", ["Bearer", "Digest", "Negotiate", "DPoP", "Basics", ""])
    def test_is_the_only_scheme(self, scheme: str) -> None:
        """CLA-006: another scheme does not fall through to a public client."""
        with pytest.raises(InvalidClient):
            read(f"{scheme} YTpi", form={"client_id": "ledger"})

    def test_goes_with_an_equal_client_id(self) -> None:
        """CLA-009."""
        assert read(basic("ledger", "s"), form={"client_id": "ledger"}).client_id == "ledger"

    def test_does_not_go_with_another_client_id(self) -> None:
        """CLA-009."""
        with pytest.raises(InvalidRequest):
            read(basic("ledger", "s"), form={"client_id": "payroll"})

    def test_goes_with_an_empty_secret_beside_it(self) -> None:
        """TOK-012: an empty parameter is no second method."""
        presented = read(basic("ledger", "s"), form={"client_secret": ""})

        assert presented.method is AuthMethod.CLIENT_SECRET_BASIC


class TestBody:
    def test_may_hold_id_and_secret(self) -> None:
        """CLA-010."""
        presented = read(form={"client_id": "ledger", "client_secret": "s"})

        assert shown(presented) == ("ledger", AuthMethod.CLIENT_SECRET_POST, "s")

    def test_may_not_hold_a_secret_where_that_is_switched_off(self) -> None:
        """Then it is answered like any failed authentication."""
        with pytest.raises(InvalidClient):
            read(form={"client_id": "ledger", "client_secret": "s"}, allow_body=False)

    def test_with_an_id_alone_is_a_public_client_wherever(self) -> None:
        """RFC 6749 §3.2.1."""
        for allow_body in (True, False):
            presented = read(form={"client_id": "ledger"}, allow_body=allow_body)

            assert shown(presented) == ("ledger", AuthMethod.NONE, None)

    def test_with_an_empty_secret_is_a_public_client(self) -> None:
        """CLA-016: a confidential one is not registered for that."""
        assert read(form={"client_id": "ledger", "client_secret": ""}).method is AuthMethod.NONE

    @pytest.mark.parametrize("parameters", [{}, {"client_secret": "s"}, {"client_id": ""}])
    def test_without_an_id_is_no_authentication(self, parameters: dict[str, str]) -> None:
        """CLA-011."""
        with pytest.raises(InvalidClient):
            read(form=parameters)


@pytest.mark.parametrize(
    ("authorization", "parameters"),
    [
        ([basic("a", "s")], {"client_secret": "s"}),
        ([basic("a", "s")], {"client_id": "a", "client_secret": "s"}),
        ([basic("a", "s")], {"client_assertion": "j"}),
        ([basic("a", "s")], {"client_assertion_type": "t"}),
        ([], {"client_id": "a", "client_secret": "s", "client_assertion": "j"}),
        ([basic("a", "s"), basic("a", "s")], {}),
        ([basic("a", "s"), "Bearer x"], {}),
        (["Bearer x"], {"client_id": "a", "client_secret": "s"}),
    ],
)
def test_two_methods_are_refused_as_a_malformed_request(
    authorization: list[str], parameters: dict[str, str]
) -> None:
    """CLA-007, CLA-008 (RFC 6749 §5.2): whoever would be proved by either."""
    with pytest.raises(InvalidRequest):
        read(*authorization, form=parameters)


class TestAssertion:
    @pytest.mark.parametrize("allow_body", [True, False])
    def test_JWA_001_is_read_wherever_secrets_may_stand(self, *, allow_body: bool) -> None:
        """It is no secret, so switching those off does not touch it."""
        form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": "a.b.c"}

        assert read_any(form=form, allow_body=allow_body) == PresentedAssertion("a.b.c")

    def test_JWA_006_comes_with_the_client_id_that_stands_beside_it(self) -> None:
        """The core compares it with the assertion's `sub`."""
        presented = read_any(
            form={
                "client_id": "ledger",
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": "a.b.c",
            }
        )

        assert isinstance(presented, PresentedAssertion)
        assert presented.client_id == "ledger"

    @pytest.mark.parametrize(
        ("half", "hint"),
        [
            ({"client_assertion": "a.b.c"}, "client_assertion_type is missing"),
            (
                {"client_assertion": "a.b.c", "client_assertion_type": ""},
                "client_assertion_type is missing",
            ),
            ({"client_assertion_type": ASSERTION_TYPE}, "client_assertion is missing"),
        ],
    )
    def test_JWA_021_of_which_half_is_missing_is_a_malformed_request(
        self, half: dict[str, str], hint: str
    ) -> None:
        """CLA-006: and nobody is taken for a public client for it."""
        with pytest.raises(InvalidRequest) as refusal:
            read_any(form={"client_id": "ledger", **half})

        assert refusal.value.hint == hint

    @pytest.mark.parametrize(
        "assertion_type",
        [
            "urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
            "jwt-bearer",
            ASSERTION_TYPE.upper(),
            ASSERTION_TYPE + " ",
        ],
    )
    def test_JWA_021_of_another_type_proves_nobody(self, assertion_type: str) -> None:
        """Like any failed authentication."""
        with pytest.raises(InvalidClient):
            read_any(form={"client_assertion_type": assertion_type, "client_assertion": "a.b.c"})
