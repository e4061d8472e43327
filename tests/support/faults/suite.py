"""One fault under load, from the first token to the checker's word."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from support.faults.checker import Finding, Kind, check, rolled_back
from support.faults.history import Act, History, Outcome
from support.faults.load import Cast, Load
from support.grantd_process import GrantdProcess

# Seconds.
_BEFORE = 0.7
_AFTER = 1.0
_RECOVERS_WITHIN = 30.0
# What a store took in before it was cut off, and nobody waits for any more, is done by then.
_SETTLED_AFTER = 0.5

_SHOWN = 20

_REFRESHES = (
    *("--grant", "client_credentials", "--grant", "refresh_token"),
    "--issue-refresh-token",
)
_OPAQUE = ("--token-format", "opaque")
# Its token outlives whatever a clock does here.
_ADMINISTERS = ("--scope", "grantd.admin.write", "--access-token-ttl", "1d")

_TRAIL = "audit.jsonl"
_AHEAD = '"refresh_token.ahead"'
_SETTINGS = {
    "workers": "2",
    "audit_log": f"./{_TRAIL}",
    "failures_per_client_and_source": "off",
    "failures_per_client": "off",
    "failures_per_source": "off",
}


@dataclass(slots=True, kw_only=True)
class Site:
    """A server of two workers for each protocol, on whatever store.

    Attributes:
        deployment: What it is called in the table.
    """

    deployment: str
    grantd: GrantdProcess
    cast: Cast
    _usual: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._usual = self.grantd.environment

    def configure(self, environment: Mapping[str, str]) -> None:
        """Have the server run, with so much more in its environment than usual."""
        wanted = {**self._usual, **environment}
        if wanted != self.grantd.environment or not self.grantd.is_running:
            self.grantd.kill()
            self.grantd.environment = wanted
            self.grantd.start()


@contextmanager
def opened(
    folder: Path, *, store: str = "", **settings: str
) -> Iterator[tuple[GrantdProcess, Cast]]:
    """Start a server with so many more settings, and register who takes part."""
    server = GrantdProcess(folder, store=store, settings={**_SETTINGS, **settings})
    try:
        server.start()
        yield server, _register(server)
    finally:
        server.kill()


def _register(server: GrantdProcess) -> Cast:
    made = {
        client.client_id: client
        for client in server.create_clients(
            {
                "refreshing": _REFRESHES,
                "remembered": (*_REFRESHES, *_OPAQUE),
                "plain": (),
                "plain-opaque": _OPAQUE,
                "leaving": _REFRESHES,
                "administrator": _ADMINISTERS,
            }
        )
    }
    reply = server.issue(made["administrator"], scope="grantd.admin.write")
    both = [made["refreshing"], made["remembered"]]
    clients = [*both, *both, made["plain"], made["plain-opaque"]]
    return Cast(clients, made["leaving"], reply.json()["access_token"])


S = TypeVar("S", bound=Site)


@dataclass(frozen=True, slots=True)
class Fault(Generic[S]):
    """Something that happens to a server or to its store.

    Attributes:
        strikes: Does it on entry, and undoes it on exit; it is asked for anew for each run.

        lasts: For how many seconds the load goes on in between.

        environment: What the server needs to have in its own for it, besides the usual.

        tolerated: What may come of it; nothing, where all that was acknowledged has to hold.

        is_in_short_form: It stands for its deployment where there is no time for all.
    """

    name: str
    strikes: Callable[[S], AbstractAsyncContextManager[None]]
    lasts: float = 2.0
    environment: Mapping[str, str] = field(default_factory=dict)
    tolerated: frozenset[Kind] = frozenset()
    is_in_short_form: bool = False

    def __str__(self) -> str:
        return self.name


# Lets a fault strike a server, and fails if more comes of it than may.
Strike = Callable[[Site, Fault[Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run was like.

    Attributes:
        lost: How often what was found, of what the fault may bring about.

        alarms: How often somebody was ahead of the store, and it was told.

        is_lossy: Whether it may bring about anything.

        findings: All else that was found.

        evidence: Where the history is, if anything was.
    """

    deployment: str
    fault: str
    operations: int
    unknown: int
    lost: Counter[Kind]
    alarms: int
    is_lossy: bool
    findings: list[Finding]
    evidence: Path

    def __str__(self) -> str:
        """Say what is wrong, and where to look for more."""
        found = "\n".join(f"  {finding}" for finding in self.findings[:_SHOWN])
        what = f"{self.deployment}, {self.fault}: {len(self.findings)} findings"
        return f"{what}, see {self.evidence}\n{found}"


async def suffer(site: S, fault: Fault[S], *, seed: str, evidence: Path) -> Verdict:
    """Let a fault strike under load, and judge by the history.

    Args:
        evidence: Where the history is left if it is found wrong.
    """
    await asyncio.to_thread(site.configure, fault.environment)
    load = Load(
        site.cast, http_port=site.grantd.http_port, grpc_port=site.grantd.grpc_port, seed=seed
    )
    alarms_before = _alarms(site)
    try:
        await _play(load, site, fault)
    except BaseException:
        load.recorder.history.save(evidence, seed=seed)
        raise
    finally:
        await load.close()
    history = load.recorder.history
    found = check(history, losses_allowed=Kind.LOST_TOKEN in fault.tolerated)
    alarms = _alarms(site) - alarms_before
    unnoticed = len(rolled_back(history)) - alarms
    if unnoticed > 0:
        why = f"{unnoticed} families were ahead of the store, and no alarm was raised"
        found.append(Finding(Kind.UNNOTICED, site.deployment, why))
    verdict = Verdict(
        deployment=site.deployment,
        fault=fault.name,
        operations=len(history.operations),
        unknown=sum(each.outcome is Outcome.UNKNOWN for each in history.operations),
        lost=Counter(each.kind for each in found if each.kind in fault.tolerated),
        alarms=alarms,
        is_lossy=bool(fault.tolerated),
        findings=[each for each in found if each.kind not in fault.tolerated],
        evidence=evidence,
    )
    if verdict.findings:
        history.save(evidence, findings=[str(finding) for finding in found], seed=seed)
    return verdict


def _alarms(site: Site) -> int:
    """Return how often the audit trail has said that a token is ahead of the store."""
    trail = site.grantd.folder / _TRAIL
    return trail.read_text(encoding="utf-8").count(_AHEAD) if trail.exists() else 0


async def _play(load: Load, site: S, fault: Fault[S]) -> None:
    recorder = load.recorder
    async with load.running():
        await asyncio.sleep(_BEFORE)
        recorder.remark(fault.name)
        async with fault.strikes(site):
            await asyncio.sleep(fault.lasts)
            recorder.remark("undoing it")
        recorder.remark("undone")
        await _recovered(recorder.history)
        await asyncio.sleep(_AFTER)
    await asyncio.sleep(_SETTLED_AFTER)
    await load.read_everything()
    await load.try_every_family()


async def _recovered(history: History) -> None:
    """Return once callers of both protocols can refresh and revoke, with no help of theirs."""
    since = time.monotonic()
    while True:
        served = {
            operation.caller
            for operation in history.of(Act.REFRESH, Act.REVOKE)
            if operation.began > since and operation.outcome is Outcome.DONE
        }
        if len({caller.partition(" ")[0] for caller in served}) == 2:
            return
        if time.monotonic() > since + _RECOVERS_WITHIN:
            raise AssertionError(f"after {_RECOVERS_WITHIN:g} seconds it serves {sorted(served)}")
        await asyncio.sleep(0.1)
