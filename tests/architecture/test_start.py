"""What a start waits for: each process imports what it needs, and no more before it is needed."""

import subprocess
import sys

import pytest

THE_CORE = {"dependency_injector", "cryptography", "jwt", "entrypoints.container"}
SERVERS = {"uvicorn", "starlette", "grpc", "google.protobuf"}
OF_SOME_SETTINGS = {"redis", "httpx", "opentelemetry"}


def imported_by(*modules: str) -> set[str]:
    """Return what is there after the imports of a fresh interpreter."""
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(ended.stdout.split())


def test_workers_are_called_up_before_the_core_is_imported() -> None:
    """Or they would wait for what they import themselves: this is half of a start."""
    there = imported_by("entrypoints.cli.app", "entrypoints.cli.serve", "entrypoints.supervisor")

    assert not there & (THE_CORE | SERVERS | OF_SOME_SETTINGS | {"prometheus_client"})
    assert "entrypoints.cli.clients" not in there


@pytest.mark.parametrize(
    ("worker", "others"),
    [
        ("entrypoints.http_worker", {"grpc", "google.protobuf"}),
        ("entrypoints.grpc_worker", {"uvicorn"}),
    ],
)
def test_a_worker_imports_nothing_of_what_it_does_not_serve(worker: str, others: set[str]) -> None:
    """Nor what only some settings need, nor the command line."""
    there = imported_by(worker)

    assert not there & (others | OF_SOME_SETTINGS | {"typer", "prometheus_client"})


@pytest.mark.parametrize("worker", ["entrypoints.http_worker", "entrypoints.grpc_worker"])
def test_a_worker_is_begun_without_what_libraries_take_along(worker: str) -> None:
    """What they import where they find it takes as long as a fifth of all the rest."""
    begun = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "entrypoints.start_worker", worker],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    imported = {line.rpartition("|")[2].strip() for line in begun.stderr.splitlines()}

    assert {"entrypoints.worker", "structlog", "dependency_injector.wiring"} <= imported
    assert not imported & {"rich.console", "starlette.datastructures", "yaml.nodes"}
