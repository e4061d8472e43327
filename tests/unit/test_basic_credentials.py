"""Basic credentials, as both edges read them."""

from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.basic_credentials import read_basic
from domain.errors import InvalidClient
from domain.model.credentials import AuthMethod


def basic(userpass: bytes, scheme: str = "Basic") -> str:
    return f"{scheme} {b64encode(userpass).decode()}"


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_CLA_001_the_scheme_may_be_written_in_any_case(scheme: str) -> None:
    """RFC 9110 §11.1: scheme names are compared without regard to case."""
    presented = read_basic(basic(b"ledger:secret", scheme))

    assert presented.client_id == "ledger"
    assert presented.method is AuthMethod.CLIENT_SECRET_BASIC
    assert presented.secret is not None
    assert presented.secret.reveal() == "secret"


@pytest.mark.parametrize("encode", [quote_plus, lambda text: quote(text, safe="")])
def test_CLA_002_both_halves_are_form_decoded_after_the_split(encode: Callable[[str], str]) -> None:
    """RFC 6749 §2.3.1: either way to write a space is read, and so is a colon in the id."""
    awkward = "a%+:/? &=#é"

    presented = read_basic(basic(f"{encode(awkward)}:{encode(awkward)}".encode()))

    assert presented.client_id == awkward
    assert presented.secret is not None
    assert presented.secret.reveal() == awkward


def test_a_header_of_bytes_reads_like_one_of_text() -> None:
    """Metadata may come as either."""
    assert read_basic(basic(b"ledger:x").encode()).client_id == "ledger"


def test_an_empty_secret_stays_an_empty_secret() -> None:
    """It is compared like any other, and is never taken for the absence of one."""
    secret = read_basic(basic(b"ledger:")).secret

    assert secret is not None
    assert secret.reveal() == ""


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Basic",
        "Basic ",
        "Basic ?",
        "Basic bGVkZ2Vy OnNlY3JldA==",
        "Basic bGVkZ2VyOnNlY3JldA",
        "Basic \u00e9",
        b"Basic \xff",
        basic(b"ledger"),
        basic(b":"),
        basic(b":secret"),
        basic(b"led%ger:secret"),
        basic(b"led%67er:50%"),
        basic(b"\xff:secret"),
        basic(b"ledger:\xff"),
        basic(b"led+ger:50%"),
        "Bearer bGVkZ2VyOnNlY3JldA==",
        "Digest username=ledger",
        "Negotiate bGVkZ2VyOnNlY3JldA==",
    ],
)
def test_CLA_005_006_what_does_not_decode_is_no_authentication(value: str | bytes) -> None:
    """Another scheme and every malformation are one refusal, and never a crash."""
    with pytest.raises(InvalidClient):
        read_basic(value)


@pytest.mark.parametrize(
    ("sent", "decoded"),
    [("50%", None), ("%zz", None), ("%ff", None), ("a+b", "a b"), ("%41", "A"), ("+%", None)],
)
def test_a_secret_that_reads_differently_as_it_stands_is_handed_on_in_both_readings(
    sent: str, decoded: str | None
) -> None:
    """Which of them is meant is the core's to tell; what does not decode has one reading."""
    presented = read_basic(basic(f"ledger:{sent}".encode()))

    assert presented.client_id == "ledger"
    assert presented.raw_secret is not None
    assert presented.raw_secret.reveal() == sent
    assert (presented.secret.reveal() if presented.secret is not None else None) == decoded
    assert sent not in repr(presented)


@pytest.mark.parametrize(
    "sent", ["secret", "", "a secret, with & = : in it", "caf\u00e9", "~!*()'"]
)
def test_what_decoding_leaves_alone_has_one_reading(sent: str) -> None:
    """Most of what a client may forget to encode reads the same."""
    presented = read_basic(basic(f"ledger:{sent}".encode()))

    assert presented.secret is not None
    assert presented.secret.reveal() == sent
    assert presented.raw_secret is None


@pytest.mark.parametrize("client_id", ["led+ger", "led%67er"])
def test_a_raw_reading_that_names_another_client_is_none(client_id: str) -> None:
    """Limits are booked to one client, so both readings are one client's."""
    presented = read_basic(basic(f"{client_id}:a+b".encode()))

    assert presented.raw_secret is None


@pytest.mark.parametrize("userpass", [b"ledger:hunter2\xff", b"led%ger:hunter2%zz"])
def test_a_refusal_keeps_nothing_of_what_it_refused(userpass: bytes) -> None:
    """A decoder's error quotes its input; it is not kept, so no log can show it."""
    with pytest.raises(InvalidClient) as refused:
        read_basic(basic(userpass))

    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None
    assert "hunter2" not in repr(refused.value)


@given(st.text(min_size=1), st.text())
def test_any_credentials_survive_the_round_trip(client_id: str, secret: str) -> None:
    """Whatever a client encodes as RFC 6749 App. B tells it is what is read."""
    encodable = [text.encode("utf-8", "ignore").decode() for text in (client_id, secret)]
    if not encodable[0]:
        return

    presented = read_basic(basic(":".join(quote_plus(text) for text in encodable).encode()))

    assert presented.secret is not None
    assert [presented.client_id, presented.secret.reveal()] == encodable


@given(st.text() | st.binary())
def test_no_header_crashes_the_reader(value: str | bytes) -> None:
    """Anything is read or refused."""
    try:
        read_basic(value)
    except InvalidClient:
        return


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="%+:"), min_size=1),
    st.text(st.characters(codec="utf-8", exclude_characters="%+")),
)
def test_what_nobody_escaped_reads_like_what_somebody_did(client_id: str, secret: str) -> None:
    """Where nothing is to be decoded nothing is, and the same is read."""
    in_escapes = [
        "".join(f"%{octet:02X}" for octet in text.encode()) for text in (client_id, secret)
    ]

    plain = read_basic(basic(f"{client_id}:{secret}".encode()))
    decoded = read_basic(basic(":".join(in_escapes).encode()))

    assert plain.raw_secret is None
    assert plain.client_id == decoded.client_id == client_id
    assert plain.secret is not None
    assert decoded.secret is not None
    assert plain.secret.reveal() == decoded.secret.reveal() == secret
