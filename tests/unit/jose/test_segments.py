"""Base64url and JSON, taken strictly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.jose.segments import decode_segment, encode_segment, read_object


@given(octets=st.binary())
def test_what_is_encoded_is_decoded(octets: bytes) -> None:
    """Any bytes survive, in the characters of RFC 4648 §5 without padding."""
    segment = encode_segment(octets)
    assert decode_segment(segment) == octets
    assert b"=" not in segment


@pytest.mark.parametrize("segment", [b"QQ==", b"QR", b"Q", b"Q Q", b"Q\nQ", b"+w", b"/w", b"\xff"])
def test_a_second_encoding_is_refused(segment: bytes) -> None:
    """There is one text for each sequence of bytes."""
    with pytest.raises(ValueError, match=r".*"):
        decode_segment(segment)


@pytest.mark.parametrize(
    "octets",
    [
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":[{"b":1,"\\u0062":2}]}',
        b'{"a":NaN}',
        b"[]",
        b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        '{"a":1}'.encode("utf-16"),
        b'{"a":"\xff"}',
    ],
)
def test_an_ambiguous_or_bottomless_object_is_refused(octets: bytes) -> None:
    """Members that come twice, what is not JSON, and depth end as one kind of error."""
    with pytest.raises(ValueError, match=r".*"):
        read_object(octets)
