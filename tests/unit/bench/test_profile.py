"""A profile's samples belong to parts of a request's way."""

import pytest
from bench.profile import PARTS, part_of, shares

LOOP = "run (asyncio/runners.py:118);main (entrypoints/worker.py:90)"


@pytest.mark.parametrize(
    ("stack", "part"),
    [
        (LOOP, "server"),
        (f"{LOOP};data_received (adapters/http/protocol.py:20)", "server"),
        (f"{LOOP};read (adapters/http/forms.py:20);unquote (urllib/parse.py:30)", "parse"),
        (f"{LOOP};find (adapters/sqlite/clients.py:1);loads (json/__init__.py:3)", "store"),
        (f"{LOOP};__call__ (domain/usecases/issue_token.py:9)", "decide"),
        (f"{LOOP};__call__ (domain/usecases/authenticate_client.py:9)", "authenticate"),
        (f"{LOOP};sign (adapters/jose/signer.py:9)", "sign"),
        (f"{LOOP};ended (adapters/telemetry/request_log.py:9)", "tell"),
        ("_serve (grpc/aio/_server.py:3)", "server"),
    ],
)
def test_a_sample_is_of_the_innermost_file_of_ours(stack: str, part: str) -> None:
    """What a library does for us is ours."""
    assert part_of(stack) == part


def test_shares_are_of_all_samples_of_the_main_thread() -> None:
    """Every part has one, if only none; a thread that waits looks busy to the sampler."""
    main = "thread (7): MainThread"
    found = shares(
        [
            f"{main};{LOOP} 30",
            f"{main};sign (adapters/jose/signer.py:9) 10",
            "thread (8): writer;Writer._serve (adapters/sqlite/writer.py:74) 40",
        ]
    )
    assert (*found, "other threads") == PARTS
    assert found["server"] == pytest.approx(0.75)
    assert found["sign"] == pytest.approx(0.25)
    assert sum(found.values()) == pytest.approx(1)


def test_an_empty_profile_has_no_shares() -> None:
    """A worker that was never seen at work."""
    assert set(shares([]).values()) == {0.0}
