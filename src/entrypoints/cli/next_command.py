"""What a person types next, in a module of its own: `serve` needs no more of the other commands."""

import shlex

from adapters.endpoints import TOKEN_PATH, url_of
from domain.model.identifiers import ClientId


def token_command(issuer: str, client_id: ClientId) -> str:
    """Return the line to type for a token; curl asks for the secret."""
    endpoint = url_of(issuer, TOKEN_PATH)
    return f"curl -u {shlex.quote(client_id)} -d grant_type=client_credentials {endpoint}"
