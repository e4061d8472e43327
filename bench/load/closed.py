"""One run of closed-loop load, with what it took, repeated if others disturbed it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.load.h2load import h2load
from bench.load.loads import Answered, Load, Target
from bench.load.processors import Moment, memory
from bench.load.wrk import wrk

MOST_FROM_OTHERS: Final = 0.10  # processors
_TRIES: Final = 4
_PAUSE: Final = 1.0


class Failed(Exception):
    """A load came to replies that are no success, so that its numbers tell nothing."""


def closed_loop(target: Target, folder: Path, *, at_once: int, seconds: float) -> Load:
    """Load *target* with that many requests under way together.

    Raises:
        Failed: If a reply was no success.
    """
    return undisturbed(target, lambda: _generate(target, folder, at_once=at_once, seconds=seconds))


def _generate(target: Target, folder: Path, *, at_once: int, seconds: float) -> Answered:
    if target.protocol == "http":
        return wrk(target, folder, connections=at_once, seconds=seconds)
    return h2load(target, folder, calls=at_once, seconds=seconds)


def undisturbed(target: Target, generate: Callable[[], Answered]) -> Load:
    """Measure what *generate* takes; again, a few times at most, if others took processors."""
    load = _measured(target, generate)
    for _ in range(_TRIES - 1):
        if load.others <= MOST_FROM_OTHERS:
            break
        time.sleep(_PAUSE)
        load = min(load, _measured(target, generate), key=lambda one: one.others)
    return load


def _measured(target: Target, generate: Callable[[], Answered]) -> Load:
    server, store, everything = target.server(), target.store(), target.everything()
    began, before = time.perf_counter(), Moment.now(server, store, everything)
    answered = generate()
    after, wall = Moment.now(server, store, everything), time.perf_counter() - began
    if answered.failed or not answered.requests:
        raise Failed(f"{target.url}: {answered.failed} of {answered.requests} replies failed")
    taken = memory(server)
    each = 1e6 / answered.requests
    return Load(
        per_second=answered.requests / answered.seconds,
        requests=answered.requests,
        p50_ms=answered.p50_ms,
        p99_ms=answered.p99_ms,
        server_us=(after.server - before.server) * each,
        store_us=(after.store - before.store) * each,
        server_cores=(after.server - before.server) / wall,
        generator_cores=(after.children - before.children) / wall,
        others=after.others_since(before) / wall,
        rss_mib=taken.rss,
        pss_mib=taken.pss,
    )
