"""Asks on behalf of callers, and writes down every question with its answer."""

import asyncio
import time
from dataclasses import dataclass, field

from support.faults.history import Act, History, Operation, Outcome, Phase, Token, TokenName
from support.faults.wire import Answer, GrpcLine, Line
from support.grantd_process import RegisteredClient


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, with names for what was given."""

    outcome: Outcome
    access: TokenName | None = None
    refresh: TokenName | None = None
    active: bool | None = None


@dataclass(slots=True)
class Recorder:
    """The one process, and the one clock, that a history is written by.

    Attributes:
        phase: Of what is asked from now on.

        families: The tokens of each family.
    """

    history: History = field(default_factory=History)
    phase: Phase = Phase.LOAD
    families: dict[str, list[TokenName]] = field(default_factory=dict)
    _names: dict[str, TokenName] = field(default_factory=dict, repr=False)
    _texts: dict[TokenName, str] = field(default_factory=dict, repr=False)
    _clients: dict[str, RegisteredClient] = field(default_factory=dict, repr=False)

    def remark(self, what: str) -> None:
        self.history.remarks.append((time.monotonic(), what))

    async def issue(self, client: RegisteredClient, line: Line) -> Told:
        began = time.monotonic()
        answer = await line.issue(client)
        return self._write(Act.ISSUE, client, line, began, answer=answer)

    async def refresh(self, token: TokenName, line: Line) -> Told:
        client, text = self._owner(token), self._texts[token]
        began = time.monotonic()
        answer = await line.refresh(client, text)
        return self._write(Act.REFRESH, client, line, began, answer=answer, token=token)

    async def introspect(self, token: TokenName, line: Line) -> Told:
        client, text = self._owner(token), self._texts[token]
        began = time.monotonic()
        answer = await line.introspect(client, text)
        return self._write(Act.INTROSPECT, client, line, began, answer=answer, token=token)

    async def revoke(self, token: TokenName, line: Line) -> Told:
        client, text = self._owner(token), self._texts[token]
        began = time.monotonic()
        answer = await line.revoke(client, text)
        return self._write(Act.REVOKE, client, line, began, answer=answer, token=token)

    async def end_client(
        self, client: RegisteredClient, line: GrpcLine, *, administrator: str
    ) -> Told:
        began = time.monotonic()
        answer = await line.end_client(client, administrator)
        return self._write(Act.END_CLIENT, client, line, began, answer=answer)

    async def read(self, token: TokenName, line: Line, *, within: float) -> None:
        """Introspect a token until somebody answers."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if (await self.introspect(token, line)).outcome is not Outcome.UNKNOWN:
                return
            await asyncio.sleep(0.1)

    def _owner(self, token: TokenName) -> RegisteredClient:
        return self._clients[self.history.tokens[token].client]

    def _write(
        self,
        act: Act,
        client: RegisteredClient,
        line: Line,
        began: float,
        *,
        answer: Answer,
        token: TokenName | None = None,
    ) -> Told:
        ended = time.monotonic()
        self._clients[client.client_id] = client
        family = self.history.tokens[token].family if token is not None else None
        access, refresh = self._name_both(client, family, answer)
        self.history.operations.append(
            Operation(
                act=act,
                caller=line.name,
                client=client.client_id,
                began=began,
                ended=ended,
                outcome=answer.outcome,
                phase=self.phase,
                token=token,
                gave=tuple(name for name in (access, refresh) if name is not None),
                active=answer.active,
                said=answer.said,
            )
        )
        return Told(answer.outcome, access, refresh, answer.active)

    def _name_both(
        self, client: RegisteredClient, family: str | None, answer: Answer
    ) -> tuple[TokenName | None, TokenName | None]:
        if not answer.access_token:
            return None, None
        if answer.refresh_token and family is None:
            family = f"f{len(self.families) + 1}"
        serial = len(self.history.tokens)
        access = self._name(
            answer.access_token,
            Token(
                name=f"{family}.a{serial}" if family else f"a{serial}",
                client=client.client_id,
                family=family,
                is_stored=not answer.access_token.startswith("eyJ"),
            ),
        )
        if not answer.refresh_token:
            return access, None
        generation = answer.refresh_token.split(".")[2]
        refresh = Token(
            name=f"{family}.r{generation}",
            client=client.client_id,
            family=family,
            is_refresh=True,
        )
        return access, self._name(answer.refresh_token, refresh)

    def _name(self, text: str, token: Token) -> TokenName:
        """Return the name of a token: the same text, the same name."""
        known = self._names.get(text)
        if known is not None:
            return known
        assert token.name not in self.history.tokens
        self._names[text] = token.name
        self._texts[token.name] = text
        self.history.tokens[token.name] = token
        if token.family is not None:
            self.families.setdefault(token.family, []).append(token.name)
        return token.name
