"""A listener's certificate, followed as its files are exchanged."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
import trustme

from adapters.server_certificate import CertificateUnusable, ServerCertificate
from entrypoints.certificates import require_certificates
from entrypoints.followed_certificate import FollowedCertificate
from entrypoints.refusal import RefusedToStart
from entrypoints.settings import Settings
from support.doubles import FixedClock
from support.polling import until
from support.tls import Pair

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LATER = NOW + timedelta(days=300)
LOOK_EVERY = 0.02


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


class CountingObserver:
    """Knows how often a certificate could not be exchanged."""

    def __init__(self) -> None:
        self.failures = 0

    def not_exchanged(self, protocol: str, /) -> None:
        assert protocol == "http"
        self.failures += 1


class Site:
    """A folder with a pair in it, and a listener that follows what is there."""

    def __init__(self, folder: Path, authority: trustme.CA) -> None:
        self.folder = folder
        self.clock = FixedClock(NOW)
        self.used: list[ServerCertificate] = []
        self.observer = CountingObserver()
        self._authority = authority
        self.is_broken = False
        self.pair = self.write()
        self.settings = Settings.model_validate(self.pair.settings("http"))

    def write(self, until: datetime = LATER) -> Pair:
        issued = self._authority.issue_cert(
            "id.example.com", not_before=NOW - timedelta(days=300), not_after=until
        )
        return Pair.write(issued, self.folder)

    def use(self, certificate: ServerCertificate) -> None:
        if self.is_broken:
            raise CertificateUnusable(certificate.files.certificate, "not today")
        self.used.append(certificate)

    def follow(self) -> FollowedCertificate:
        followed = FollowedCertificate(
            "http",
            self.settings,
            use=self.use,
            clock=self.clock,
            observer=self.observer,
            look_every=LOOK_EVERY,
        )
        followed.follow()
        return followed

    async def uses(self, count: int) -> None:
        async def used() -> bool:
            return len(self.used) == count

        await until(used)


@pytest.fixture
def site(tmp_path: Path, authority: trustme.CA) -> Site:
    return Site(tmp_path, authority)


@pytest.fixture
def log() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


async def looks(count: int = 5) -> None:
    await asyncio.sleep(count * LOOK_EVERY)


async def test_a_new_pair_is_taken_without_being_told(site: Site) -> None:
    """The same one is not."""
    followed = site.follow()

    await looks()
    site.pair.key.touch()
    await looks()
    assert len(site.used) == 1
    site.write()
    await site.uses(2)

    assert site.used[0].chain != site.used[1].chain
    followed.stop()


async def test_half_an_exchange_is_told_once_and_changes_nothing(
    site: Site, log: list[Any]
) -> None:
    """The other half completes it."""
    followed = site.follow()
    old_key = site.pair.key.read_bytes()
    site.write()
    new_key = site.pair.key.read_bytes()
    site.pair.key.write_bytes(old_key)

    await until(lambda: _told(log, "certificate not exchanged"))
    await looks()
    assert len(site.used) == 1
    (line,) = (line for line in log if line["event"] == "certificate not exchanged")
    assert str(site.pair.key) in line["reason"]
    assert line["log_level"] == "error"
    assert site.observer.failures == 1

    site.pair.key.write_bytes(new_key)
    await site.uses(2)
    followed.stop()


async def test_what_is_told_to_reload_is_taken_at_once(site: Site, tmp_path: Path) -> None:
    """Under another path too, which is followed from then on."""
    followed = site.follow()
    moved = Pair.write(trustme.CA().issue_cert("id.example.com"), tmp_path / "moved")

    followed.reload(Settings.model_validate(moved.settings("http")))
    assert len(site.used) == 2
    site.write()
    await looks()
    assert len(site.used) == 2
    Pair.write(trustme.CA().issue_cert("id.example.com"), tmp_path / "moved")
    await site.uses(3)

    followed.stop()


async def test_a_reload_that_fails_changes_nothing(site: Site) -> None:
    """The old one is shown, and its files are followed as before."""
    followed = site.follow()
    elsewhere = dict.fromkeys(site.pair.settings("http"), "/nowhere")

    with pytest.raises(RefusedToStart, match="/nowhere: No such file"):
        followed.reload(Settings.model_validate(elsewhere))
    site.is_broken = True
    site.write()
    with pytest.raises(RefusedToStart, match="not today"):
        followed.reload(site.settings)
    assert len(site.used) == 1
    assert site.observer.failures == 2
    site.is_broken = False
    await site.uses(2)

    followed.stop()


async def test_an_expiry_is_told_as_it_comes_and_once(site: Site, log: list[Any]) -> None:
    """First that it is near, then that it is there; a new certificate ends it."""
    followed = site.follow()
    await looks()
    assert _concerns(log) == []
    site.clock.set(LATER - timedelta(days=3))
    await until(lambda: _told(log, "expires soon"))
    site.clock.set(LATER + timedelta(days=3))
    await until(lambda: _told(log, "has expired"))
    site.write(until=LATER + timedelta(days=600))
    await site.uses(2)
    await looks()

    assert _concerns(log) == ["warning", "error"]
    followed.stop()


async def test_a_listener_in_the_clear_follows_nothing(site: Site) -> None:
    """Of two listeners one may be without."""
    followed = FollowedCertificate(
        "grpc", site.settings, use=site.use, clock=site.clock, observer=site.observer
    )
    followed.follow()
    followed.reload(site.settings)
    followed.stop()

    assert site.used == []


def test_a_start_is_refused_over_a_pair_that_does_not_fit(site: Site) -> None:
    """Before any worker is started, by a sentence with the file in it."""
    require_certificates(Settings())
    require_certificates(site.settings)
    off = {"http": "off", "issuer": "https://id.example.com"}
    site.pair.key.write_text("")
    require_certificates(Settings.model_validate({**site.pair.settings("http"), **off}))

    with pytest.raises(RefusedToStart, match=f"{site.pair.key}: no private key in PEM in it"):
        require_certificates(site.settings)


def test_one_that_has_expired_may_start(site: Site) -> None:
    """Some clients do not look, and the log says so."""
    site.write(until=NOW - timedelta(days=1))

    require_certificates(site.settings)


async def _told(log: list[Any], words: str) -> bool:
    return any(words in line["event"] for line in log)


def _concerns(log: list[Any]) -> list[str]:
    return [line["log_level"] for line in log if "expire" in line["event"]]
