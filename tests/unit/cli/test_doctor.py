from types import SimpleNamespace

import pytest

from adapters.findings import Finding, Severity
from entrypoints.cli.doctor import Check, Verdict, _examine_core
from entrypoints.settings import Settings
from support.core import build_core


@pytest.mark.parametrize(
    ("severity", "strict", "verdict"),
    [
        (Severity.GOOD, True, Verdict.GOOD),
        (Severity.NOTE, True, Verdict.WARNING),
        (Severity.RISK, False, Verdict.WARNING),
        (Severity.RISK, True, Verdict.ERROR),
        (Severity.FAULT, False, Verdict.ERROR),
    ],
)
async def test_the_verdict_on_a_store_is_what_a_start_would_make_of_it(
    severity: Severity,
    strict: bool,  # noqa: FBT001  (pytest hands it over by name)
    verdict: Verdict,
) -> None:
    """What may lose something is served from unless `strict_store` is on."""
    core = await build_core()
    opened = SimpleNamespace(
        findings=(Finding(severity, "it may forget", "remind it"),),
        probes=(),
        catalogue=core.catalogue,
        clock=core.clock,
    )

    checks = await _examine_core(opened, Settings(strict_store=strict))  # type: ignore[arg-type]  # what it needs of one

    assert Check("store", verdict, "it may forget", "remind it") in checks
