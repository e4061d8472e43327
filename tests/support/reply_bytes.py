"""Replies compared byte for byte, but for what is new in each."""

import re

_NEW_EACH_TIME = re.compile(rb"(?im)^(?:date|x-request-id): [^\r\n]*\r\n")


def unvarying(received: bytes) -> bytes:
    """Return all of a reply that a client could tell it from another by."""
    head, end_of_head, body = received.partition(b"\r\n\r\n")
    assert end_of_head, received
    return _NEW_EACH_TIME.sub(b"", head + b"\r\n") + b"\r\n" + body
