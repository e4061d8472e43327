"""What callers asked of a server and what they were told, on one clock.

Tokens have names here (`f3.a1`, `f3.r2`, `a17`), so a history can be kept and shown.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

TokenName = str


class Act(StrEnum):
    ISSUE = "issue"
    REFRESH = "refresh"
    REVOKE = "revoke"
    INTROSPECT = "introspect"
    END_CLIENT = "end client"


class Outcome(StrEnum):
    """What the caller knows of what it asked for.

    Attributes:
        DONE: It was acknowledged.

        REFUSED: The grant is not good, so nothing was given.

        UNKNOWN: It may have happened, or not: a 503, a cut, no answer at all.

        WRONG: Something that no fault may bring about.
    """

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    WRONG = "wrong"


class Phase(StrEnum):
    """When something was asked: under the load; of every token afterwards; of every family then."""

    LOAD = "load"
    READING = "reading"
    TRIAL = "trial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token that was given to somebody.

    Attributes:
        family: None for an access token that came without a refresh token.

        is_refresh: Otherwise it is an access token.

        is_stored: It is an opaque token, which a store has to remember.
    """

    name: TokenName
    client: str
    family: str | None = None
    is_refresh: bool = False
    is_stored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One question and what came of it.

    Attributes:
        began: Before the first byte was sent.

        ended: After the last byte came, or after nobody waited any more.

        token: What was presented.

        gave: What was given for it.

        active: What introspection said, if it said something.

        said: How the answer read, for whoever looks at a history.
    """

    act: Act
    caller: str
    client: str
    began: float
    ended: float
    outcome: Outcome
    phase: Phase = Phase.LOAD
    token: TokenName | None = None
    gave: tuple[TokenName, ...] = ()
    active: bool | None = None
    said: str = ""


@dataclass(slots=True)
class History:
    """Everything of one run.

    Attributes:
        remarks: What was done to the server, and when.
    """

    tokens: dict[TokenName, Token] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    remarks: list[tuple[float, str]] = field(default_factory=list)

    def of(self, *acts: Act) -> Iterator[Operation]:
        return (operation for operation in self.operations if operation.act in acts)

    def save(self, path: Path, **more: object) -> None:
        """Write it down, an operation a line."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            file.write(json.dumps({**more, "remarks": self.remarks}) + "\n")
            for part in (self.tokens.values(), self.operations):
                file.writelines(json.dumps(asdict(each)) + "\n" for each in part)
