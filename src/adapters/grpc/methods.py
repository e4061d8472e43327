"""The closed table of all methods: who may call each of them.

A method that is not listed is answered as if it did not exist, whoever
registered it. So nobody can add one without deciding who may call it.
"""

from enum import Enum
from typing import Final


class Callers(Enum):
    """How the caller of a method is authenticated.

    Attributes:
        CLIENTS: By client credentials, in the use case.

        ANYBODY: Not at all: the method tells nothing about clients or tokens
            and changes nothing.

        NOBODY: The method is part of a service of others and not offered.
    """

    CLIENTS = "clients"
    ANYBODY = "anybody"
    NOBODY = "nobody"


CALLERS: Final[dict[str, Callers]] = {
    "/grantd.v1.TokenService/IssueToken": Callers.CLIENTS,
    "/grantd.v1.TokenService/IntrospectToken": Callers.CLIENTS,
    "/grantd.v1.TokenService/RevokeToken": Callers.CLIENTS,
    "/grpc.health.v1.Health/Check": Callers.ANYBODY,
    "/grpc.health.v1.Health/Watch": Callers.ANYBODY,
    "/grpc.health.v1.Health/List": Callers.NOBODY,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Callers.ANYBODY,
}


def is_offered(method: str) -> bool:
    """Tell whether anybody may call *method*."""
    return CALLERS.get(method, Callers.NOBODY) is not Callers.NOBODY
