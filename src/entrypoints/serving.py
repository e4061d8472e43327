"""What is being served."""

from dataclasses import dataclass

from domain.model.identifiers import ClientId


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What is being served, for whoever started it.

    Attributes:
        workers: Of each protocol.

        active_key: The id and algorithm of the key that signs by default.

        a_client: One that can ask for a token by HTTP Basic; None if none was found.
    """

    issuer: str
    http: str | None
    grpc: str | None
    workers: int
    store: str
    active_key: str
    a_client: ClientId | None
