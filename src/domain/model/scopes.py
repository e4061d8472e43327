"""Scope: what a token may be used for (RFC 6749 §3.3)."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NewType, Self

from domain.errors import InvalidRegistration, InvalidScope
from domain.model.identifiers import ResourceId
from domain.model.texts import LONGEST_DESCRIPTION, is_showable
from domain.model.values import value

ScopeToken = NewType("ScopeToken", str)

_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")
_NAMED_IN_A_HINT = 10


@value
class Scope:
    """A set of scope tokens, kept sorted so that equal scopes read the same."""

    values: tuple[ScopeToken, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a space-delimited scope; the empty text is the empty scope.

        Raises:
            InvalidScope: If a token holds a character outside RFC 6749 §3.3,
                or if the delimiters are anything but single spaces.
        """
        if not text:
            return cls()
        return cls.of(text.split(" "))

    @classmethod
    def of(cls, tokens: Iterable[str]) -> Self:
        """Make a scope of single tokens, each held to the grammar.

        Raises:
            InvalidScope: If one is not a scope token (RFC 6749 App. A.4).
        """
        unique = tuple([ScopeToken(token) for token in sorted(set(tokens))])
        for token in unique:
            if not _SCOPE_TOKEN.fullmatch(token):
                raise InvalidScope("a scope token is outside the grammar")
        return cls(unique)

    def __str__(self) -> str:
        return " ".join(self.values)

    def __iter__(self) -> Iterator[ScopeToken]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def __contains__(self, token: object) -> bool:
        return token in self.values

    def __le__(self, other: "Scope") -> bool:
        return set(self.values) <= set(other.values)

    def __and__(self, other: "Scope") -> "Scope":
        return Scope(tuple([token for token in self.values if token in other.values]))

    def __sub__(self, other: "Scope") -> "Scope":
        return Scope(tuple([token for token in self.values if token not in other.values]))

    @property
    def in_a_hint(self) -> str:
        """What a refusal names of it: its first ten tokens."""
        return " ".join(self.values[:_NAMED_IN_A_HINT])


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeDefinition:
    """A scope token that this server knows.

    Attributes:
        resource: The resource that owns it; a token with this scope is meant
            for that audience. None if it means the same everywhere.

        disabled: Whether no token is issued with it, as if it were unknown.
    """

    token: ScopeToken
    description: str = ""
    resource: ResourceId | None = None
    disabled: bool = False


def require_sound_scope(scope: ScopeDefinition) -> ScopeDefinition:
    """Return *scope*, refusing one whose description could not be shown.

    Raises:
        InvalidRegistration: With the reason in its hint.
    """
    if not is_showable(scope.description, longest=LONGEST_DESCRIPTION):
        raise InvalidRegistration(
            "an unusable description",
            hint=f"a description has up to {LONGEST_DESCRIPTION} characters, all printable",
        )
    return scope


def require_within(ceiling: Scope, requested: Scope) -> Scope:
    """Return *requested*, refusing it whole if it holds more than *ceiling*.

    Nothing is ever dropped silently: a client that asks for too much should
    hear of it.

    Raises:
        InvalidScope: With up to ten of the offending values in its hint.
    """
    if excess := requested - ceiling:
        raise InvalidScope("scope beyond the ceiling", hint=f"not granted: {excess.in_a_hint}")
    return requested
