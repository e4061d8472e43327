"""What an operator declared of the server's policy, the same for every node."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from domain.model.clients import GrantType
from domain.model.keys import SigningAlgorithm
from domain.model.tokens import TokenFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredPolicy:
    """Settings of policy that live in the store and stand over a process's own.

    None leaves one to each process's settings. What they mean is told where
    they are used: `Lifetimes` and `TokenPolicy`.

    Attributes:
        apply_under_way: Names the application of a declared state that has
            begun and not ended, if there is one. Who begins another one puts
            its own name here, and whoever finds a foreign name stops.
    """

    access_token_ttl: timedelta | None = None
    grant_access_token_ttl: Mapping[GrantType, timedelta] = field(default_factory=dict)
    refresh_token_ttl: timedelta | None = None
    refresh_token_max_age: timedelta | None = None
    refresh_grace: timedelta | None = None
    token_format: TokenFormat | None = None
    signing_algorithm: SigningAlgorithm | None = None
    require_scope: bool | None = None
    revoke_access_token_on_refresh: bool | None = None
    max_families_per_client: int | None = None
    apply_under_way: str = ""
