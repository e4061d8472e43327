"""`GET /livez` and `GET /readyz`, for orchestrators."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from adapters.http.presenters import json_response
from domain.ports.probe import Probe

_PATIENCE: Final = 5.0  # seconds

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Finding:
    name: str
    state: str

    @property
    def is_good(self) -> bool:
        return self.state == "ok"


class Readiness:
    """Whether this process still wants requests; its worker says when it does not."""

    def __init__(self) -> None:
        self._draining = False

    @property
    def is_draining(self) -> bool:
        return self._draining

    def drain(self) -> None:
        """Ask for no more requests, for good. Those that come are served all the same."""
        self._draining = True


class HealthEndpoints:
    def __init__(self, probes: Sequence[Probe], readiness: Readiness) -> None:
        self._probes = tuple(probes)
        self._readiness = readiness

    async def live(self, _request: Request) -> Response:
        return json_response({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        findings = await asyncio.gather(*(_examine(probe) for probe in self._probes))
        if self._readiness.is_draining:
            status = "draining"
        else:
            status = "ok" if all(finding.is_good for finding in findings) else "failing"
        return json_response(
            {"status": status, "probes": findings}, status=200 if status == "ok" else 503
        )


async def _examine(probe: Probe) -> _Finding:
    try:
        async with asyncio.timeout(_PATIENCE):
            await probe.check()
    except Exception as failure:  # noqa: BLE001  (whatever a probe meets, it has failed)
        _log.warning("probe %s failed: %r", probe.name, failure)
        return _Finding(probe.name, "failing")
    return _Finding(probe.name, "ok")
