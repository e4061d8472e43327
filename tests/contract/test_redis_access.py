"""Who Redis lets in, and whom we let ourselves be told something by."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.redis import permissions
from adapters.redis.connection import RedisConnection
from adapters.redis.credentials import CredentialFiles
from adapters.redis.revocations import RedisRevocationList
from domain.errors import Unavailable
from support.domain_samples import HOUR, NOW, token_id
from support.polling import until
from support.redis_certificates import RedisCertificates
from support.redis_cluster import ClusterDeployment
from support.redis_sentinel import SentinelDeployment
from support.redis_server import RedisServer, acl_user

_PASSWORD = "open-sesame"
_NEEDED = permissions.rules().split()

_OF_SENTINELS = (
    *("-@all", "+ping", "+client|setname"),
    *("+sentinel|myid", "+sentinel|master", "+sentinel|sentinels"),
)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> RedisCertificates:
    return RedisCertificates.issue(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, certificates: RedisCertificates
) -> Iterator[RedisServer]:
    """One that speaks TLS, and has users of several rights."""
    started = RedisServer.start(
        tmp_path_factory.mktemp("redis"),
        *acl_user("grantd", _PASSWORD, *_NEEDED),
        *acl_user("reader", _PASSWORD, *_NEEDED, "-@scripting"),
        certificates=certificates,
    )
    yield started
    started.stop()


@pytest.fixture
def files(tmp_path: Path, certificates: RedisCertificates) -> CredentialFiles:
    password = tmp_path / "password"
    password.write_text(f"{_PASSWORD}\n")
    return CredentialFiles(password=password, ca=certificates.ca_file)


@asynccontextmanager
async def revocations(url: str, files: CredentialFiles) -> AsyncIterator[RedisRevocationList]:
    connection = RedisConnection.from_url(url, files=files)
    try:
        yield RedisRevocationList(connection)
    finally:
        await connection.close()


async def require_work(url: str, files: CredentialFiles) -> None:
    """Write and read."""
    async with revocations(url, files) as listed:
        await listed.add(token_id(), until=NOW + HOUR, now=NOW)
        assert await listed.contains(token_id(), now=NOW)


async def works(url: str, files: CredentialFiles) -> bool:
    """Tell whether it does by now: a machine that is busy may make Sentinels doubt for a moment."""
    try:
        await require_work(url, files)
    except Unavailable:
        return False
    return True


def as_user(name: str, url: str) -> str:
    return url.replace("://", f"://{name}@")


async def test_a_user_is_let_in_over_tls(server: RedisServer, files: CredentialFiles) -> None:
    """By a name in the URL and a password in a file."""
    await require_work(as_user("grantd", server.url), files)


async def test_a_user_who_lacks_a_right_is_told_which(
    server: RedisServer, files: CredentialFiles
) -> None:
    """What it may do goes on."""
    async with revocations(as_user("reader", server.url), files) as listed:
        assert await listed.contains(token_id(7), now=NOW) is False
        with pytest.raises(Unavailable, match="evalsha"):
            await listed.add(token_id(7), until=NOW + HOUR, now=NOW)
        assert await listed.contains(token_id(7), now=NOW) is False


@pytest.mark.parametrize("name", ["grantd", "stranger"])
async def test_a_wrong_password_is_unavailable_and_not_repeated(
    server: RedisServer, files: CredentialFiles, tmp_path: Path, name: str
) -> None:
    """Neither in the refusal nor in the log."""
    wrong = tmp_path / "wrong"
    wrong.write_text("open-poppy")

    async with revocations(as_user(name, server.url), replace(files, password=wrong)) as listed:
        with pytest.raises(Unavailable, match=r"(?i)password") as refusal:
            await listed.contains(token_id(), now=NOW)

    assert "poppy" not in repr(refusal.value) + str(refusal.value.__cause__)


async def test_a_server_that_refuses_us_is_let_go_of_at_once(
    certificates: RedisCertificates, files: CredentialFiles
) -> None:
    """Though it never answers that the conversation is over."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        let_go = asyncio.create_task(asyncio.to_thread(_refuse, listening, certificates))
        async with revocations(f"rediss://127.0.0.1:{port}/0", files) as listed:
            with pytest.raises(Unavailable):
                await listed.contains(token_id(), now=NOW)
            await let_go


def _refuse(listening: socket.socket, certificates: RedisCertificates) -> None:
    """Let one caller in, refuse it, and wait until its socket is closed."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.certificate_file, certificates.key_file)
    accepted, _ = listening.accept()
    with context.wrap_socket(accepted, server_side=True) as caller:
        caller.recv(4096)
        caller.sendall(b"-WRONGPASS not with this one\r\n")
        with socket.socket(fileno=caller.detach()) as plain:
            plain.settimeout(10)
            with suppress(ConnectionResetError):
                while plain.recv(4096):
                    pass


async def test_a_server_that_another_authority_vouches_for_is_not_trusted(
    server: RedisServer, files: CredentialFiles, tmp_path: Path
) -> None:
    """It may be anybody."""
    another = RedisCertificates.issue(tmp_path)

    async with revocations(
        as_user("grantd", server.url), replace(files, ca=another.ca_file)
    ) as listed:
        with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
            await listed.contains(token_id(), now=NOW)


async def test_a_server_has_to_bear_the_name_it_is_called_by(
    tmp_path: Path,
) -> None:
    """A certificate for another is no certificate."""
    nameless = RedisCertificates.issue(tmp_path, "127.0.0.1")
    server = RedisServer.start(tmp_path, certificates=nameless)
    trusting = CredentialFiles(ca=nameless.ca_file)
    try:
        await require_work(server.url, trusting)
        async with revocations(server.url.replace("127.0.0.1", "localhost"), trusting) as listed:
            with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
                await listed.contains(token_id(), now=NOW)
    finally:
        server.stop()


async def test_a_certificate_is_shown_to_a_server_that_asks_for_one(
    certificates: RedisCertificates, tmp_path: Path
) -> None:
    """And without one we are not let in."""
    server = RedisServer.start(tmp_path, "--tls-auth-clients", "yes", certificates=certificates)
    without = CredentialFiles(ca=certificates.ca_file)
    try:
        await require_work(
            server.url,
            replace(
                without,
                certificate=certificates.client_certificate_file,
                certificate_key=certificates.client_key_file,
            ),
        )
        async with revocations(server.url, without) as listed:
            with pytest.raises(Unavailable):
                await listed.contains(token_id(), now=NOW)
    finally:
        server.stop()


async def test_a_server_that_speaks_no_tls_is_not_spoken_to_in_the_clear(
    redis_server: RedisServer, files: CredentialFiles
) -> None:
    """Nor does it get to see a password."""
    async with revocations(redis_server.url.replace("redis", "rediss"), files) as listed:
        with pytest.raises(Unavailable):
            await listed.contains(token_id(), now=NOW)


async def test_sentinels_have_a_password_of_their_own(
    certificates: RedisCertificates, files: CredentialFiles, tmp_path: Path
) -> None:
    """Everything over TLS."""
    sentinel_password = tmp_path / "sentinel"
    sentinel_password.write_text("open-barley")
    deployment = SentinelDeployment.start(
        tmp_path,
        certificates=certificates,
        password=_PASSWORD,
        sentinel_password="open-barley",
    )
    try:
        known = replace(files, sentinel_password=sentinel_password)
        await until(lambda: works(deployment.url, known))
        for sentinel in deployment.sentinels:
            sentinel.command("ACL", "SETUSER", "grantd", "on", ">open-barley", *_OF_SENTINELS)
        named = replace(known, sentinel_username="grantd")
        await until(lambda: works(deployment.url, named))
        async with revocations(deployment.url, files) as listed:
            with pytest.raises(Unavailable):
                await listed.contains(token_id(), now=NOW)
    finally:
        deployment.stop()


async def test_a_cluster_is_reached_over_tls(
    certificates: RedisCertificates, files: CredentialFiles, tmp_path: Path
) -> None:
    """The nodes it names as well."""
    deployment = ClusterDeployment.start(
        tmp_path, replicas=0, certificates=certificates, password=_PASSWORD
    )
    try:
        await require_work(deployment.url, files)
    finally:
        deployment.stop()
