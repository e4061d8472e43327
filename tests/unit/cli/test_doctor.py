from types import SimpleNamespace

import pytest

from adapters.findings import Finding, Severity
from entrypoints.cli.doctor import Check, Verdict, _examine_core
from entrypoints.settings import Settings
from support.core import build_core


@pytest.mark.parametrize("severity", Severity)
async def test_what_a_store_may_lose_is_a_warning(severity: Severity) -> None:
    """Such a store is served from unless `strict_store` is on."""
    core = await build_core()
    opened = SimpleNamespace(
        findings=(Finding(severity, "it may forget"),),
        probes=(),
        catalogue=core.catalogue,
        clock=core.clock,
    )

    checks = await _examine_core(opened, Settings())  # type: ignore[arg-type]  # what it needs of one

    assert Check("store", Verdict.WARNING, "it may forget") in checks
