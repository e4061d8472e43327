"""`GET /livez` and `GET /readyz`, for orchestrators."""

from starlette.requests import Request
from starlette.responses import Response

from adapters.http.presenters import json_response
from adapters.readiness import ProbeState, Readiness


class HealthEndpoints:
    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness

    async def live(self, _request: Request) -> Response:
        return json_response({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        states = await self._readiness.states()
        if self._readiness.is_draining:
            status = "draining"
        else:
            status = "ok" if all(state.is_good for state in states) else "failing"
        return json_response(
            {"status": status, "probes": [_told(state) for state in states]},
            status=200 if status == "ok" else 503,
        )


def _told(state: ProbeState) -> dict[str, str]:
    if state.is_good:
        return {"name": state.name, "state": "ok"}
    return {"name": state.name, "state": "failing", "reason": state.reason}
