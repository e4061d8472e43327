"""The certificate of a listener, followed while it is served."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from adapters.certificate_observer import CertificateObserver
from adapters.server_certificate import (
    CertificateFiles,
    CertificateUnusable,
    ServerCertificate,
    Stamp,
    read_server_certificate,
)
from domain.ports.clock import Clock
from entrypoints.certificates import Protocol, certificate_files
from entrypoints.refusal import RefusedToStart
from entrypoints.settings import Settings

log = structlog.get_logger()

_LOOK_EVERY: Final = 10.0  # seconds


class FollowedCertificate:
    """The certificate of one listener, exchanged when its files are; none if it has no TLS.

    They are looked at every ten seconds, and read once they have been the same
    for two looks, so that what is still being written is left in peace. What
    cannot be used changes nothing, and is told once.

    Args:
        use: Has the listener show a certificate from now on. It raises
            `CertificateUnusable` if that is not possible, and has changed
            nothing then.

        observer: Told of what could not be taken.

    Raises:
        RefusedToStart: If what is there now cannot be used.
    """

    def __init__(
        self,
        protocol: Protocol,
        settings: Settings,
        *,
        use: Callable[[ServerCertificate], None],
        clock: Clock,
        observer: CertificateObserver,
        look_every: float = _LOOK_EVERY,
    ) -> None:
        self._protocol = protocol
        self._use = use
        self._clock = clock
        self._observer = observer
        self._look_every = look_every
        self._known: Stamp = ()
        self._current: ServerCertificate | None = None
        self._concern: str | None = None
        self._following: asyncio.Task[None] | None = None
        self.reload(settings)

    def reload(self, settings: Settings) -> None:
        """Read the files now, and follow those from now on.

        Raises:
            RefusedToStart: If they cannot be used. Nothing has changed then.
        """
        files = certificate_files(settings, self._protocol)
        if files is None:
            return
        try:
            self._load(files)
        except CertificateUnusable as error:
            self._observer.not_exchanged(self._protocol)
            raise RefusedToStart(str(error)) from error

    def follow(self) -> None:
        """Begin to take over what is put in the place of the files."""
        if self._current is not None:
            self._following = asyncio.create_task(self._follow(self._current))

    def stop(self) -> None:
        if self._following is not None:
            self._following.cancel()

    async def _follow(self, current: ServerCertificate) -> None:
        seen = self._known
        while True:
            self._tell_concern(current)
            await asyncio.sleep(self._look_every)
            before, seen = seen, current.files.stamp()
            if before == seen != self._known:
                self._known = seen
                try:
                    self._load(current.files)
                except CertificateUnusable as error:
                    self._observer.not_exchanged(self._protocol)
                    log.error(  # noqa: TRY400  (it is all told)
                        "certificate not exchanged", protocol=self._protocol, reason=str(error)
                    )
            current = self._current or current

    def _load(self, files: CertificateFiles) -> None:
        stamp = files.stamp()  # first: what is exchanged after this is seen at the next look
        certificate = read_server_certificate(files)
        if certificate != self._current:
            self._use(certificate)
            self._tell(certificate)
        self._known, self._current = stamp, certificate

    def _tell(self, certificate: ServerCertificate) -> None:
        log.info(
            "certificate in use",
            protocol=self._protocol,
            names=certificate.names,
            not_after=certificate.not_after.isoformat(),
            client_certificates="required" if certificate.requires_clients else "not asked for",
        )

    def _tell_concern(self, certificate: ServerCertificate) -> None:
        now = self._clock.now()
        before, self._concern = self._concern, certificate.concern(now)
        if self._concern not in (None, before):
            say = log.warning if certificate.is_valid(now) else log.error
            say(self._concern, protocol=self._protocol)
