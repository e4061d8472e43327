"""Which settings a running server takes over, and which need a restart."""

from pathlib import Path

from entrypoints.reloading import reload
from entrypoints.settings import Settings


def test_what_did_not_change_is_nothing_to_tell() -> None:
    """Equal settings reload to equal settings."""
    outcome = reload(Settings(), Settings())

    assert (outcome.settings, outcome.changed, outcome.needs_restart) == (Settings(), [], [])


def test_log_level_and_trusted_proxies_are_taken_over() -> None:
    """Whoever starts later is to have them too."""
    loaded = Settings.model_validate({"log_level": "debug", "trusted_proxies": "10.0.0.0/8"})

    outcome = reload(Settings(), loaded)

    assert outcome.settings == loaded
    assert sorted(outcome.changed) == ["log_level", "trusted_proxies"]
    assert outcome.needs_restart == []


def test_anything_else_stays_as_it_is_and_is_named() -> None:
    """A server does not move to another store, or change its issuer, under its clients."""
    loaded = Settings.model_validate(
        {"store": "sqlite:///other.db", "issuer": "https://b.example", "log_level": "error"}
    )

    outcome = reload(Settings(), loaded)

    assert outcome.settings == Settings(log_level="error")
    assert outcome.changed == ["log_level"]
    assert outcome.needs_restart == ["issuer", "store"]


def test_certificates_may_move_but_neither_come_nor_go() -> None:
    """Whether a listener speaks TLS, and wants certificates of clients, is settled at the start."""
    running = Settings(
        http_certificate_file=Path("old.crt"), http_certificate_key_file=Path("old.key")
    )
    moved = Settings(
        http_certificate_file=Path("new.crt"), http_certificate_key_file=Path("new.key")
    )
    mutual = Settings(
        http_certificate_file=Path("old.crt"),
        http_certificate_key_file=Path("old.key"),
        http_client_ca_file=Path("clients.crt"),
    )

    taken = reload(running, moved)

    assert taken.changed == ["http_certificate_file", "http_certificate_key_file"]
    assert taken.settings.http_certificate_file == Path("new.crt")
    assert reload(running, mutual).needs_restart == ["http_client_ca_file"]
    assert "http_certificate_file" in reload(running, Settings()).needs_restart
    assert "http_certificate_file" in reload(Settings(), moved).needs_restart
