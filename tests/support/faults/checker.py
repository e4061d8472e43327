"""Proves from a history that nothing acknowledged was lost and nothing happened by halves.

It knows no server, no store and no time but the history's. An operation whose
outcome nobody knows may have happened at any time since it began, or never;
everything that was acknowledged had happened when its answer came.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from support.faults.history import Act, History, Operation, Outcome, Phase, Token, TokenName


class Kind(StrEnum):
    """What can be wrong with a history."""

    LOST_REVOCATION = "lost revocation"
    STALE_READ = "stale read"
    TWO_SUCCESSORS = "two live successors"
    SPENT_TWICE = "spent twice"
    LOST_ROTATION = "lost rotation"
    LOST_TOKEN = "lost token"
    HALF = "half"
    TAKEN_BACK = "taken back"
    UNNOTICED = "unnoticed loss"
    UNREAD = "unread"
    WRONG_ANSWER = "wrong answer"


# What a store that loses acknowledged writes brings about, and only such a store.
LOSSES = frozenset(
    {
        Kind.LOST_REVOCATION,
        Kind.STALE_READ,
        Kind.SPENT_TWICE,
        Kind.LOST_ROTATION,
        Kind.LOST_TOKEN,
        Kind.TAKEN_BACK,
    }
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, once for each token or family that it is wrong with."""

    kind: Kind
    subject: str
    why: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}: {self.why}"


def check(history: History, *, losses_allowed: bool = False) -> list[Finding]:
    """Return all that is wrong.

    Args:
        losses_allowed: The store has promised less: what it lost is found
            all the same, but is not taken for a half of something.
    """
    found = _Checker(history, losses_allowed=losses_allowed).findings()
    first: dict[tuple[Kind, str], Finding] = {}
    for finding in found:
        first.setdefault((finding.kind, finding.subject), finding)
    return list(first.values())


def rolled_back(history: History) -> set[str]:
    """Return the families that had forgotten a rotation when all was quiet.

    Whoever holds the newest refresh token of one is ahead of the store.
    """
    spent = {
        each.token
        for each in history.of(Act.REFRESH)
        if each.outcome is Outcome.DONE and each.phase is Phase.LOAD
    }
    return {
        history.tokens[reading.token].family or ""
        for reading in history.of(Act.INTROSPECT)
        if reading.phase is Phase.READING
        and reading.active
        and reading.token is not None
        and reading.token in spent
    }


@dataclass(frozen=True, slots=True)
class _End:
    """Something that ends a token, or would if it happened.

    Attributes:
        since: From when on it may have happened.

        by: When it had happened for certain; None if it never is certain.
    """

    source: Operation
    since: float
    by: float | None
    why: str


class _Checker:
    def __init__(self, history: History, *, losses_allowed: bool) -> None:
        self._history = history
        self._losses_allowed = losses_allowed
        self._issued: dict[TokenName, Operation] = {}
        self._presented: dict[TokenName, list[Operation]] = defaultdict(list)
        self._readings: dict[TokenName, list[Operation]] = defaultdict(list)
        self._members: dict[str, list[Token]] = defaultdict(list)
        for token in history.tokens.values():
            if token.family is not None:
                self._members[token.family].append(token)
        for operation in history.operations:
            for name in operation.gave:
                self._issued.setdefault(name, operation)
            if operation.token is None:
                continue
            if operation.act is Act.REFRESH:
                self._presented[operation.token].append(operation)
            if operation.act is Act.INTROSPECT and operation.active is not None:
                self._readings[operation.token].append(operation)
        self._ends_of_token: dict[TokenName, list[_End]] = defaultdict(list)
        self._ends_of_family: dict[str, list[_End]] = defaultdict(list)
        self._ends_of_client: dict[str, list[Operation]] = defaultdict(list)
        self._collect_ends()

    def findings(self) -> Iterator[Finding]:
        yield from self._wrong_answers()
        for name, token in self._history.tokens.items():
            yield from self._said_of(token)
            was_read = any(each.phase is Phase.READING for each in self._readings[name])
            if not was_read and self._issued[name].phase is Phase.LOAD:
                yield Finding(Kind.UNREAD, name, "nobody asked what became of it")
        for name, presented in self._presented.items():
            yield from self._redeemed(self._history.tokens[name], presented)
        for family, members in self._members.items():
            yield from self._afterwards(family, members)

    # What ends what

    def _collect_ends(self) -> None:
        for operation in self._history.of(Act.REVOKE, Act.REFRESH, Act.END_CLIENT):
            match operation:
                case Operation(act=Act.END_CLIENT):
                    self._ends_of_client[operation.client].append(operation)
                case Operation(act=Act.REVOKE, token=str(name)):
                    token = self._history.tokens[name]
                    why = f"{name} was revoked"
                    end = _End(operation, operation.began, _done_by(operation), why)
                    if token.is_refresh and token.family is not None:
                        self._ends_of_family[token.family].append(end)
                    else:
                        self._ends_of_token[name].append(end)
                case Operation(act=Act.REFRESH, token=str(name)):
                    self._collect_replay(operation, self._history.tokens[name])

    def _collect_replay(self, operation: Operation, token: Token) -> None:
        """A token that is refused is spent, or its family is over: either ends the family."""
        assert token.family is not None
        ends = self._ends_of_family[token.family]
        if operation.outcome is Outcome.REFUSED:
            ends.append(
                _End(operation, operation.began, operation.ended, f"{token.name} was refused")
            )
        elif operation.outcome is Outcome.UNKNOWN:
            others = [other for other in self._spenders(token) if other is not operation]
            if others:
                since = max(operation.began, min(other.began for other in others))
                ends.append(_End(operation, since, None, f"{token.name} may have been refused"))

    def _spenders(self, token: Token) -> list[Operation]:
        """Return what may have spent the token."""
        return [
            each
            for each in self._presented[token.name]
            if each.outcome in (Outcome.DONE, Outcome.UNKNOWN)
        ]

    def _ends(self, token: Token) -> Iterator[_End]:
        """Yield all that ends the token, or may have."""
        yield from self._ends_of_token[token.name]
        if token.family is not None:
            yield from self._ends_of_family[token.family]
        granted = self._granted(token)
        for operation in self._ends_of_client[token.client]:
            done = _done_by(operation)
            if done is not None and done < granted.began:
                continue
            by = done if granted.ended < operation.began else None
            yield _End(operation, operation.began, by, f"all of {token.client} was revoked")

    def _granted(self, token: Token) -> Operation:
        """Return what the token goes back to; of a family, that is what opened it."""
        of_family = (self._issued[each.name] for each in self._members.get(token.family or "", ()))
        return min(of_family, key=_by_beginning, default=self._issued[token.name])

    def _ended_before(self, token: Token, moment: float) -> _End | None:
        """Return what had ended the token for certain before a moment."""
        certain = (end for end in self._ends(token) if end.by is not None and end.by < moment)
        return next(certain, None)

    def _may_have_ended(self, token: Token, by: float) -> bool:
        """Tell whether anything can have ended it by then, unless a reading shows it did not."""
        alive = self._last_seen_alive(token, by)
        return any(
            end.since < by and (end.by is not None or end.since > alive)
            for end in self._ends(token)
        )

    def _last_seen_alive(self, token: Token, by: float) -> float:
        """Return when it was last seen, in quiet, that whatever it belongs to had not ended.

        A refresh token that is spent may belong to a family that lives.
        """
        family = self._members.get(token.family or "", ()) if token.is_refresh else ()
        return max((self._last_seen_active(each, by) for each in (token, *family)), default=0.0)

    def _last_seen_active(self, token: Token, by: float) -> float:
        """Return when the last question was asked, in quiet, that found the token active."""
        moments = (
            reading.began
            for reading in self._readings[token.name]
            if reading.active and reading.phase is not Phase.LOAD and reading.ended < by
        )
        return max(moments, default=0.0)

    # The rules

    def _wrong_answers(self) -> Iterator[Finding]:
        for operation in self._history.operations:
            if operation.outcome is Outcome.WRONG:
                subject = operation.token or operation.client
                yield Finding(
                    Kind.WRONG_ANSWER, subject, f"{operation.act} was answered {operation.said}"
                )

    def _said_of(self, token: Token) -> Iterator[Finding]:
        """Judge what introspection said of a token."""
        readings = self._readings[token.name]
        inactive_since = None
        for reading in sorted(readings, key=_by_beginning):
            if reading.active:
                yield from self._said_active(token, reading, readings)
                if inactive_since is not None and inactive_since < reading.began:
                    yield Finding(Kind.TAKEN_BACK, token.name, "it was inactive before")
            else:
                yield from self._said_inactive(token, reading)
                inactive_since = min(inactive_since or reading.ended, reading.ended)

    def _said_active(
        self, token: Token, reading: Operation, readings: list[Operation]
    ) -> Iterator[Finding]:
        end = self._ended_before(token, reading.began)
        if end is not None:
            held = any(not each.active and each.began > reading.began for each in readings)
            kind = Kind.STALE_READ if held else Kind.LOST_REVOCATION
            yield Finding(kind, token.name, f"{end.why}, and then it was said to be active")
        if token.is_refresh:
            spent = _done_before(self._presented[token.name], reading.began)
            if spent is not None:
                yield Finding(Kind.LOST_ROTATION, token.name, "it was spent, and then active")

    def _said_inactive(self, token: Token, reading: Operation) -> Iterator[Finding]:
        if self._may_have_ended(token, reading.ended):
            return
        if token.is_refresh and any(each.began < reading.ended for each in self._spenders(token)):
            return
        yield Finding(Kind.LOST_TOKEN, token.name, "it was inactive, and nothing had ended it")

    def _redeemed(self, token: Token, presented: list[Operation]) -> Iterator[Finding]:
        """Judge what came of presenting a refresh token."""
        done = [each for each in presented if each.outcome is Outcome.DONE]
        for one, other in combinations(done, 2):
            same = _successor(one, self._history) == _successor(other, self._history)
            kind = Kind.SPENT_TWICE if same else Kind.TWO_SUCCESSORS
            yield Finding(kind, token.name, f"{one.caller} and {other.caller} both redeemed it")
        for each in done:
            end = self._ended_before(token, each.began)
            if end is not None:
                yield Finding(
                    Kind.LOST_REVOCATION, token.name, f"{end.why}, and then it was redeemed"
                )
            inactive = (
                reading
                for reading in self._readings[token.name]
                if not reading.active and reading.ended < each.began
            )
            if any(inactive):
                yield Finding(Kind.TAKEN_BACK, token.name, "it was inactive, and then redeemed")
        for each in presented:
            if each.outcome is Outcome.REFUSED and not self._has_cause(each, token):
                yield Finding(Kind.LOST_TOKEN, token.name, "it was refused, and it was good")

    def _has_cause(
        self, refused: Operation, token: Token, but: frozenset[float] = frozenset()
    ) -> bool:
        """Tell whether anything but its own refusal explains that a token was refused.

        Args:
            but: When those refusals began that may not be the explanation, being explained by it.
        """
        active = self._last_seen_active(token, refused.began)
        if any(
            active < each.ended and each.began < refused.ended for each in self._spenders(token)
        ):
            return True
        alive = self._last_seen_alive(token, refused.began)
        but |= {refused.began}
        return any(
            end.since < refused.ended
            and (end.by is not None or end.since > alive)
            and end.source.began not in but
            and self._is_cause(end.source, but)
            for end in self._ends(token)
        )

    def _is_cause(self, source: Operation, but: frozenset[float]) -> bool:
        if source.outcome is not Outcome.REFUSED or source.token is None:
            return True
        return self._has_cause(source, self._history.tokens[source.token], but)

    def _afterwards(self, family: str, members: list[Token]) -> Iterator[Finding]:
        """Judge a family by the reading of all its tokens when everything was quiet."""
        read = {
            token.name: reading.active
            for token in members
            for reading in self._readings[token.name]
            if reading.phase is Phase.READING
        }
        live = [token for token in members if token.is_refresh and read.get(token.name)]
        if len(live) > 1:
            names = " and ".join(token.name for token in live)
            yield Finding(Kind.TWO_SUCCESSORS, family, f"{names} are both active")
        access = {
            bool(read[token.name])
            for token in members
            if not token.is_refresh
            and token.name in read
            and not self._ends_of_token[token.name]
            and not (self._losses_allowed and token.is_stored)
        }
        if access == {True, False}:
            yield Finding(Kind.HALF, family, "some of its access tokens ended and others did not")
        elif access == {False} and live:
            yield Finding(Kind.HALF, family, "its access tokens ended and its refresh token lives")
        elif access == {True} and not live and read and not self._may_be_spent(members):
            yield Finding(Kind.HALF, family, "its refresh token ended and its access tokens live")

    def _may_be_spent(self, members: Iterable[Token]) -> bool:
        """Tell whether the newest refresh token that anybody got may have been spent."""
        newest = [
            token
            for token in members
            if token.is_refresh
            and not any(each.outcome is Outcome.DONE for each in self._presented[token.name])
        ]
        return any(self._spenders(token) for token in newest)


def _done_by(operation: Operation) -> float | None:
    return operation.ended if operation.outcome is Outcome.DONE else None


def _done_before(operations: Iterable[Operation], moment: float) -> Operation | None:
    done = (each for each in operations if each.outcome is Outcome.DONE and each.ended < moment)
    return next(done, None)


def _successor(operation: Operation, history: History) -> TokenName | None:
    return next((name for name in operation.gave if history.tokens[name].is_refresh), None)


def _by_beginning(operation: Operation) -> float:
    return operation.began
