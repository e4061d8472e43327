"""How an answer goes over the wire."""

from adapters.http.reply import NO_STORE, Reply

DATE = ((b"date", b"Sun, 22 Nov 2026 19:00:00 GMT"),)


def lines(encoded: bytes) -> list[bytes]:
    return encoded.partition(b"\r\n\r\n")[0].split(b"\r\n")


def test_an_answer_has_its_own_fields_and_those_of_every_one() -> None:
    """Each of them once, its body after them."""
    encoded = Reply(b"abc", (*NO_STORE, (b"a", b"b")), 401).encode("r-1", DATE, is_last=False)

    first, *fields = lines(encoded)
    assert first == b"HTTP/1.1 401 Unauthorized"
    assert sorted(fields) == [
        b"a: b",
        b"cache-control: no-store",
        b"content-length: 3",
        b"date: Sun, 22 Nov 2026 19:00:00 GMT",
        b"pragma: no-cache",
        b"x-content-type-options: nosniff",
        b"x-request-id: r-1",
    ]
    assert encoded.endswith(b"\r\n\r\nabc")


def test_the_last_answer_says_so() -> None:
    """RFC 9112 §9.6."""
    assert b"connection: close" in lines(Reply(b"").encode("r-1", DATE, is_last=True))


def test_without_its_body_an_answer_keeps_its_length() -> None:
    """RFC 9110 §9.3.2."""
    encoded = Reply(b"abc").encode("r-1", DATE, is_last=False, without_body=True)

    assert b"content-length: 3" in lines(encoded)
    assert encoded.endswith(b"\r\n\r\n")


def test_answers_of_one_kind_differ_in_what_is_their_own() -> None:
    """What they share is remembered: id, date, length and body are not of that."""
    one = Reply(b"abc").encode("r-1", DATE, is_last=True)
    other = Reply(b"").encode("r-2", ((b"date", b"later"),), is_last=False)

    assert set(lines(one)) ^ set(lines(other)) == {
        b"connection: close",
        b"content-length: 3",
        b"content-length: 0",
        b"date: later",
        b"date: " + DATE[0][1],
        b"x-request-id: r-1",
        b"x-request-id: r-2",
    }
