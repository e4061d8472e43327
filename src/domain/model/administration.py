"""What lets a program administer the server itself: two scopes."""

from typing import Final

from domain.model.identifiers import ResourceId
from domain.model.scopes import Scope, ScopeDefinition, ScopeToken

ADMIN_READ: Final = ScopeToken("grantd.admin.read")
ADMIN_WRITE: Final = ScopeToken("grantd.admin.write")

RESERVED: Final = Scope.of((ADMIN_READ, ADMIN_WRITE))
"""Always known; nobody makes, changes or removes them, and none is granted unasked for."""


def built_in_scopes(issuer: str) -> tuple[ScopeDefinition, ...]:
    """Return the definitions of the reserved scopes: they are meant for this server itself."""
    here = ResourceId(issuer)
    return (
        ScopeDefinition(token=ADMIN_READ, description="Read what grantd knows", resource=here),
        ScopeDefinition(token=ADMIN_WRITE, description="Change what grantd knows", resource=here),
    )


def permits(granted: Scope, needed: ScopeToken) -> bool:
    """Tell whether *granted* is enough; who may write may read."""
    return needed in granted or (needed == ADMIN_READ and ADMIN_WRITE in granted)
