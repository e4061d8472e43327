from domain.model.clients import Client
from domain.model.credentials import RegisteredSecret
from domain.model.values import value


@value
class ProvedClient:
    """A client, proved to be the caller, and the secret that proved it, if one did."""

    client: Client
    secret: RegisteredSecret | None = None
