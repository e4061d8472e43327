"""Changing a registered client while others may be changing it too."""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace

from domain.errors import ClientNotFound, Conflict
from domain.model.clients import Client
from domain.model.credentials import RegisteredSecret
from domain.model.events import AuditEvent, EventKind
from domain.model.identifiers import ClientId
from domain.ports.audit_trail import AuditTrail
from domain.ports.clients import ClientStore
from domain.ports.clock import Clock

_ATTEMPTS = 20
_TOLD_OTHERWISE = frozenset({"version", "disabled", "secrets"})


class ChangeClient:
    def __init__(self, clients: ClientStore, *, clock: Clock, audit: AuditTrail) -> None:
        self._clients = clients
        self._clock = clock
        self._audit = audit

    async def __call__(
        self,
        client_id: ClientId,
        change: Callable[[Client], Client],
        /,
        *,
        if_version: int | None = None,
    ) -> Client:
        """Replace a client by what *change* makes of it, and record what became different.

        Nothing is written if nothing became different; that what is there
        lasts is made sure of all the same.

        Args:
            change: Judges and changes what it is given. It is called anew
                with the client as it is by then if somebody else was faster,
                so it MUST have no effect of its own.

            if_version: The only version that may be changed.

        Raises:
            ClientNotFound: If there is none of that id.
            Conflict: If it is not of that version, or changes all the time.
        """
        for _ in range(_ATTEMPTS):
            before = await self._clients.find(client_id)
            if before is None:
                raise ClientNotFound(client_id, hint=client_id)
            if if_version not in (None, before.version):
                raise Conflict(
                    f"{client_id} is not of version {if_version}",
                    hint=f"{client_id} is of version {before.version} and not {if_version}",
                )
            after = change(before)
            try:
                if after == before:
                    await self._clients.confirm(before)
                    return before
                after = replace(after, version=before.version + 1)
                await self._audit.require()
                await self._clients.replace(after, seen=before.version)
            except Conflict:
                continue
            await self._record(before, after)
            return after
        raise Conflict(f"{client_id} was changed by others {_ATTEMPTS} times meanwhile")

    async def _record(self, before: Client, after: Client) -> None:
        """Record what is told of a change; that a secret is sealed anew is not."""
        told = ", ".join(_differences(before, after))
        if not told:
            return
        await self._audit.record(
            AuditEvent(
                kind=EventKind.CLIENT_CHANGED,
                at=self._clock.now(),
                subject=after.client_id,
                change=told,
            )
        )


def _differences(before: Client, after: Client) -> Iterator[str]:
    """Say what became different, by the names of attributes and without their values."""
    if before.disabled is not after.disabled:
        yield "disabled" if after.disabled else "enabled"
    for attribute in fields(Client):
        name = attribute.name
        if name not in _TOLD_OTHERWISE and getattr(before, name) != getattr(after, name):
            yield name
    was = {secret.secret_id: secret for secret in before.secrets}
    now = {secret.secret_id: secret for secret in after.secrets}
    for secret_id, secret in now.items():
        if secret_id not in was:
            yield f"secret {secret_id} added"
        else:
            yield from _secret_differences(was[secret_id], secret)
    yield from (f"secret {secret_id} deleted" for secret_id in was if secret_id not in now)


def _secret_differences(was: RegisteredSecret, now: RegisteredSecret) -> Iterator[str]:
    if was.expires_at != now.expires_at and now.expires_at is not None:
        yield f"secret {now.secret_id} expires {now.expires_at.isoformat(timespec='seconds')}"
    if was.sealed is not None and now.sealed is None:
        yield f"secret {now.secret_id} not kept any more"
