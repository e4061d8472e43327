"""Which deployment an address means."""

from dataclasses import replace
from typing import Final

from adapters.redis.address import Kind, RedisAddress
from adapters.redis.cluster import ClusterDeployment
from adapters.redis.credentials import CredentialFiles, read_password, tls_context
from adapters.redis.deployment import Deployment
from adapters.redis.link import Wiring
from adapters.redis.node import Node
from adapters.redis.sentinel import SentinelDeployment
from adapters.redis.standalone import Standalone

# Who does not answer a look by then holds all others up.
_LOOK_TIMEOUT: Final = 0.5


def open_deployment(
    address: RedisAddress, files: CredentialFiles, *, connect_timeout: float, reply_timeout: float
) -> Deployment:
    """Prepare to connect.

    Raises:
        ValueError: If a file does not do.
    """
    mode = b"cluster" if address.kind is Kind.CLUSTER else b"standalone"
    wiring = Wiring(
        greeting={b"mode": mode, b"role": b"master"},
        database=address.database,
        username=address.username,
        password=read_password(files.password),
        tls=tls_context(files) if address.tls else None,
        connect_timeout=connect_timeout,
        reply_timeout=reply_timeout,
    )
    match address.kind:
        case Kind.STANDALONE:
            return Standalone(Node(address.places[0], wiring))
        case Kind.CLUSTER:
            to_scouts = replace(
                wiring,
                greeting={b"mode": mode},
                connect_timeout=min(connect_timeout, _LOOK_TIMEOUT),
                reply_timeout=min(reply_timeout, _LOOK_TIMEOUT),
            )
            return ClusterDeployment(address.places, wiring=wiring, to_scouts=to_scouts)
        case Kind.SENTINEL:
            to_sentinels = replace(
                wiring,
                greeting={b"mode": b"sentinel"},
                database=0,
                username=files.sentinel_username,
                password=read_password(files.sentinel_password),
                connect_timeout=min(connect_timeout, _LOOK_TIMEOUT),
                reply_timeout=min(reply_timeout, _LOOK_TIMEOUT),
            )
            return SentinelDeployment(
                address.places, address.service, wiring=wiring, to_sentinels=to_sentinels
            )
