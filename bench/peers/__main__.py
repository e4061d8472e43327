"""Measure grantd beside servers that others wrote, in one run.

    make bench-peers

Each has one process for its own code, the same client, and a Redis of its own
that writes to disk as in production. Tables and numbers go where `make bench`
puts its own, under the name peers.json.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from bench.bed import INTROSPECT, ISSUE, Request, installed
from bench.checks import check_outcomes
from bench.load.loads import Target
from bench.measuring import Length, in_turns
from bench.occasion import machine, stop_in_order, told
from bench.peers.servers import FOLDER, Peer, ServingPeer
from bench.report import FILES, summary, tables
from bench.results import Results, write
from bench.servers.grantd import ES256, RS256, Grantd
from bench.targets import JMONDI, OIDC_JWT, OIDC_OPAQUE, PEER_GOALS, STORES, judge

_JWT: Final = Peer(OIDC_JWT, "oidc_provider.js", "jwt", "", "client_id")
_OPAQUE: Final = Peer(OIDC_OPAQUE, "oidc_provider.js", "opaque", "/token/introspection", "")
_LEAGUE: Final = Peer(JMONDI, "jmondi.js", "jwt", "/introspect", "cid")

_ROUNDS: Final = {
    Request("http", ISSUE, ES256): (_JWT, _LEAGUE),
    Request("http", INTROSPECT, ES256): (_OPAQUE, _LEAGUE),
    Request("http", ISSUE, RS256): (_JWT, _LEAGUE),
}
_WARM_UP: Final = 4.0  # Node compiles what is often run
_GRANTD: Final = Path(sys.executable).with_name("grantd")


def run(length: Length, results: Results) -> None:
    """Measure into *results*, which keeps what there is if it ends early."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="grantd-peers-")))
        installations = stack.enter_context(installed(folder / "grantd", _GRANTD, STORES))
        ours = {name: stack.enter_context(one.serving()) for name, one in installations.items()}
        for number, (request, peers) in enumerate(_ROUNDS.items()):
            with contenders(folder / str(number), request, ours, peers) as targets:
                results.peak += in_turns(folder, targets, str(request), length, warm_up=_WARM_UP)


def node() -> str:
    done = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@contextmanager
def contenders(
    folder: Path, request: Request, ours: Mapping[str, Grantd], peers: tuple[Peer, ...]
) -> Iterator[dict[str, Target]]:
    """Start the peers and check everybody's replies, before the block and after it."""
    with ExitStack() as stack:
        others = [
            stack.enter_context(peer.serving(folder / str(number), request.algorithm))
            for number, peer in enumerate(peers)
        ]
        targets = {one.peer.name: _target(one, request) for one in others}
        before = {name: server.ended() for name, server in ours.items()}
        _check(request, ours, others, targets)
        yield {**{name: request.of(server) for name, server in ours.items()}, **targets}
        _check(request, ours, others, targets)
        for name, server in ours.items():
            check_outcomes(before[name], server.ended())


def _target(peer: ServingPeer, request: Request) -> Target:
    return peer.issue() if request.kind == ISSUE else peer.introspect()


def _check(
    request: Request,
    ours: Mapping[str, Grantd],
    others: list[ServingPeer],
    targets: Mapping[str, Target],
) -> None:
    for server in ours.values():
        request.check(server)
    for peer in others:
        if request.kind == ISSUE:
            peer.check_issue(request.algorithm)
        else:
            peer.check_introspect(targets[peer.peer.name])


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="bench.peers", description="Measure grantd beside servers that others wrote."
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3, help="of each load")
    parser.add_argument("--out", type=Path, default=FILES["peers"], help="where the JSON goes")
    given = parser.parse_args()
    if not (FOLDER / "node_modules").is_dir():
        parser.error("the peers are not installed: run `make bench-peers`")
    length = Length(given.rounds, given.seconds, requests=0, records=0)
    results = Results(machine={**machine(), "Node": node()}, options=told(length))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    try:
        run(length, results)
    finally:
        given.out.write_bytes(write(results))
    for text in tables(results, PEER_GOALS).values():
        print(text, end="\n\n")
    print(summary(judge(results, PEER_GOALS)))


if __name__ == "__main__":
    stop_in_order()
    main()
