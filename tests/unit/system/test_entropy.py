import base64

from adapters.system.entropy import SystemEntropy
from domain.model.identifiers import bucket_in, bucket_of, is_made_for_a_client


def test_a_token_has_the_bytes_asked_for_without_padding() -> None:
    """32 bytes by default."""
    entropy = SystemEntropy()
    assert len(entropy.token()) == 43
    assert len(base64.urlsafe_b64decode(entropy.token(12))) == 12
    assert len(entropy.octets(7)) == 7


def test_an_identifier_begins_with_its_bucket() -> None:
    """And is of the shape that the core takes for its own."""
    identifier = SystemEntropy().identifier(bucket_of("billing"))
    assert is_made_for_a_client(identifier)
    assert bucket_in(identifier) == bucket_of("billing")


def test_nothing_comes_twice() -> None:
    """As far as a thousand draws can tell."""
    entropy = SystemEntropy()
    bucket = bucket_of("billing")
    assert len({entropy.identifier(bucket) for _ in range(1_000)}) == 1_000
    assert len({entropy.token() for _ in range(1_000)}) == 1_000
