import pytest

from domain.errors import InvalidTarget
from domain.model.resources import parse_resource_id


@pytest.mark.parametrize(
    "text",
    [
        "https://api.example",
        "https://api.example/",
        "https://api.example/v1?tenant=a",
        "https://API.example:8443",
        "HTTPS://api.example",
        "http://[2001:db8::1]/",
        "urn:example:ledger",
        "spiffe://mesh.example/ledger",
        "tag:example,2026:ledger",
    ],
)
def test_an_absolute_uri_is_taken_as_it_is_written(text: str) -> None:
    """It is compared as a string, so nothing of it is normalised (RFC 8707 §2)."""
    assert parse_resource_id(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "api", "/api", "//api.example", "api.example/v1", "?x", ":", "1a:x"),
        *("https://", "https:///path", "HTTPS:///path", "https:", "https://:443"),
        *("https://api.example#", "https://api.example#part", "urn:x#y"),
        *("https://api.example/a b", " https://api.example", "https://api.example\n"),
        *("https://api.example/\x00", "https://äpi.example", "https://api.example/\ud800"),
        *('https://api.example/"', "https://api.example/<a>", "https://api.example/\\"),
        *("https://[::1", "https://api.example/{id}", "https://api.example/^`|"),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidTarget) as refusal:
        parse_resource_id(text)

    assert text not in refusal.value.detail or not text
