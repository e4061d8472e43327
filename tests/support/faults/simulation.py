"""Histories of a store that is made up, true to its word or with one fault in it.

Every operation takes effect at one moment between its beginning and its end,
or, if nobody knows how it ended, then, later, or never.
"""

import random
from dataclasses import dataclass, field
from enum import StrEnum

from support.faults.history import Act, History, Operation, Outcome, Phase, Token, TokenName

_OPERATIONS = 120
_UNKNOWN = 0.15
_LONGEST_WAY = 3.0


class Planted(StrEnum):
    """A fault, which strikes a single time."""

    NOTHING = "nothing"
    LOST_REVOCATION = "an acknowledged revocation is forgotten"
    DOUBLE_SUCCESSOR = "two refreshes of one token are given a successor each"
    STALE_READ = "an introspection is answered from before a revocation"
    HALF_WRITE = "a revocation that nobody knows the end of takes the refresh token alone"


@dataclass(slots=True)
class _Family:
    client: str
    generation: int = 1
    ended: bool = False
    half_ended: bool = False
    access: list[TokenName] = field(default_factory=list)


class Simulation:
    """Plays callers and store at once.

    Attributes:
        has_struck: Whether there was an occasion for the planted fault.
    """

    def __init__(self, seed: int, planted: Planted = Planted.NOTHING) -> None:
        self.history = History()
        self.has_struck = False
        self._planted = planted
        self._chance = random.Random(seed)
        self._now = 10.0
        self._phase = Phase.LOAD
        self._families: dict[str, _Family] = {}
        self._revoked: set[TokenName] = set()
        self._late: list[tuple[Act, TokenName]] = []
        self._unsure: set[TokenName] = set()
        self._asked_to_end: set[TokenName] = set()
        self._left_alone = ""

    def play(self) -> History:
        """Return a history with everything in it that a run has."""
        for _ in range(_OPERATIONS):
            self._step()
            self._deliver()
        self._now += 2 * _LONGEST_WAY
        self._late.clear()
        self._phase = Phase.READING
        for name in tuple(self.history.tokens):
            self._introspect(name)
        self._now += 2 * _LONGEST_WAY
        self._phase = Phase.TRIAL
        for family in tuple(self._families):
            newest = [name for name, token in self.history.tokens.items() if token.family == family]
            refresh = max((name for name in newest if ".r" in name), key=_generation)
            for _ in range(2):
                self._refresh(refresh, Outcome.DONE)
                self._now += 2 * _LONGEST_WAY
            for name in newest:
                self._introspect(name)
        return self.history

    def _step(self) -> None:
        names = [name for name in self.history.tokens if _family(name) != self._left_alone][-12:]
        act = self._chance.choice((*Act, Act.INTROSPECT, Act.INTROSPECT, Act.REFRESH))
        outcome = Outcome.UNKNOWN if self._chance.random() < _UNKNOWN else Outcome.DONE
        refresh = [name for name in names if ".r" in name]
        if act is Act.ISSUE or not refresh:
            self._issue()
        elif act is Act.REFRESH:
            self._refresh(self._chance.choice(refresh[-4:]), outcome)
        elif act is Act.REVOKE:
            self._revoke(self._chance.choice(names), outcome)
        elif act is Act.INTROSPECT:
            self._introspect(self._chance.choice(names))
        elif not self._left_alone and self._chance.random() < 0.2:
            self._end_client(self._chance.choice(("a", "b")), outcome)

    def _issue(self) -> None:
        name, client = f"f{len(self._families) + 1}", self._chance.choice(("a", "b"))
        self._families[name] = _Family(client)
        self._write(Act.ISSUE, Outcome.DONE, client=client, gave=self._give(name))

    def _refresh(self, name: TokenName, outcome: Outcome) -> None:
        family = self._family_of(name)
        if outcome is Outcome.UNKNOWN:
            self._unsure.add(name)
            self._write(Act.REFRESH, outcome, name)
            self._apply_or_not(Act.REFRESH, name)
            return
        if family.ended or family.half_ended or _generation(name) != family.generation:
            successor = f"{_family(name)}.r{family.generation}"
            if self._strikes(
                Planted.DOUBLE_SUCCESSOR,
                not family.ended
                and _generation(name) == family.generation - 1
                and successor in self.history.tokens,
            ):
                self._write(Act.REFRESH, outcome, name, gave=self._give(_family(name), "bis"))
                return
            family.ended = True
            self._write(Act.REFRESH, Outcome.REFUSED, name)
            return
        family.generation += 1
        self._write(Act.REFRESH, outcome, name, gave=self._give(_family(name)))

    def _revoke(self, name: TokenName, outcome: Outcome) -> None:
        self._asked_to_end.add(name)
        if outcome is Outcome.UNKNOWN:
            family = self._family_of(name)
            live = f"{_family(name)}.r{family.generation}"
            if self._strikes(
                Planted.HALF_WRITE,
                ".r" in name
                and not family.ended
                and _family(name) not in {_family(each) for _, each in self._late}
                and live in self.history.tokens
                and live not in self._unsure
                and bool(set(family.access) - self._asked_to_end),
            ):
                family.half_ended = True
                self._left_alone = _family(name)  # whatever ended all of it would hide the half
            else:
                self._apply_or_not(Act.REVOKE, name)
        elif not self._strikes(Planted.LOST_REVOCATION, self._is_active(name)):
            was_active = self._is_active(name)
            self._apply(Act.REVOKE, name)
            if self._strikes(Planted.STALE_READ, was_active):
                self._write(Act.REVOKE, outcome, name)
                self._now += 2 * _LONGEST_WAY
                self._write(Act.INTROSPECT, Outcome.DONE, name, active=True)
                return
        self._write(Act.REVOKE, outcome, name)
        if self._planted is Planted.LOST_REVOCATION:
            self._now += 2 * _LONGEST_WAY
            self._introspect(name)

    def _end_client(self, client: str, outcome: Outcome) -> None:
        if outcome is Outcome.DONE or self._chance.random() < 0.5:
            for family in self._families.values():
                family.ended |= family.client == client
        self._write(Act.END_CLIENT, outcome, client=client)

    def _introspect(self, name: TokenName) -> None:
        self._write(Act.INTROSPECT, Outcome.DONE, name, active=self._is_active(name))

    # The store

    def _is_active(self, name: TokenName) -> bool:
        family = self._family_of(name)
        if family.ended or name in self._revoked:
            return False
        if ".r" not in name:
            return True
        return name.endswith("bis") or (
            not family.half_ended and _generation(name) == family.generation
        )

    def _apply(self, act: Act, name: TokenName) -> None:
        family = self._family_of(name)
        if act is Act.REVOKE and ".r" not in name:
            self._revoked.add(name)
        elif act is Act.REVOKE or _generation(name) != family.generation:
            family.ended = True
        elif not family.ended:
            family.generation += 1

    def _apply_or_not(self, act: Act, name: TokenName) -> None:
        """Let something happen now, later or never."""
        match self._chance.randrange(3):
            case 0:
                self._apply(act, name)
            case 1:
                self._late.append((act, name))

    def _deliver(self) -> None:
        if self._late and self._chance.random() < 0.2:
            self._apply(*self._late.pop(0))

    def _strikes(self, planted: Planted, has_occasion: bool) -> bool:  # noqa: FBT001  (it is the question)
        if planted is not self._planted or self.has_struck or not has_occasion:
            return False
        self.has_struck = True
        return True

    # The history

    def _family_of(self, name: TokenName) -> _Family:
        return self._families[_family(name)]

    def _give(self, family: str, suffix: str = "") -> tuple[TokenName, TokenName]:
        state = self._families[family]
        access = f"{family}.a{len(self.history.tokens)}"
        refresh = f"{family}.r{state.generation}{suffix}"
        state.access.append(access)
        for name in (access, refresh):
            self.history.tokens[name] = Token(
                name=name, client=state.client, family=family, is_refresh=name == refresh
            )
        return access, refresh

    def _write(
        self,
        act: Act,
        outcome: Outcome,
        token: TokenName | None = None,
        *,
        client: str = "",
        gave: tuple[TokenName, ...] = (),
        active: bool | None = None,
    ) -> None:
        """Write down what takes effect now, with its way there and back."""
        self._now += 1
        self.history.operations.append(
            Operation(
                act=act,
                caller="somebody",
                client=client or (self.history.tokens[token].client if token else ""),
                began=self._now - self._chance.uniform(0, _LONGEST_WAY),
                ended=self._now + self._chance.uniform(0, _LONGEST_WAY),
                outcome=outcome,
                phase=self._phase,
                token=token,
                gave=gave,
                active=active,
            )
        )


def _family(name: TokenName) -> str:
    return name.partition(".")[0]


def _generation(name: TokenName) -> int:
    return int(name.partition(".r")[2].removesuffix("bis"))
