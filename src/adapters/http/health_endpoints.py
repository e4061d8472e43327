"""`GET /livez` and `GET /readyz`, for orchestrators."""

from adapters.http.presenters import json_reply
from adapters.http.reply import Reply
from adapters.http.request import Request
from adapters.readiness import ProbeState, Readiness
from domain.model.events import Origin


class HealthEndpoints:
    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness

    async def live(self, _request: Request, _origin: Origin) -> Reply:
        return json_reply({"status": "ok"})

    async def ready(self, _request: Request, _origin: Origin) -> Reply:
        states = await self._readiness.states()
        if self._readiness.is_draining:
            status = "draining"
        else:
            status = "ok" if all(state.is_good for state in states) else "failing"
        return json_reply(
            {"status": status, "probes": [_told(state) for state in states]},
            status=200 if status == "ok" else 503,
        )


def _told(state: ProbeState) -> dict[str, str]:
    if state.is_good:
        return {"name": state.name, "state": "ok"}
    return {"name": state.name, "state": "failing", "reason": state.reason}
