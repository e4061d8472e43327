from adapters.redis.times import ttl_ms
from support.domain_samples import HOUR, NOW


def test_what_has_expired_is_kept_for_a_moment() -> None:
    """Redis takes no lifetime of zero."""
    assert ttl_ms(NOW - HOUR, now=NOW) == 1
