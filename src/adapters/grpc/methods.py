"""The closed table of all methods: who may call each of them.

A method that is not listed is answered as if it did not exist, whoever
registered it. So nobody can add one without deciding who may call it.
"""

from enum import Enum
from typing import Final

from adapters.request_record import Endpoint
from domain.model.administration import ADMIN_READ, ADMIN_WRITE
from domain.model.scopes import ScopeToken


class Callers(Enum):
    """How the caller of a method is authenticated.

    Attributes:
        CLIENTS: By client credentials, in the use case.

        READERS: By an access token that lets it read what is administered,
            before anything is done.

        WRITERS: By one that lets it change that.

        ANYBODY: Not at all: the method tells nothing about clients or tokens
            and changes nothing.

        NOBODY: The method is part of a service of others and not offered.
    """

    CLIENTS = "clients"
    READERS = "readers"
    WRITERS = "writers"
    ANYBODY = "anybody"
    NOBODY = "nobody"


CALLERS: Final[dict[str, Callers]] = {
    "/grantd.v1.TokenService/IssueToken": Callers.CLIENTS,
    "/grantd.v1.TokenService/IntrospectToken": Callers.CLIENTS,
    "/grantd.v1.TokenService/RevokeToken": Callers.CLIENTS,
    "/grantd.admin.v1.ClientService/CreateClient": Callers.WRITERS,
    "/grantd.admin.v1.ClientService/GetClient": Callers.READERS,
    "/grantd.admin.v1.ClientService/ListClients": Callers.READERS,
    "/grantd.admin.v1.ClientService/UpdateClient": Callers.WRITERS,
    "/grantd.admin.v1.ClientService/DisableClient": Callers.WRITERS,
    "/grantd.admin.v1.ClientService/EnableClient": Callers.WRITERS,
    "/grantd.admin.v1.ClientService/RevokeAllOfClient": Callers.WRITERS,
    "/grantd.admin.v1.ClientService/DeleteClient": Callers.WRITERS,
    "/grantd.admin.v1.ClientService/AddClientSecret": Callers.WRITERS,
    "/grantd.admin.v1.ClientService/RotateClientSecret": Callers.WRITERS,
    "/grantd.admin.v1.ClientService/ListClientSecrets": Callers.READERS,
    "/grantd.admin.v1.ClientService/ExpireClientSecret": Callers.WRITERS,
    "/grantd.admin.v1.ClientService/DeleteClientSecret": Callers.WRITERS,
    "/grantd.admin.v1.KeyService/ListKeys": Callers.READERS,
    "/grantd.admin.v1.KeyService/RotateKey": Callers.WRITERS,
    "/grantd.admin.v1.KeyService/RetireKey": Callers.WRITERS,
    "/grantd.admin.v1.KeyService/RevokeKey": Callers.WRITERS,
    "/grantd.admin.v1.KeyService/GetPublicKeys": Callers.READERS,
    "/grantd.admin.v1.KeyService/ListDataKeys": Callers.READERS,
    "/grantd.admin.v1.KeyService/RotateDataKey": Callers.WRITERS,
    "/grantd.admin.v1.ResourceService/CreateResource": Callers.WRITERS,
    "/grantd.admin.v1.ResourceService/GetResource": Callers.READERS,
    "/grantd.admin.v1.ResourceService/ListResources": Callers.READERS,
    "/grantd.admin.v1.ResourceService/UpdateResource": Callers.WRITERS,
    "/grantd.admin.v1.ResourceService/DisableResource": Callers.WRITERS,
    "/grantd.admin.v1.ResourceService/EnableResource": Callers.WRITERS,
    "/grantd.admin.v1.ResourceService/DeleteResource": Callers.WRITERS,
    "/grantd.admin.v1.ResourceService/CreateScope": Callers.WRITERS,
    "/grantd.admin.v1.ResourceService/GetScope": Callers.READERS,
    "/grantd.admin.v1.ResourceService/ListScopes": Callers.READERS,
    "/grantd.admin.v1.ResourceService/UpdateScope": Callers.WRITERS,
    "/grantd.admin.v1.ResourceService/DisableScope": Callers.WRITERS,
    "/grantd.admin.v1.ResourceService/EnableScope": Callers.WRITERS,
    "/grantd.admin.v1.ResourceService/DeleteScope": Callers.WRITERS,
    "/grpc.health.v1.Health/Check": Callers.ANYBODY,
    "/grpc.health.v1.Health/Watch": Callers.ANYBODY,
    "/grpc.health.v1.Health/List": Callers.NOBODY,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Callers.ANYBODY,
}


NEEDED_SCOPES: Final[dict[Callers, ScopeToken]] = {
    Callers.READERS: ADMIN_READ,
    Callers.WRITERS: ADMIN_WRITE,
}
"""What the token of an administrator has to permit."""


_ENDPOINTS: Final[dict[str, Endpoint]] = {
    "/grantd.v1.TokenService/IssueToken": Endpoint.TOKEN,
    "/grantd.v1.TokenService/IntrospectToken": Endpoint.INTROSPECTION,
    "/grantd.v1.TokenService/RevokeToken": Endpoint.REVOCATION,
    "/grpc.health.v1.Health/Check": Endpoint.HEALTH,
    "/grpc.health.v1.Health/Watch": Endpoint.HEALTH,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Endpoint.REFLECTION,
}


def endpoint_of(method: str) -> Endpoint:
    """Return what a method is called in log and metrics: the name it has in HTTP, if it is there.

    Raises:
        KeyError: If it is no method of the table.
    """
    if CALLERS[method] in NEEDED_SCOPES:
        return Endpoint.ADMINISTRATION
    return _ENDPOINTS[method]


def is_offered(method: str) -> bool:
    """Tell whether anybody may call *method*."""
    return CALLERS.get(method, Callers.NOBODY) is not Callers.NOBODY
