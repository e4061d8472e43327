"""TOK-006 to TOK-015: what is read of a body, and what is refused."""

from contextlib import suppress
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.http import forms
from adapters.http.request import Request
from domain.errors import InvalidRequest, UnsupportedMediaType
from support.http_requests import http_request

FORM = "application/x-www-form-urlencoded"

SINGLE = sorted(forms._KNOWN - forms._REPEATABLE)

presentable_text = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=40
)


def request(*headers: tuple[str, str], query: str = "") -> Request:
    return http_request(*headers, query=query.encode(), body=b"scope=a")


def outcome(body: bytes) -> forms.Form | str:
    """Return the form that *body* holds, or why it holds none."""
    try:
        return forms.parse(body)
    except InvalidRequest as refusal:
        return refusal.detail


def escaped(text: str) -> str:
    return "".join(f"%{octet:02x}" for octet in text.encode())


class TestParse:
    @given(st.dictionaries(st.sampled_from(SINGLE), presentable_text))
    def test_of_what_urlencode_writes_gives_the_same_back(self, written: dict[str, str]) -> None:
        """Whatever text a client form-encodes is the text that is read."""
        form = forms.parse(urlencode(written).encode())

        assert written == {name: form.get(name) for name in written}

    @given(st.lists(presentable_text, max_size=5))
    def test_keeps_repeated_resources_in_their_order(self, resources: list[str]) -> None:
        """`resource` may be there several times (RFC 8707 §2)."""
        body = urlencode([("resource", resource) for resource in resources])

        assert tuple(resources) == forms.parse(body.encode()).all("resource")

    @given(st.binary(max_size=300))
    def test_of_any_bytes_raises_nothing_but_refusals(self, body: bytes) -> None:
        """Garbage is refused, never an exception of another kind."""
        with suppress(InvalidRequest):
            forms.parse(body)

    @given(st.text(alphabet="%&=+;0aAfF\x00 gz", max_size=40))
    def test_of_anything_near_a_form_raises_nothing_but_refusals(self, body: str) -> None:
        """Text made of the form's own delimiters is read or refused."""
        with suppress(InvalidRequest):
            forms.parse(body.encode())

    @given(
        st.binary(min_size=1, max_size=60) | st.text("&=+%; 4\x00\x7fé", min_size=1).map(str.encode)
    )
    def test_of_what_is_not_escaped_is_the_same_whether_something_else_is(
        self, body: bytes
    ) -> None:
        """Where nothing is to be decoded nothing is looked at twice, and nothing more passes."""
        with_an_escape = body + b"&unknown=%41"

        assert outcome(body) == outcome(with_an_escape)

    @given(st.lists(st.tuples(st.sampled_from(SINGLE), presentable_text), max_size=4))
    def test_of_a_body_written_in_escapes_alone_is_the_same(
        self, written: list[tuple[str, str]]
    ) -> None:
        """RFC 3986 §2.1: any octet may be escaped."""
        in_escapes = "&".join(f"{escaped(name)}={escaped(value)}" for name, value in written)

        assert outcome(urlencode(written).encode()) == outcome(in_escapes.encode())

    @pytest.mark.parametrize("encoded", [b"a+b", b"a%20b", b"a b"])
    def test_takes_plus_for_a_space(self, encoded: bytes) -> None:
        """TOK-017: `+` and `%20` mean the same."""
        assert forms.parse(b"scope=" + encoded).get("scope") == "a b"

    @pytest.mark.parametrize(
        "body",
        [
            b"scope=%",
            b"scope=a%2",
            b"scope=%zz",
            b"%=a",
            b"&&=",
            b"scope=a&&token=b",
            b"&scope=a",
            b"scope=a&",
            b"scope",
            b"=a",
            b"scope=%ff",
            b"scope=%c0%af",
            b"scope=%ed%a0%80",
            b"scope=\xff",
            b"scope=\xc3\xa9",
            b"grant_type=a%00",
            b"token=a%0d%0ab",
            b"token=a\nb",
            b"unknown=%07",
            b"sc%00ope=a",
        ],
    )
    def test_refuses_what_is_no_form(self, body: bytes) -> None:
        """TOK-014: escapes, delimiters, encodings and control characters are held strictly."""
        with pytest.raises(InvalidRequest):
            forms.parse(body)

    @pytest.mark.parametrize("octet", range(256))
    def test_lets_an_octet_that_is_not_escaped_pass_if_it_is_printable(self, octet: int) -> None:
        """RFC 6749 App. A and B: `&` and `%` are the form's own."""
        passes = 0x20 <= octet < 0x7F and octet not in b"&%"

        read = outcome(b"token=a%bb" % bytes([octet]))

        if passes:
            character = " " if octet == ord("+") else chr(octet)
            assert isinstance(read, forms.Form)
            assert read.get("token") == f"a{character}b"
        else:
            assert isinstance(read, str)

    @pytest.mark.parametrize("name", ["scope", "client_id", "client_secret"])
    @pytest.mark.parametrize("character", ["\x00", "\t", "\n", "\x7f"])
    def test_leaves_control_characters_to_who_has_an_answer_of_its_own(
        self, name: str, character: str
    ) -> None:
        """SCP-005, CLA-017: invalid_scope and invalid_client say more than invalid_request."""
        body = urlencode({name: f"a{character}b"}).encode()

        assert forms.parse(body).get(name) == f"a{character}b"

    def test_does_not_take_a_semicolon_for_a_delimiter(self) -> None:
        """TOK-014: what other parsers split is one value."""
        form = forms.parse(b"grant_type=client_credentials;scope=a")

        assert form.get("grant_type") == "client_credentials;scope=a"
        assert form.get("scope") is None

    @pytest.mark.parametrize("name", SINGLE)
    @pytest.mark.parametrize("second", ["a", "b", ""])
    def test_refuses_a_known_parameter_twice(self, name: str, second: str) -> None:
        """TOK-010: neither the first nor the last value wins."""
        with pytest.raises(InvalidRequest) as refusal:
            forms.parse(f"{name}=a&{name}={second}".encode())

        assert refusal.value.hint == f"{name} is given more than once"

    def test_sees_through_an_escaped_name(self) -> None:
        """A repetition is found whichever way the name is written."""
        with pytest.raises(InvalidRequest):
            forms.parse(b"scope=a&%73cope=b")

    def test_ignores_unknown_parameters(self) -> None:
        """TOK-011: even if they are repeated, long, or spelt in another case."""
        body = b"foo=1&foo=2&Scope=a&" + b"x" * 5_000 + b"=1"

        assert forms.parse(body) == forms.Form()

    @pytest.mark.parametrize("name", ["scope", "client_secret", "resource", "client_assertion"])
    def test_takes_an_empty_parameter_for_an_omitted_one(self, name: str) -> None:
        """TOK-012 (RFC 6749 §3.2)."""
        form = forms.parse(f"{name}=".encode())

        assert form.get(name) is None
        assert form.all(name) == ()

    def test_of_an_empty_body_is_an_empty_form(self) -> None:
        """TOK-008: what is missing in it is for the core to say."""
        assert forms.parse(b"") == forms.Form()

    def test_takes_a_hundred_parameters_and_no_more(self) -> None:
        """TOK-015."""
        forms.parse(b"&".join([b"a=1"] * 100))

        with pytest.raises(InvalidRequest):
            forms.parse(b"&".join([b"a=1"] * 101))

    def test_keeps_values_out_of_its_repr(self) -> None:
        """A form holds secrets, and may stand in a traceback."""
        assert "hush" not in repr(forms.parse(b"client_secret=hush"))


class TestRead:
    @pytest.mark.parametrize(
        "content_type",
        [
            FORM,
            "Application/X-WWW-Form-URLEncoded",
            f"{FORM};charset=UTF-8",
            f'{FORM}; charset="utf-8"',
            f"{FORM} ; boundary=x",
        ],
    )
    def test_compares_type_and_subtype_alone(self, content_type: str) -> None:
        """TOK-007."""
        form = forms.read(request(("Content-Type", content_type)))

        assert form.get("scope") == "a"

    @pytest.mark.parametrize(
        "content_type",
        [
            "application/json",
            "text/plain",
            "text/xml",
            "multipart/form-data; boundary=x",
            "",
            f"{FORM}x",
            f"{FORM};charset=utf-16",
            f"{FORM};charset=klingon",
            f"{FORM};charset=",
            f"text/plain;{FORM}",
        ],
    )
    def test_refuses_any_other_media_type(self, content_type: str) -> None:
        """TOK-006, TOK-007."""
        with pytest.raises(UnsupportedMediaType):
            forms.read(request(("Content-Type", content_type)))

    def test_refuses_a_body_without_or_with_two_media_types(self) -> None:
        """TOK-006."""
        for headers in [(), (("Content-Type", FORM), ("Content-Type", FORM))]:
            with pytest.raises(UnsupportedMediaType):
                forms.read(request(*headers))

    @pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "identity, gzip"])
    def test_refuses_a_content_coding(self, coding: str) -> None:
        """TOK-019: request bodies are never inflated."""
        with pytest.raises(UnsupportedMediaType):
            forms.read(request(("Content-Type", FORM), ("Content-Encoding", coding)))

    def test_takes_identity_for_no_coding(self) -> None:
        """RFC 9110 §12.5.3 reserves the word."""
        form = forms.read(request(("Content-Type", FORM), ("Content-Encoding", "identity")))

        assert form.get("scope") == "a"

    @pytest.mark.parametrize(
        "query",
        [
            "grant_type=client_credentials",
            "client_id=ledger&client_secret=hush",
            "x=1&token=abc",
            "%67rant_type=a",
            "scope",
        ],
    )
    def test_refuses_oauth_parameters_in_the_query(self, query: str) -> None:
        """TOK-013, INT-010: URLs end up in logs."""
        with pytest.raises(InvalidRequest):
            forms.read(request(("Content-Type", FORM), query=query))

    @pytest.mark.parametrize("query", ["trace=1", "%", "%ff&&==", "Grant_Type=a"])
    def test_ignores_any_other_query(self, query: str) -> None:
        """RFC 6749 §3.2 lets an endpoint's URL have a query."""
        form = forms.read(request(("Content-Type", FORM), query=query))

        assert form.get("scope") == "a"
