"""Whether a desired state can be had. Pure; every problem is found, and named by its place."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from functools import partial

from domain.errors import InvalidRegistration, presentable
from domain.model.administration import RESERVED
from domain.model.clients import Client, require_coherent
from domain.model.credentials import AuthMethod, RegisteredSecret, SecretHash, SecretId
from domain.model.desired_state import (
    CurrentState,
    DesiredClient,
    DesiredState,
    FieldPath,
    Problem,
)
from domain.model.identifiers import ResourceId
from domain.model.keys import SigningAlgorithm
from domain.model.resources import require_sound_resource
from domain.model.scopes import require_sound_scope
from domain.usecases.make_secret import require_usable
from domain.usecases.plan_state import own_scopes, resources_of, scopes_of


def judge_state(
    current: CurrentState, desired: DesiredState, *, prune: bool, issuer: str, now: datetime
) -> tuple[Problem, ...]:
    """Return every reason why *desired* cannot be had, none if it can."""
    return tuple(_Judgement(current, desired, prune=prune, issuer=issuer, now=now).problems())


class _Judgement:
    def __init__(
        self,
        current: CurrentState,
        desired: DesiredState,
        *,
        prune: bool,
        issuer: str,
        now: datetime,
    ) -> None:
        self._current = current
        self._desired = desired
        self._now = now
        self._issuer = issuer
        self._prune = prune
        self._resources = self._then_known(current.catalogue.resources, resources_of(desired))
        self._scopes = frozenset(RESERVED) | self._then_known(
            own_scopes(current.catalogue), scopes_of(desired)
        )
        owners = {
            **{client.client_id: client.owner for client in current.clients.values()},
            **{one.draft.client_id: one.draft.owner for one in desired.clients or ()},
        }
        self._ids = frozenset(owners)
        self._owners = Counter(str(owner) for owner in owners.values() if owner is not None)

    def _then_known(self, was: Iterable[str], wanted: Iterable[str] | None) -> frozenset[str]:
        if wanted is None:
            return frozenset(was)
        return frozenset(wanted) if self._prune else frozenset((*was, *wanted))

    def problems(self) -> Iterator[Problem]:
        yield from self._of_resources()
        yield from self._of_scopes()
        yield from self._of_policy()
        yield from self._of_clients()

    def _of_resources(self) -> Iterator[Problem]:
        known = self._current.catalogue.resources
        seen = set()
        for place, one in enumerate(self._desired.resources or ()):
            path: FieldPath = ("resources", place)
            if one.resource_id in seen:
                yield Problem((*path, "id"), "a resource of that id stands before it")
            seen.add(one.resource_id)
            yield from _refusal(path, partial(require_sound_resource, one))
            was = known.get(one.resource_id)
            yield from self._unsignable(
                (*path, "signing_algorithm"),
                one.signing_algorithm,
                was.signing_algorithm if was is not None else None,
            )
        if self._prune and self._desired.resources is not None and self._desired.scopes is None:
            for token, scope in sorted(own_scopes(self._current.catalogue).items()):
                if scope.resource is not None and scope.resource not in self._resources:
                    yield Problem(
                        ("resources",),
                        f"{scope.resource} would be removed and still owns the scope {token}",
                    )

    def _of_scopes(self) -> Iterator[Problem]:
        seen = set()
        for place, one in enumerate(self._desired.scopes or ()):
            path: FieldPath = ("scopes", place)
            if one.token in RESERVED:
                yield Problem((*path, "name"), "this scope is grantd's own and always there")
            if one.token in seen:
                yield Problem((*path, "name"), "a scope of that name stands before it")
            seen.add(one.token)
            yield from _refusal(path, partial(require_sound_scope, one))
            if one.resource is not None and one.resource not in self._resources:
                yield _unknown((*path, "resource"), "resource", one.resource, self._resources)

    def _of_policy(self) -> Iterator[Problem]:
        if self._desired.policy is not None:
            yield from self._unsignable(
                ("policy", "signing_algorithm"),
                self._desired.policy.signing_algorithm,
                self._current.catalogue.policy.signing_algorithm,
            )

    def _of_clients(self) -> Iterator[Problem]:
        seen = set()
        for place, one in enumerate(self._desired.clients or ()):
            path: FieldPath = ("clients", place)
            if one.draft.client_id in seen:
                yield Problem((*path, "id"), "a client of that id stands before it")
            seen.add(one.draft.client_id)
            yield from self._of_client(path, one)

    def _of_client(self, path: FieldPath, wanted: DesiredClient) -> Iterator[Problem]:
        draft = wanted.draft
        was = self._current.clients.get(draft.client_id)
        yield from self._unknown_references(path, draft, was)
        for attribute in ("signing_algorithm", "introspection_signed_response_alg"):
            algorithm = getattr(draft, attribute)
            had = getattr(was, attribute) if was is not None else None
            yield from self._unsignable((*path, attribute), algorithm, had)
        if was is not None and was.owner != draft.owner:
            yield Problem((*path, "owner"), "an owner stays: delete the client and make it anew")
        is_its_own = str(draft.owner) == draft.client_id
        if draft.owner is not None and not is_its_own and str(draft.owner) in self._ids:
            yield Problem((*path, "owner"), "a client has that name as its id")
        if self._owners[draft.client_id] > is_its_own:
            yield Problem((*path, "id"), "a client has an owner of that name")
        if wanted.secret is not None:
            secret = wanted.secret
            yield from _refusal((*path, "secret"), lambda: require_usable(secret, draft))
        yield from _refusal(path, lambda: require_coherent(_with_a_secret(draft)))

    def _unknown_references(
        self, path: FieldPath, draft: Client, was: Client | None
    ) -> Iterator[Problem]:
        """Yield what the client names anew and nothing defines; what it had may stay."""
        for attribute in ("scope", "default_scope"):
            had = set(getattr(was, attribute)) if was is not None else set()
            for token in getattr(draft, attribute):
                if token not in self._scopes and token not in had:
                    yield _unknown((*path, attribute), "scope", token, self._scopes)
        for attribute in ("audiences", "default_audience", "serves"):
            stays = _named(was, attribute) | {self._issuer}
            for resource in sorted(_named(draft, attribute) - stays):
                if resource not in self._resources:
                    yield _unknown((*path, attribute), "resource", resource, self._resources)

    def _unsignable(
        self, path: FieldPath, algorithm: SigningAlgorithm | None, was: SigningAlgorithm | None
    ) -> Iterator[Problem]:
        if algorithm is not None and algorithm is not was:
            keyring = self._current.catalogue.keyring
            yield from _refusal(
                path,
                lambda: keyring.require_signer(algorithm, now=self._now),
            )


def _named(client: Client | None, attribute: str) -> frozenset[ResourceId]:
    value = getattr(client, attribute) if client is not None else None
    if value is None:
        return frozenset()
    return value if isinstance(value, frozenset) else frozenset({value})


def _unknown(path: FieldPath, kind: str, name: str, known: Iterable[str]) -> Problem:
    close = get_close_matches(name, sorted(known), n=1)
    suggestion = f"; did you mean {close[0]}?" if close else ""
    return Problem(path, f"there is no {kind} {presentable(name)}{suggestion}", name)


def _refusal(path: FieldPath, judge: Callable[[], object]) -> Iterator[Problem]:
    try:
        judge()
    except InvalidRegistration as error:
        yield Problem(path, error.hint)


def _with_a_secret(draft: Client) -> Client:
    """Return the client as it is once it has the secret that it will be given."""
    if not draft.uses_a_secret:
        return draft
    kept = RegisteredSecret(
        secret_id=SecretId(""),
        hash=SecretHash(""),
        created_at=draft.created_at,
        sealed=b"" if AuthMethod.CLIENT_SECRET_JWT in draft.auth_methods else None,
    )
    return replace(draft, secrets=(kept,))
