"""Which settings are obeyed and doubted."""

import pytest

from entrypoints.setting_doubts import doubts
from entrypoints.settings import Settings


@pytest.mark.parametrize(
    ("network", "doubted"),
    [
        ("0.0.0.0/0", True),
        ("8.0.0.0/7", True),
        ("8.0.0.0/8", False),
        ("10.0.0.0/8", False),
        ("::/0", True),
        ("2000::/3", True),
        ("2001::/16", False),
        ("fc00::/7", False),
    ],
)
def test_proxies_all_over_the_world_are_doubted(network: str, *, doubted: bool) -> None:
    """Whoever is one of them is believed; a private network may be as large as it is."""
    settings = Settings.model_validate({"trusted_proxies": f"192.0.2.0/24,{network}"})

    said = list(doubts(settings))

    assert [network in line for line in said] == [True] * doubted


@pytest.mark.parametrize(
    ("store", "doubted"),
    [
        ("redis://redis:6379/0", True),
        ("redis+cluster://one,two", True),
        ("rediss://redis:6379/0", False),
        ("rediss+sentinel://one,two/service/0", False),
    ],
)
def test_an_authority_for_a_redis_in_the_clear_is_doubted(store: str, *, doubted: bool) -> None:
    """Whoever names one believes that passwords and tokens go over TLS."""
    settings = Settings.model_validate(
        {"store": store, "store_ca_file": "ca.crt", "master_key_file": "master.key"}
    )

    said = list(doubts(settings))

    assert ["in the clear" in line for line in said] == [True] * doubted
