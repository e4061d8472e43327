"""Who needs a signing key, and how long its tokens can live."""

from collections.abc import Sequence
from datetime import timedelta

from domain.model.catalogue import Catalogue
from domain.model.keys import SigningAlgorithm
from domain.ports.clients import ClientStore
from domain.usecases.each_client import each_client
from domain.usecases.token_policy import TokenPolicy


class KeyUsage:
    def __init__(self, clients: ClientStore, *, policy: TokenPolicy) -> None:
        self._clients = clients
        self._policy = policy

    def server_algorithm(self, catalogue: Catalogue) -> SigningAlgorithm:
        return self._policy.under(catalogue.policy).signing_algorithm

    async def longest_lifetime(self, catalogue: Catalogue) -> timedelta:
        """Return what no access token lives longer than, whoever asks for it."""
        of_clients = {client.access_token_ttl async for client in each_client(self._clients)}
        return self._policy.under(catalogue.policy).longest_lifetime(catalogue, of_clients)

    async def users(self, algorithm: SigningAlgorithm, catalogue: Catalogue) -> Sequence[str]:
        """Return the names of all that wants signatures by *algorithm*."""
        # RS256 has to be there (RFC 9068 §2.1), and signs introspection replies to whoever
        # names nothing else (RFC 9701 §6).
        always = (self.server_algorithm(catalogue), SigningAlgorithm.RS256)
        servers = ["the server"] if algorithm in always else []
        resources = [
            f"resource {resource.resource_id}"
            for resource in catalogue.resources.values()
            if resource.signing_algorithm is algorithm
        ]
        clients = [
            f"client {client.client_id}"
            async for client in each_client(self._clients)
            if algorithm in (client.signing_algorithm, client.introspection_signed_response_alg)
        ]
        return servers + resources + clients
