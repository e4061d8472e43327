"""Taking the clients of another server over."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from domain.errors import ClientExists, InvalidRegistration
from domain.model.catalogue import Catalogue, StoredCatalogue
from domain.model.clients import Client
from domain.model.events import AuditEvent, EventKind
from domain.model.imported_clients import ForeignClient, ImportedClient, ImportReport, Outcome
from domain.model.scopes import Scope, ScopeDefinition
from domain.ports.audit_trail import AuditTrail
from domain.ports.clock import Clock
from domain.usecases.administer_clients import AdministerClients, CreatedClient
from domain.usecases.change_catalogue import ChangeCatalogue
from domain.usecases.current_catalogue import CurrentCatalogue
from domain.usecases.each_client import each_client
from domain.usecases.translate_client import TranslateClient


class ImportClients:
    """Each client comes over on its own, so that a second run finishes what a first began.

    A client that is here already is never touched, whatever the export says of it.
    """

    def __init__(
        self,
        administer: AdministerClients,
        *,
        translate: TranslateClient,
        catalogue: CurrentCatalogue,
        change: ChangeCatalogue,
        clock: Clock,
        audit: AuditTrail,
    ) -> None:
        self._administer = administer
        self._translate = translate
        self._catalogue = catalogue
        self._change = change
        self._clock = clock
        self._audit = audit

    async def __call__(self, clients: Sequence[ForeignClient], /, *, dry_run: bool) -> ImportReport:
        """Judge all clients, make the scopes that they need known, and register them.

        Args:
            dry_run: Reports the same and writes nothing.

        Raises:
            Unavailable: If the store is down. What came over before stays.
        """
        catalogue = await self._catalogue.read()
        names = await self._names_here()
        judged = [await self._judge(foreign, catalogue, names) for foreign in clients]
        needed = _scope_of(one.ready.client for one in judged if one.ready is not None)
        unknown = Scope.of(token for token in needed if token not in catalogue.scopes)
        if dry_run:
            return ImportReport(clients=tuple(one.told for one in judged), scopes=unknown)
        await self._make_known(unknown)
        told = [await self._admit(one) for one in judged]
        return ImportReport(clients=tuple(told), scopes=unknown)

    async def _names_here(self) -> "_Names":
        names = _Names()
        async for client in each_client(self._administer):
            names.add(client)
        return replace(names, before=frozenset(names.client_ids))

    async def _judge(
        self, foreign: ForeignClient, catalogue: Catalogue, names: "_Names"
    ) -> "_Judged":
        told = ImportedClient(
            place=foreign.place, client_id=foreign.client_id, outcome=Outcome.TAKEN
        )
        if foreign.client_id in names.before:
            return _Judged(replace(told, outcome=Outcome.ALREADY_HERE))
        try:
            names.require_free(foreign)
            translation = await self._translate(foreign, catalogue)
            wanted = translation.wanted
            ready = await self._administer.judge_against(
                wanted, _foreseen(catalogue, wanted.draft.scope)
            )
        except InvalidRegistration as refusal:
            return _Judged(replace(told, outcome=Outcome.REFUSED, reason=refusal.hint))
        names.add(ready.client)
        return _Judged(replace(told, changed=translation.changed), ready)

    async def _make_known(self, scope: Scope) -> None:
        def add(stored: StoredCatalogue) -> StoredCatalogue:
            known = {definition.token for definition in stored.scopes}
            missing = (ScopeDefinition(token=token) for token in scope if token not in known)
            return replace(stored, scopes=(*stored.scopes, *missing))

        if not await self._change(add):
            return
        for token in scope:
            await self._audit.record(
                AuditEvent(
                    kind=EventKind.CATALOGUE_CHANGED,
                    at=self._clock.now(),
                    subject=f"scope {token}",
                    change="added",
                )
            )

    async def _admit(self, judged: "_Judged") -> ImportedClient:
        if judged.ready is None:
            return judged.told
        try:
            await self._administer.admit(judged.ready)
        except ClientExists:
            return replace(
                judged.told,
                outcome=Outcome.REFUSED,
                changed=(),
                reason="its id or its owner's name was taken by somebody else meanwhile",
            )
        return judged.told


@dataclass(frozen=True, slots=True)
class _Judged:
    """What will be told of a client, and the client, unless it was refused."""

    told: ImportedClient
    ready: CreatedClient | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    """The one namespace of client ids and owners (RFC 9068 §5), as it grows.

    Attributes:
        before: The ids that were here before the import.
    """

    client_ids: set[str] = field(default_factory=set)
    owners: set[str] = field(default_factory=set)
    before: frozenset[str] = frozenset()

    def add(self, client: Client) -> None:
        self.client_ids.add(client.client_id)
        if client.owner is not None:
            self.owners.add(client.owner)

    def require_free(self, foreign: ForeignClient) -> None:
        """Refuse what the store would refuse, so that a dry run tells of it too."""
        if foreign.client_id in self.client_ids:
            raise _refused("its id is that of a client before it in the export")
        if foreign.client_id in self.owners:
            raise _refused("its id is the name of an owner of clients")
        if foreign.owner in self.client_ids:
            raise _refused("the name of its owner is the id of a client")


def _scope_of(clients: Iterable[Client]) -> Scope:
    return Scope.of({token for client in clients for token in client.scope})


def _foreseen(catalogue: Catalogue, scope: Scope) -> Catalogue:
    """Return the catalogue as it will be with *scope* known."""
    made = {token: ScopeDefinition(token=token) for token in scope}
    return replace(catalogue, scopes={**made, **catalogue.scopes})


def _refused(reason: str) -> InvalidRegistration:
    return InvalidRegistration(reason, hint=reason)
