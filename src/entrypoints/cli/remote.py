"""A running server as the commands see it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from adapters.remote.catalogue import RemoteCatalogue
from adapters.remote.clients import RemoteClients
from adapters.remote.keys import RemoteDataKeys, RemoteKeys
from adapters.remote.secrets import RemoteSecrets
from adapters.remote.server import RemoteServer, TargetTls, connect
from adapters.system.clock import SystemClock
from adapters.system.entropy import SystemEntropy
from domain.model.identifiers import ClientId
from domain.ports.clock import Clock
from entrypoints.cli.administration import Administration
from entrypoints.cli.exits import ExitStatus, Refused
from entrypoints.cli.inputs import read_secret
from entrypoints.cli.tls import client_context
from entrypoints.setting_forms import Address
from entrypoints.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteAdministration:
    """The administration of one server."""

    administer_clients: RemoteClients
    administer_secrets: RemoteSecrets
    administer_catalogue: RemoteCatalogue
    administer_keys: RemoteKeys
    rotate_data_keys: RemoteDataKeys
    clock: Clock


_: type[Administration] = RemoteAdministration


def with_server(
    settings: Settings, target: Address, work: Callable[[Administration], Awaitable[T]]
) -> T:
    """Do *work* with the administration of the server at *target*.

    Raises:
        Refused: If it is not said as whom, or the way there is not private.
        GrantdError: What the server refuses; `Unavailable` if it is away.
    """
    tls = _tls(settings)
    if tls is None and not target.is_loopback and not settings.target_insecure:
        raise Refused(
            f"{target} is not on loopback: secret and tokens would go in the clear; --target-tls,"
            " or --target-insecure if something else keeps that way private",
            ExitStatus.WRONG_USAGE,
        )
    if not settings.target_client or settings.target_secret_file is None:
        raise Refused(
            "--target needs --target-client and --target-secret-file", ExitStatus.WRONG_USAGE
        )
    secret = read_secret(settings.target_secret_file)

    async def run() -> T:
        client_id = ClientId(settings.target_client)
        async with connect(str(target), client_id, secret, tls=tls) as server:
            return await work(_administration(server))

    return asyncio.run(run())


def _tls(settings: Settings) -> TargetTls | None:
    if not settings.target_tls:
        return None
    client_context(settings)  # gRPC would not say which file does not do
    return TargetTls(
        authorities=_read(settings.target_ca_file),
        certificate=_read(settings.target_certificate_file),
        key=_read(settings.target_certificate_key_file),
    )


def _read(path: Path | None) -> bytes | None:
    return path.read_bytes() if path is not None else None


def _administration(server: RemoteServer) -> RemoteAdministration:
    return RemoteAdministration(
        administer_clients=RemoteClients(server, SystemEntropy()),
        administer_secrets=RemoteSecrets(server),
        administer_catalogue=RemoteCatalogue(server),
        administer_keys=RemoteKeys(server),
        rotate_data_keys=RemoteDataKeys(server),
        clock=SystemClock(),
    )
