"""What a client of another server is to be here."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from domain.errors import InvalidRegistration, InvalidScope, presentable
from domain.model.administration import RESERVED
from domain.model.assertions import AssertionAlgorithm
from domain.model.catalogue import Catalogue
from domain.model.client_keys import read_client_keys, read_jwks_uri
from domain.model.clients import Client, GrantType
from domain.model.credentials import AuthMethod, ClientSecret, SecretHash
from domain.model.identifiers import ClientId, Owner, ResourceId
from domain.model.imported_clients import ForeignClient
from domain.model.scopes import Scope
from domain.model.texts import LONGEST_NAME
from domain.ports.clock import Clock
from domain.ports.foreign_hashes import ForeignHashes, ForeignHashUnusable
from domain.ports.secret_hashing import SecretHasher, SecretMismatch
from domain.usecases.administer_clients import AdministerClients, NewClient
from domain.usecases.make_secret import MakeSecret

_NAMED_IN_A_CHANGE: Final = 20

# What form-decoding turns into something else (RFC 6749 App. B); anything
# besides reads the same whether it was form-encoded or sent as it stands.
_CHANGED_BY_DECODING: Final = frozenset("%+")

_SAMPLES: Final = {"testclient": "testpass", "myawesomeapp": "abc123"}
"""Clients and secrets of the libraries' own sample data, which anybody may try."""

_OF_OPENID: Final = frozenset({"openid", "offline", "offline_access"})
_EVERYTHING: Final = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """A client as it is to be here.

    Attributes:
        changed: What is not as it was there, and why.
    """

    wanted: NewClient
    changed: tuple[str, ...]


class TranslateClient:
    def __init__(
        self,
        *,
        administer: AdministerClients,
        make_secret: MakeSecret,
        hasher: SecretHasher,
        foreign_hashes: ForeignHashes,
        clock: Clock,
    ) -> None:
        self._administer = administer
        self._make_secret = make_secret
        self._hasher = hasher
        self._foreign_hashes = foreign_hashes
        self._clock = clock

    async def __call__(self, foreign: ForeignClient, catalogue: Catalogue) -> Translation:
        """Return what *foreign* is to be here; its scope need not be known yet.

        Raises:
            InvalidRegistration: If it cannot come along, with the reason in its hint.
        """
        if foreign.flaw:
            raise _refused(foreign.flaw)
        changed: list[str] = []
        draft = Client(
            client_id=ClientId(foreign.client_id),
            epoch=self._administer.new_epoch(),
            created_at=self._clock.now(),
            name=_name(foreign, changed),
            disabled=foreign.disabled,
            auth_methods=foreign.auth_methods,
            grant_types=_grant_types(foreign, changed),
            issue_refresh_token=foreign.issue_refresh_token,
            scope=_scope(foreign, changed),
            default_scope=Scope.of(filter(_is_taken, foreign.default_scope)),
            audiences=_audiences(foreign, catalogue, changed),
            owner=Owner(foreign.owner) if foreign.owner else None,
            token_format=foreign.token_format,
            access_token_ttl=foreign.access_token_ttl,
            assertion_algorithm=_assertion_algorithm(foreign),
        )
        draft = _with_keys(draft, foreign)
        wanted = NewClient(draft=draft)
        if draft.uses_a_secret:
            wanted = await self._with_secret(draft, foreign, catalogue, changed)
        elif foreign.secret is not None:
            changed.append("secret not taken: it proves itself by its keys")
        if foreign.disabled:
            changed.append("disabled, as it was there")
        if foreign.not_taken:
            changed.append(f"not taken: {_listed(foreign.not_taken)}")
        return Translation(wanted=wanted, changed=tuple(changed))

    async def _with_secret(
        self, draft: Client, foreign: ForeignClient, catalogue: Catalogue, changed: list[str]
    ) -> NewClient:
        if foreign.secret is None:
            raise _refused("the export has no secret of it")
        ends = foreign.secret_expires_at
        if ends is not None and ends <= self._clock.now():
            raise _refused("its secret has expired")
        text = foreign.secret.reveal()
        stored = None if foreign.secret_is_clear else self._read_hash(text)
        await self._refuse_samples(draft.client_id, foreign.secret, stored, catalogue)
        if _needs_raw_basic(text, stored, foreign):
            draft = replace(draft, accept_raw_basic_credentials=True)
            why = "has + or %" if stored is None else "cannot be seen"
            changed.append(
                f"accept_raw_basic_credentials: its secret {why}, and HTTP Basic may have"
                " carried it without form-encoding"
            )
        if _CHANGED_BY_DECODING & set(draft.client_id) or ":" in draft.client_id:
            changed.append("its id has to be form-encoded in HTTP Basic")
        if stored is None:
            return NewClient(draft=draft, secret=foreign.secret, secret_expires_at=ends)
        if AuthMethod.CLIENT_SECRET_JWT in draft.auth_methods:
            raise _refused("client_secret_jwt needs the secret, and the export has its hash")
        changed.append("answers more slowly until its first use, which replaces the hash it had")
        adopted = self._make_secret.adopt(stored, expires_at=ends)
        return NewClient(draft=replace(draft, secrets=(adopted,)))

    def _read_hash(self, text: str) -> SecretHash | None:
        try:
            return self._foreign_hashes.read(text)
        except ForeignHashUnusable as unusable:
            raise _refused(str(unusable)) from None

    async def _refuse_samples(
        self,
        client_id: ClientId,
        secret: ClientSecret,
        stored: SecretHash | None,
        catalogue: Catalogue,
    ) -> None:
        if stored is None:
            known = secret.reveal() in _SAMPLES.values()
        else:
            known = await self._is_hash_of_sample(client_id, stored, catalogue)
        if known:
            raise _refused("its secret is that of a library's sample data, which everybody knows")

    async def _is_hash_of_sample(
        self, client_id: ClientId, stored: SecretHash, catalogue: Catalogue
    ) -> bool:
        """Compare with the sample of that name alone: each comparison is a slow one."""
        sample = _SAMPLES.get(client_id)
        if sample is None:
            return False
        with suppress(SecretMismatch):
            await self._hasher.verify(
                ClientSecret(sample), against=stored, peppers=catalogue.keyring.peppers
            )
            return True
        return False


def _needs_raw_basic(text: str, stored: SecretHash | None, foreign: ForeignClient) -> bool:
    if AuthMethod.CLIENT_SECRET_BASIC not in foreign.auth_methods:
        return False
    if stored is not None:
        return foreign.secret_is_sent_raw
    return not _CHANGED_BY_DECODING.isdisjoint(text)


def _name(foreign: ForeignClient, changed: list[str]) -> str:
    name = "".join(c if c.isprintable() else " " for c in foreign.name[:LONGEST_NAME])
    if name != foreign.name:
        changed.append("name shortened to what can be shown")
    return name


def _grant_types(foreign: ForeignClient, changed: list[str]) -> frozenset[GrantType]:
    if foreign.grant_types is None:
        changed.append("every grant type was allowed, of which client_credentials is taken")
        return frozenset({GrantType.CLIENT_CREDENTIALS})
    offered = frozenset(grant for grant in GrantType if grant in foreign.grant_types)
    others = [grant for grant in foreign.grant_types if grant not in offered]
    if GrantType.CLIENT_CREDENTIALS not in offered:
        had = _listed(foreign.grant_types) or "none"
        raise _refused(f"it may not use client_credentials, where tokens begin here: {had}")
    if others:
        changed.append(f"grant types not taken: {_listed(others)}")
    return offered


def _scope(foreign: ForeignClient, changed: list[str]) -> Scope:
    if foreign.scope is None:
        named = foreign.default_scope
        given = (
            f"what it got unasked: {_listed(named)}" if named else "none (clients update --scope)"
        )
        changed.append(f"every scope was allowed, of which it is given {given}")
    else:
        named = foreign.scope
    left = sorted({token for token in named if not _is_taken(token)})
    if left:
        changed.append(f"scope not taken: {_listed(left)}")
    return Scope.of(filter(_is_taken, named))


def _is_taken(token: str) -> bool:
    """Tell whether a scope token can mean here what it meant there."""
    if token == _EVERYTHING or token in _OF_OPENID or token in RESERVED:
        return False
    with suppress(InvalidScope):
        Scope.of([token])
        return True
    return False


def _audiences(
    foreign: ForeignClient, catalogue: Catalogue, changed: list[str]
) -> frozenset[ResourceId]:
    known = frozenset(
        one for one in map(ResourceId, foreign.audiences) if one in catalogue.resources
    )
    if unknown := sorted(set(foreign.audiences) - known):
        changed.append(f"audience not taken, being no resource here: {_listed(unknown)}")
    return known


def _assertion_algorithm(foreign: ForeignClient) -> AssertionAlgorithm | None:
    by_assertion = {AuthMethod.PRIVATE_KEY_JWT, AuthMethod.CLIENT_SECRET_JWT}
    if not foreign.assertion_algorithm or by_assertion.isdisjoint(foreign.auth_methods):
        return None
    try:
        return AssertionAlgorithm(foreign.assertion_algorithm)
    except ValueError:
        named = presentable(foreign.assertion_algorithm)
        raise _refused(f"its assertions are signed by {named}, which is not taken") from None


def _with_keys(draft: Client, foreign: ForeignClient) -> Client:
    if AuthMethod.PRIVATE_KEY_JWT not in draft.auth_methods:
        return draft
    if foreign.jwks_uri:
        return replace(draft, jwks_uri=read_jwks_uri(foreign.jwks_uri))
    if foreign.jwks is None:
        raise _refused("the export has no keys of it")
    keys = read_client_keys(foreign.jwks)
    if draft.assertion_algorithm is not None and draft.assertion_algorithm not in keys.algorithms:
        raise _refused(f"no key of it signs with {draft.assertion_algorithm}")
    return replace(draft, jwks=keys.text)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(_first(names))


def _first(names: Iterable[str]) -> Iterator[str]:
    for number, name in enumerate(names):
        if number == _NAMED_IN_A_CHANGE:
            yield "..."
            return
        yield presentable(name)


def _refused(reason: str) -> InvalidRegistration:
    return InvalidRegistration(reason, hint=reason)
