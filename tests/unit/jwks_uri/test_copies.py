from datetime import timedelta

import pytest

from adapters.jwks_uri.copies import LONGEST, SHORTEST, USUAL, KeySetCopy, NotAKeySet, freshness
from adapters.jwks_uri.replies import Reply
from support.domain_samples import MOMENT, NOW


@pytest.mark.parametrize(
    ("cache_control", "good_for"),
    [
        ("", USUAL),
        ("public", USUAL),
        ("max-age=600", timedelta(seconds=600)),
        ("public, Max-Age=600, must-revalidate", timedelta(seconds=600)),
        ('max-age="600"', timedelta(seconds=600)),
        ("max-age=0", SHORTEST),
        ("max-age=9", SHORTEST),
        ("max-age=86400", LONGEST),
        ("max-age=" + "9" * 5_000, LONGEST),
        ("no-store", SHORTEST),
        ("no-cache, max-age=600", SHORTEST),
        ("max-age=-1", USUAL),
        ("max-age=", USUAL),
        ("max-age=1e3", USUAL),
        ("max-age=²", USUAL),
        ("s-maxage=600", USUAL),
        (",,=,max-age", USUAL),
    ],
)
def test_a_copy_is_good_as_long_as_its_reply_says(cache_control: str, good_for: timedelta) -> None:
    """RFC 9111 §5.2.2, between ten seconds and an hour; five minutes if it says nothing."""
    assert freshness(cache_control) == good_for

    copy = KeySetCopy.read(Reply(b'{"keys":[]}', cache_control), now=NOW)
    assert copy.is_good(NOW + good_for - MOMENT)
    assert not copy.is_good(NOW + good_for)


def test_a_copy_knows_which_keys_it_has() -> None:
    """Whether they are of any use is not its business."""
    body = b'{"keys":[{"kid":"a"},{"kid":"b","kty":"?"},{"kid":1},{"kid":null},{}],"more":1}'

    copy = KeySetCopy.read(Reply(body, ""), now=NOW)

    assert copy.text == body.decode()
    assert [kid for kid in ("a", "b", "c", "", "1") if copy.has(kid)] == ["a", "b"]
    assert copy.has(None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b"{}",
        b'{"keys":{}}',
        b'{"keys":null}',
        b'{"keys":["a"]}',
        b'\xff{"keys":[]}',
        b'{"x":' + b"[" * 30_000 + b"]" * 30_000 + b',"keys":[]}',
    ],
)
def test_anything_else_is_no_key_set(body: bytes) -> None:
    """RFC 7517 §5."""
    with pytest.raises(NotAKeySet):
        KeySetCopy.read(Reply(body, ""), now=NOW)
