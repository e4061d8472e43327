"""The rows REF of the conformance matrix, asked of the running program over HTTP."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import httpx
import pytest

from support.grantd_process import GrantdProcess, RegisteredClient
from support.oauth_replies import granted, introspected, looks, refused
from support.polling import wait_until

READ, WRITE, PAY = "orders.read", "orders.write", "invoices.pay"
GRANTED = f"{READ} {WRITE}"
ORDERS, BILLING = "https://orders.example", "https://billing.example"
REFRESHES = (
    *("--grant", "client_credentials", "--grant", "refresh_token"),
    "--issue-refresh-token",
)
GRACE = 2.0
MAX_AGE = 4.0


@dataclass(frozen=True, slots=True)
class World:
    """A server, and those who meet there.

    Attributes:
        holder: The client whose refresh tokens these tests are about.

        brief: Its refresh tokens may idle for two seconds.

        plain: It may not refresh.

        watcher: It may introspect every access token.
    """

    server: GrantdProcess
    holder: RegisteredClient
    other: RegisteredClient
    brief: RegisteredClient
    plain: RegisteredClient
    public: RegisteredClient
    watcher: RegisteredClient

    def begin(self, scope: str = GRANTED, **form: str) -> dict[str, Any]:
        """Let the holder begin a family."""
        return granted(self.server.issue(self.holder, scope=scope, **form))

    def refresh(self, token: str, **form: str) -> dict[str, Any]:
        """Let the holder refresh, which has to succeed."""
        return granted(self.server.refresh(self.holder, token, **form))

    def refuse(self, token: str, code: str = "invalid_grant", **form: str) -> httpx.Response:
        """Let the holder refresh, which has to be refused."""
        reply = self.server.refresh(self.holder, token, **form)
        refused(reply, 400, code)
        return reply

    def is_active(self, access_token: str) -> bool:
        active: bool = introspected(self.server.introspect(self.watcher, access_token))["active"]
        return active


@pytest.fixture(scope="module")
def world(store: str, start_grantd: Callable[..., GrantdProcess]) -> World:
    server = start_grantd(store, {"allow_public_client_credentials": "true", "workers": "2"})
    for resource in (ORDERS, BILLING):
        server.require("resources", "create", resource)
    server.create_scopes(READ, WRITE, PAY)
    may = ("--scope", f"{READ} {WRITE} {PAY}", "--audience", ORDERS, "--audience", BILLING)
    names: dict[str, tuple[str, ...]] = {
        "holder": (*REFRESHES, *may),
        "other": (*REFRESHES, *may),
        "brief": (*REFRESHES, "--refresh-token-ttl", "2s"),
        "plain": (),
        "public": (*REFRESHES, "--public", "--scope", READ, "--default-scope", READ),
        "watcher": ("--introspect-any",),
    }
    with ThreadPoolExecutor(2) as pool:
        made = pool.map(lambda name: server.create_client(name, *names[name]), names)
        return World(server, *made)


@pytest.fixture(scope="module")
def impatient(world: World) -> Iterator[World]:
    """The same store, served with a window of grace and an absolute end of families."""
    server = GrantdProcess(
        world.server.folder,
        store=world.server.store,
        settings={
            "refresh_grace": f"{GRACE:.0f}s",
            "refresh_token_max_age": f"{MAX_AGE:.0f}s",
            "grpc": "off",
        },
    ).start()
    clients = (world.holder, world.other, world.brief, world.plain, world.public, world.watcher)
    yield World(server, *clients)
    server.stop()


def test_REF_001_a_refresh_gives_new_tokens_of_the_same_scope(world: World) -> None:
    """Both tokens are new, and the refresh token cannot be guessed."""
    first = world.begin()

    second = world.refresh(first["refresh_token"])

    assert second["scope"] == first["scope"] == GRANTED
    assert second["access_token"] != first["access_token"]
    assert second["refresh_token"] != first["refresh_token"]
    secrets = [it["refresh_token"].rpartition(".")[2] for it in (first, second)]
    assert secrets[0] != secrets[1]
    assert all(len(secret) >= 22 for secret in secrets), "128 bits in base64url"
    assert world.is_active(first["access_token"])
    assert world.is_active(second["access_token"])


def test_REF_002_a_used_a_revoked_and_an_unknown_token_look_the_same(world: World) -> None:
    """The refusal tells nobody which of them it was."""
    used = world.begin()["refresh_token"]
    world.refresh(used)
    revoked = world.begin()["refresh_token"]
    assert world.server.revoke(world.holder, revoked).status_code == 200

    replies = [world.refuse(token) for token in (used, revoked, "unknown")]

    assert looks(replies[0]) == looks(replies[1]) == looks(replies[2])


@pytest.mark.parametrize("generation", [0, 1], ids=["grandparent", "parent"])
def test_REF_003_a_replayed_refresh_token_ends_the_family(world: World, generation: int) -> None:
    """However old the token is that comes back, the newest one is refused from then on."""
    line = [world.begin()["refresh_token"]]
    for _ in range(2):
        line.append(world.refresh(line[-1])["refresh_token"])

    world.refuse(line[generation])

    for token in reversed(line):
        world.refuse(token)


def test_REF_003_a_replay_ends_no_other_family_of_the_client(world: World) -> None:
    """A thief of one token cannot end what the client does elsewhere."""
    stolen = world.begin()["refresh_token"]
    elsewhere = world.begin()
    world.refresh(stolen)

    world.refuse(stolen)

    assert world.is_active(elsewhere["access_token"])
    world.refresh(elsewhere["refresh_token"])


def test_REF_004_a_replay_ends_the_access_tokens_of_the_family(world: World) -> None:
    """All of them, the one from the original grant too."""
    first = world.begin()
    second = world.refresh(first["refresh_token"])
    third = world.refresh(second["refresh_token"], scope=READ)
    tokens = [issued["access_token"] for issued in (first, second, third)]
    assert all(world.is_active(token) for token in tokens)

    world.refuse(first["refresh_token"])

    replies = [world.server.introspect(world.watcher, token) for token in tokens]
    assert [introspected(reply) for reply in replies] == [{"active": False}] * 3


def test_REF_005_a_narrower_scope_narrows_the_access_token_alone(world: World) -> None:
    """The refresh token that comes with it still stands for all that was granted."""
    first = world.begin()

    narrow = world.refresh(first["refresh_token"], scope=READ)
    full = world.refresh(narrow["refresh_token"], scope=GRANTED)
    default = world.refresh(full["refresh_token"])

    assert narrow["scope"] == READ
    shown = introspected(world.server.introspect(world.watcher, narrow["access_token"]))
    assert shown["scope"] == READ
    assert full["scope"] == GRANTED
    assert default["scope"] == GRANTED


@pytest.mark.parametrize("wider", [f"{GRANTED} {PAY}", PAY, f"{READ} unheard.of"])
def test_REF_006_a_scope_beyond_the_grant_is_refused_and_consumes_nothing(
    world: World, wider: str
) -> None:
    """The client is told which values, and may ask again with the same token."""
    first = world.begin()

    reply = world.refuse(first["refresh_token"], "invalid_scope", scope=wider)

    assert wider.rpartition(" ")[2] in reply.json()["hint"]
    assert world.refresh(first["refresh_token"])["scope"] == GRANTED
    assert world.is_active(first["access_token"])


def test_REF_007_a_strangers_attempt_is_refused_and_harms_nobody(world: World) -> None:
    """Neither the live token nor a spent one lets a stranger end the family."""
    first = world.begin()
    second = world.refresh(first["refresh_token"])

    for token in (second["refresh_token"], first["refresh_token"]):
        refused(world.server.refresh(world.other, token), 400, "invalid_grant")

    assert world.is_active(second["access_token"])
    world.refresh(second["refresh_token"])


def _with_another_generation(token: str) -> str:
    head, _, mac = token.rpartition(".")
    return f"{head}0.{mac}"


def _with_another_mac(token: str) -> str:
    return token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]


@pytest.mark.parametrize(
    "forge",
    [
        lambda _: "unknown",
        lambda _: "gdr_a.b.1.c",
        lambda _: "eyJhbGciOiJub25lIn0.eyJzdWIiOiJob2xkZXIifQ.",
        lambda _: "x" * 5_000,
        lambda _: "grünes-Märkchen-\N{KEY}",
        lambda _: "' OR 1=1; DROP TABLE families; --",
        _with_another_generation,
        _with_another_mac,
        str.upper,
        lambda token: token + "=",
        lambda token: token * 2,
    ],
    ids=[
        *("unknown", "like-ours", "like-a-jwt", "5-kB", "beyond-ASCII", "SQL"),
        *("other-generation", "other-mac", "upper-case", "padded", "doubled"),
    ],
)
def test_REF_008_what_is_no_token_of_ours_is_refused_alike(
    world: World, forge: Callable[[str], str]
) -> None:
    """And a forgery made from a real token does the real one no harm."""
    real = world.begin()["refresh_token"]

    reply = world.refuse(forge(real))

    assert looks(reply) == looks(world.refuse("unknown"))
    world.refresh(real)


@pytest.mark.parametrize("given", ["missing", "empty", "twice", "twice-and-different"])
def test_REF_009_exactly_one_refresh_token_has_to_be_given(world: World, given: str) -> None:
    """The request is malformed, and the token in it is as good as before."""
    token = world.begin()["refresh_token"]
    values = {
        "missing": [],
        "empty": [""],
        "twice": [token, token],
        "twice-and-different": [token, "unknown"],
    }[given]

    reply = world.server.post(
        "/access_token",
        [("grant_type", "refresh_token"), *(("refresh_token", value) for value in values)],
        auth=world.holder.basic,
    )

    refused(reply, 400, "invalid_request")
    world.refresh(token)


def test_REF_010_a_revoked_refresh_token_is_refused(world: World) -> None:
    """Its access tokens are gone with it."""
    first = world.begin()
    second = world.refresh(first["refresh_token"])

    reply = world.server.revoke(world.holder, second["refresh_token"])

    assert (reply.status_code, reply.content) == (200, b"")
    assert reply.headers["Cache-Control"] == "no-store"
    world.refuse(second["refresh_token"])
    assert not world.is_active(first["access_token"])
    assert not world.is_active(second["access_token"])


@pytest.mark.parametrize("attempt", range(8))
def test_REF_011_of_six_concurrent_uses_one_succeeds(world: World, attempt: int) -> None:
    """On two worker processes; the others are replays, so nothing of the family is left."""
    token = world.begin()["refresh_token"]
    start = Barrier(6)

    def use(_: int) -> httpx.Response:
        start.wait()
        return world.server.refresh(world.holder, token)

    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(use, range(6)))

    winners = [reply for reply in replies if reply.status_code == 200]
    assert len(winners) == 1
    for reply in replies:
        if reply is not winners[0]:
            refused(reply, 400, "invalid_grant")
    won = granted(winners[0])
    assert not world.is_active(won["access_token"])
    world.refuse(won["refresh_token"])


@pytest.mark.parametrize("proof", ["wrong-secret", "none", "id-alone", "unknown-client"])
def test_REF_012_who_is_not_proved_consumes_nothing(world: World, proof: str) -> None:
    """The right token does not stand for the right secret."""
    token = world.begin()["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": token}
    auth = {
        "wrong-secret": (world.holder.client_id, world.other.secret),
        "unknown-client": ("nobody", world.holder.secret),
    }.get(proof)
    if proof == "id-alone":
        form["client_id"] = world.holder.client_id

    reply = world.server.post("/access_token", form, auth=auth)

    refused(reply, 401, "invalid_client")
    world.refresh(token)


def test_REF_013_an_access_token_is_no_refresh_token(world: World) -> None:
    """It is refused, and as good an access token as before."""
    issued = world.begin()

    world.refuse(issued["access_token"])

    assert world.is_active(issued["access_token"])
    world.refresh(issued["refresh_token"])


def test_REF_013_a_refresh_token_is_no_access_token(world: World) -> None:
    """Its owner is shown something nobody can bear; a resource service sees nothing."""
    token = world.begin()["refresh_token"]

    own = introspected(world.server.introspect(world.holder, token))

    assert own["active"] is True
    assert (own["client_id"], own["scope"]) == (world.holder.client_id, GRANTED)
    assert "token_type" not in own
    for caller in (world.watcher, world.other):
        assert introspected(world.server.introspect(caller, token)) == {"active": False}
    successor = world.refresh(token)["refresh_token"]
    assert introspected(world.server.introspect(world.holder, token)) == {"active": False}
    assert introspected(world.server.introspect(world.holder, successor))["active"] is True


def test_REF_014_a_public_clients_refresh_token_is_rotated_and_reuse_refused(world: World) -> None:
    """Nobody can hold a token to a client without a secret, so its reuse ends the family."""
    mine = {"client_id": world.public.client_id}

    def refresh(token: str) -> httpx.Response:
        form = {"grant_type": "refresh_token", "refresh_token": token, **mine}
        return world.server.post("/access_token", form)

    issued = world.server.post("/access_token", {"grant_type": "client_credentials", **mine})
    first = granted(issued)
    second = granted(refresh(first["refresh_token"]))

    assert second["refresh_token"] != first["refresh_token"]
    refused(refresh(first["refresh_token"]), 400, "invalid_grant")
    refused(refresh(second["refresh_token"]), 400, "invalid_grant")
    assert not world.is_active(second["access_token"])


def test_REF_015_a_client_not_registered_for_the_grant_is_refused(world: World) -> None:
    """Whatever token it brings, and without harm to that."""
    token = world.begin()["refresh_token"]

    refused(world.server.refresh(world.plain, token), 400, "unauthorized_client")
    refused(world.server.refresh(world.plain, "unknown"), 400, "unauthorized_client")

    world.refresh(token)


@pytest.mark.parametrize("resource", [BILLING, "https://unheard.example", "orders", "/orders"])
def test_REF_016_a_resource_outside_the_grant_is_refused_and_consumes_nothing(
    world: World, resource: str
) -> None:
    """Though the client may ask for some of these anew, this grant is for another."""
    first = world.begin(resource=ORDERS)

    world.refuse(first["refresh_token"], "invalid_target", resource=resource)

    second = world.refresh(first["refresh_token"], resource=ORDERS)
    third = world.refresh(second["refresh_token"])
    for issued in (first, second, third):
        shown = introspected(world.server.introspect(world.watcher, issued["access_token"]))
        assert shown["aud"] == ORDERS


def test_REF_017_a_token_idle_for_too_long_is_refused(world: World) -> None:
    """Its access token ends with it: no token outlives its family."""
    issued = granted(world.server.issue(world.brief))
    token = issued["refresh_token"]
    assert issued["expires_in"] == 2

    wait_until(lambda: not introspected(world.server.introspect(world.brief, token))["active"])

    refused(world.server.refresh(world.brief, token), 400, "invalid_grant")
    assert not world.is_active(issued["access_token"])


def test_REF_017_refreshing_ends_at_the_absolute_limit(impatient: World) -> None:
    """Each refresh begins the idle time anew, and none goes beyond the end of the family."""
    began = time.monotonic()
    issued = granted(impatient.server.issue(impatient.brief))
    deadline = began + 4 * MAX_AGE

    while (reply := impatient.server.refresh(impatient.brief, issued["refresh_token"])).is_success:
        issued = granted(reply)
        assert time.monotonic() < deadline
        time.sleep(0.1)

    refused(reply, 400, "invalid_grant")
    assert time.monotonic() - began >= MAX_AGE
    assert not impatient.is_active(issued["access_token"])


def test_REF_018_within_the_grace_a_repeated_request_gets_the_same_successor(
    impatient: World,
) -> None:
    """A lost reply is made up for without a second branch."""
    first = impatient.begin()
    lost = impatient.refresh(first["refresh_token"])

    again = impatient.refresh(first["refresh_token"])

    assert again["refresh_token"] == lost["refresh_token"]
    assert again["access_token"] != lost["access_token"]
    impatient.refresh(again["refresh_token"])


def test_REF_018_a_successor_once_used_ends_the_grace(impatient: World) -> None:
    """Then the reply was not lost, and whoever repeats the request is somebody else."""
    first = impatient.begin()
    second = impatient.refresh(first["refresh_token"])
    third = impatient.refresh(second["refresh_token"])

    impatient.refuse(first["refresh_token"])

    impatient.refuse(third["refresh_token"])
    assert not impatient.is_active(third["access_token"])


def test_REF_018_after_the_grace_a_repeated_request_is_a_replay(impatient: World) -> None:
    """The window closes by itself."""
    first = impatient.begin()
    second = impatient.refresh(first["refresh_token"])

    time.sleep(GRACE)  # nothing shows from outside that it is over

    assert impatient.is_active(second["access_token"])
    impatient.refuse(first["refresh_token"])
    assert not impatient.is_active(second["access_token"])
