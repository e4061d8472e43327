"""Requests as metrics: few values for each label, whatever callers send."""

from prometheus_client import CollectorRegistry

from adapters.request_record import Ending, Endpoint, RequestRecord
from adapters.telemetry.counting import Counting
from adapters.telemetry.request_metrics import RequestMetrics
from domain.errors import ErrorCode
from support.metrics import VALUES, declared_series
from support.polling import until


def record(grant_type: str = "", outcome: ErrorCode | Ending = Ending.OK) -> RequestRecord:
    made = RequestRecord("r-1", "http", "POST", "192.0.2.7", Endpoint.TOKEN)
    made.grant_type, made.outcome = grant_type, outcome
    return made


async def test_a_grant_that_is_not_known_is_another() -> None:
    """Or callers could fill the memory of whoever stores metrics."""
    registry = CollectorRegistry()
    counting = Counting()
    metrics = RequestMetrics(counting, registry)

    for grant_type in ("client_credentials", "password", "x" * 1_000, ""):
        metrics.began()
        metrics.ended(record(grant_type), seconds=0.002)
    counting.hand_over()

    grants = {
        sample.labels["grant"]: sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "grantd_requests_total" and sample.labels["outcome"] == "ok"
    }
    assert grants == {"client_credentials": 1, "other": 2, "": 1}


async def test_the_first_fault_of_ours_is_an_increase() -> None:
    """Prometheus sees none from a series that was not there: the alert would miss the first."""
    registry = CollectorRegistry()
    counting = Counting()
    metrics = RequestMetrics(counting, registry)
    fault = {"protocol": "http", "endpoint": "token", "outcome": "server_error"}

    def counted(grant: str) -> float | None:
        return registry.get_sample_value("grantd_requests_total", {**fault, "grant": grant})

    assert [counted(grant) for grant in VALUES["grant"]] == [0] * len(VALUES["grant"])
    metrics.began()
    metrics.ended(record("refresh_token", ErrorCode.SERVER_ERROR), seconds=0.002)
    counting.hand_over()
    assert counted("refresh_token") == 1


async def test_how_many_are_in_flight_is_told_as_they_come_and_go() -> None:
    registry = CollectorRegistry()
    metrics = RequestMetrics(Counting(), registry)

    async def told(count: int) -> bool:
        return registry.get_sample_value("grantd_requests_in_flight") == count

    metrics.began()
    metrics.began()
    await until(lambda: told(2))
    for _ in range(2):
        metrics.ended(record(), seconds=0.002)
    await until(lambda: told(0))


def test_every_label_has_known_values_or_ones_that_callers_cannot_choose() -> None:
    labels = frozenset().union(*declared_series().values())

    assert labels - set(VALUES) == {"le", "status", "version"}
