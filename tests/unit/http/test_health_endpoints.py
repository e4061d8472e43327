import logging

import pytest

from domain.errors import Unavailable
from support.http_surface import HttpSurface, http_surface


class WorkingProbe:
    name = "clock"

    async def check(self) -> None:
        return


class FailingProbe:
    name = "store"

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    async def check(self) -> None:
        raise self._failure


async def test_a_process_that_answers_is_alive(surface: HttpSurface) -> None:
    """Nothing else is asked."""
    answer = await surface.http.get("/livez")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_process_is_ready_if_every_probe_works() -> None:
    """Each probe is named."""
    async with http_surface(probes=[WorkingProbe()]) as surface:
        answer = await surface.http.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "probes": [{"name": "clock", "state": "ok"}]}


@pytest.mark.parametrize(
    ("failure", "reason"),
    [(Unavailable("tell-tale"), "unreachable"), (RuntimeError("tell-tale"), "failed")],
)
async def test_a_process_is_not_ready_if_a_probe_fails(
    failure: Exception, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Which one and a fixed reason are in the answer, the rest is in the log."""
    async with http_surface(probes=[WorkingProbe(), FailingProbe(failure)]) as surface:
        with caplog.at_level(logging.WARNING):
            answer = await surface.http.get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {
        "status": "failing",
        "probes": [
            {"name": "clock", "state": "ok"},
            {"name": "store", "state": "failing", "reason": reason},
        ],
    }
    assert "tell-tale" in caplog.text


async def test_a_process_that_drains_is_not_ready_but_serves(surface: HttpSurface) -> None:
    """It is alive, and whatever still comes is answered."""
    auth = await surface.register()
    surface.readiness.drain()

    ready = await surface.http.get("/readyz")

    assert (ready.status_code, ready.json()["status"]) == (503, "draining")
    assert (await surface.http.get("/livez")).status_code == 200
    assert await surface.access_token(auth)


async def test_the_head_of_readiness_is_enough(surface: HttpSurface) -> None:
    """For a load balancer that wants no body."""
    surface.readiness.drain()

    ready = await surface.http.head("/readyz")

    assert (ready.status_code, ready.content) == (503, b"")
