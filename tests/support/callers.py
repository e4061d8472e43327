"""A caller that refreshes and revokes without a pause, and writes down what it was told."""

import math
import time
from dataclasses import dataclass, field

from support.grantd_process import RegisteredClient
from support.http_connection import HttpConnection, form_request

_FAMILIES = 4


@dataclass(slots=True, eq=False)
class Family:
    """What is left of one grant.

    Attributes:
        spent: The refresh token that was redeemed last, if one was.

        access_token: The newest, never revoked; its predecessors are.
    """

    newest: str = field(repr=False)
    access_token: str = field(repr=False)
    spent: str = field(default="", repr=False)


@dataclass(slots=True)
class Journal:
    """What a caller was told.

    Attributes:
        under_way: The family of the request that was not answered.
    """

    families: list[Family] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list, repr=False)
    rotations: int = 0
    under_way: Family | None = None


def hammer(
    port: int, client: RegisteredClient, journal: Journal, *, until: float = math.inf
) -> None:
    """Refresh families in turn and revoke what each refresh replaces.

    Returns when the time is over or the server is gone; any answer but a
    success is an `AssertionError`.
    """
    with HttpConnection(port) as connection:

        def ask(path: str, **form: str) -> dict[str, str] | None:
            reply = connection.exchange(form_request(path, form, auth=client.basic))
            if reply is None:
                return None
            assert reply.status == 200, reply.status
            answer: dict[str, str] = reply.json() if reply.body else {}
            return answer

        while len(journal.families) < _FAMILIES:
            issued = ask("/access_token", grant_type="client_credentials")
            if issued is None:
                return
            journal.families.append(Family(issued["refresh_token"], issued["access_token"]))
        while time.monotonic() < until:
            family = journal.families[journal.rotations % _FAMILIES]
            journal.under_way = family
            rotated = ask("/access_token", grant_type="refresh_token", refresh_token=family.newest)
            if rotated is None:
                return
            replaced = family.access_token
            family.spent, family.newest = family.newest, rotated["refresh_token"]
            family.access_token = rotated["access_token"]
            journal.rotations += 1
            if ask("/revoke", token=replaced) is None:
                return
            journal.revoked.append(replaced)
