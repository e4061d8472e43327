"""Reading a state file: every problem is found, and told with line, column and field."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from domain.errors import GrantdError, presentable
from domain.model.client_keys import read_client_keys
from domain.model.clients import Client, GrantType
from domain.model.credentials import AuthMethod, ClientSecret
from domain.model.desired_state import DesiredClient, DesiredState, FieldPath, Problem
from domain.model.identifiers import Epoch
from domain.model.policy import DeclaredPolicy
from domain.model.resources import Resource
from domain.model.scopes import ScopeDefinition
from entrypoints.cli.exits import Refused
from entrypoints.cli.inputs import read_at_most, read_secret
from entrypoints.cli.registration import read_document
from entrypoints.cli.state_fields import (
    CLIENT,
    POLICY,
    RESOURCE,
    SCOPE,
    Field,
    Unfit,
    scope_tokens,
    texts,
)
from entrypoints.cli.yaml_nodes import LARGEST, Node, NotPlainYaml, Place, read_yaml

_SECTIONS: Final = ("resources", "scopes", "clients", "policy")
_BESIDE: Final = ("public", "jwks_file", "secret")
_WITH_A_SECRET: Final = frozenset({AuthMethod.CLIENT_SECRET_BASIC, AuthMethod.CLIENT_SECRET_POST})
_SINCE_EVER: Final = datetime.min.replace(tzinfo=UTC)
_NOTHING: Final = "nothing stands here: write a value, or leave the key out"


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFile:
    """What a file says, and where it says it."""

    desired: DesiredState
    problems: tuple[tuple[Place, Problem], ...]
    places: Mapping[FieldPath, Place]

    def with_those_of(self, judged: Iterable[Problem]) -> list[tuple[Place, Problem]]:
        """Return all problems in the order of the file, each thing told once.

        What an entry amounts to as a whole is not judged while something in
        it cannot be read.
        """
        told = {problem.path for _, problem in self.problems}
        entries = {path[:2] for path in told}
        more = [
            (self._place(problem), problem)
            for problem in judged
            if problem.path not in told | entries
        ]
        return sorted(
            (*self.problems, *more), key=lambda one: (one[0].line, one[0].column, one[1].sentence)
        )

    def _place(self, problem: Problem) -> Place:
        """Return where in the file a problem lies."""
        path: FieldPath = (*problem.path, problem.value)
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place(1, 1))


def read_state_file(path: Path) -> StateFile:
    """Read a state file; files that it names are looked for beside it.

    Raises:
        Refused: If it cannot be read, or is no YAML of the kind that is taken.
    """
    try:
        content = read_at_most(path, LARGEST + 1)
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > LARGEST:
        raise Refused(f"{path} is larger than {LARGEST // 1_024 // 1_024} MiB")
    try:
        return read_state(content.decode("utf-8-sig"), beside=path.parent)
    except UnicodeDecodeError:
        raise Refused(f"{path} is not a text in UTF-8") from None
    except NotPlainYaml as error:
        place = error.place
        raise Refused(f"{path}:{place.line}:{place.column}: {error}") from None


def read_state(text: str, *, beside: Path) -> StateFile:
    """Read the text of a state file.

    Raises:
        NotPlainYaml: If it is no YAML of the kind that is taken.
    """
    return _Reader(beside).read(read_yaml(text))


def path_text(path: FieldPath) -> str:
    """Write where something stands: `clients[3].scope`."""
    written = ""
    for step in path:
        written += f"[{step}]" if isinstance(step, int) else f".{step}"
    return written.removeprefix(".")


@dataclass(slots=True)
class _Reader:
    beside: Path
    problems: list[tuple[Place, Problem]] = field(default_factory=list)
    places: dict[FieldPath, Place] = field(default_factory=dict)

    def read(self, root: Node) -> StateFile:
        sections = self._keys((), root, _SECTIONS)
        policy = sections.get("policy")
        desired = DesiredState(
            resources=self._resources(sections.get("resources")),
            scopes=self._scopes(sections.get("scopes")),
            clients=self._clients(sections.get("clients")),
            policy=(
                DeclaredPolicy(**self._record(("policy",), policy, POLICY))
                if policy is not None
                else None
            ),
        )
        return StateFile(desired=desired, problems=tuple(self.problems), places=self.places)

    def _resources(self, section: Node | None) -> tuple[Resource, ...] | None:
        if section is None:
            return None
        entries = self._list("resources", section)
        return tuple(Resource(**self._named(path, node, RESOURCE, "id")) for path, node in entries)

    def _scopes(self, section: Node | None) -> tuple[ScopeDefinition, ...] | None:
        if section is None:
            return None
        entries = self._list("scopes", section)
        return tuple(
            ScopeDefinition(**self._named(path, node, SCOPE, "name")) for path, node in entries
        )

    def _clients(self, section: Node | None) -> tuple[DesiredClient, ...] | None:
        if section is None:
            return None
        return tuple(self._client(path, node) for path, node in self._list("clients", section))

    def _client(self, path: FieldPath, node: Node) -> DesiredClient:
        record = self._named(path, node, CLIENT, "id", beside=_BESIDE)
        keys = {str(key.scalar): value for key, value in node.pairs or ()}
        if "public" in keys:
            self._make_public(path, keys["public"], record)
        record.setdefault("auth_methods", _WITH_A_SECRET)
        record.setdefault("grant_types", frozenset({GrantType.CLIENT_CREDENTIALS}))
        if (jwks := self._keys_by_file(path, keys)) is not None:
            record["jwks"] = jwks
        return DesiredClient(
            draft=Client(epoch=Epoch(""), created_at=_SINCE_EVER, **record),
            secret=self._secret(path, keys),
        )

    def _make_public(self, path: FieldPath, node: Node, record: dict[str, Any]) -> None:
        public = frozenset({AuthMethod.NONE})
        if not isinstance(node.scalar, bool):
            self._tell(node.place, (*path, "public"), "true or false is needed")
        elif node.scalar is not (record.get("auth_methods", public) == public):
            self._tell(node.place, (*path, "public"), "auth_methods says otherwise")
        elif node.scalar:
            record["auth_methods"] = public

    def _keys_by_file(self, path: FieldPath, keys: Mapping[str, Node]) -> str | None:
        node = keys.get("jwks_file")
        if node is None:
            return None
        for other in ("jwks", "jwks_uri"):
            if other in keys:
                self._tell(node.place, (*path, "jwks_file"), f"not together with {other}")
                return None
        if (named := self._file(node)) is None:
            self._tell(node.place, (*path, "jwks_file"), "the path of a file is needed")
            return None
        try:
            return read_client_keys(read_document(named)).text
        except Refused as error:
            self._tell(node.place, (*path, "jwks_file"), str(error))
        except GrantdError as error:
            self._tell(node.place, (*path, "jwks_file"), error.hint)
        return None

    def _secret(self, path: FieldPath, keys: Mapping[str, Node]) -> ClientSecret | None:
        node = keys.get("secret")
        if node is None:
            return None
        if node.pairs is None:
            sentence = "a secret does not stand in this file: write secret: {file: PATH}"
            self._tell(node.place, (*path, "secret"), sentence)
            return None
        file = self._keys((*path, "secret"), node, ("file",)).get("file")
        if file is None and node.pairs:
            return None  # whatever stands there instead was told
        if file is None or (named := self._file(file)) is None:
            self._tell(node.place, (*path, "secret"), "the path of a file is needed: {file: PATH}")
            return None
        try:
            return read_secret(named)
        except Refused as error:
            self._tell(file.place, (*path, "secret", "file"), str(error))
            return None

    def _file(self, node: Node) -> Path | None:
        """Return the file that a text names, which can lie beside the state."""
        named = node.scalar
        if not isinstance(named, str) or "\0" in named:
            return None
        return (self.beside / named).absolute()

    def _list(self, name: str, section: Node) -> list[tuple[FieldPath, Node]]:
        self.places[name,] = section.place
        if section.items is None:
            self._tell(section.place, (name,), "a list is needed; write [] for none")
            return []
        return [((name, place), node) for place, node in enumerate(section.items)]

    def _named(
        self,
        path: FieldPath,
        node: Node,
        fields: Mapping[str, Field],
        key: str,
        *,
        beside: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        """Read an entry, which needs a name; one without stays in its place with a makeshift."""
        record = self._record(path, node, fields, beside=beside)
        given = [value for one, value in node.pairs or () if one.scalar == key]
        if not given and node.pairs is not None:
            self._tell(node.place, path, f"{key} is missing")
        written = given[0].scalar if given else None
        makeshift = written if isinstance(written, str) else f"entry {path[-1]}"
        record.setdefault(fields[key].attribute, makeshift)
        return record

    def _record(
        self,
        path: FieldPath,
        node: Node,
        fields: Mapping[str, Field],
        *,
        beside: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        """Read one mapping; what is unfit in it is told and left out."""
        read: dict[str, Any] = {}
        for key, value in self._keys(path, node, (*fields, *beside)).items():
            if key not in fields:
                continue
            try:
                read[fields[key].attribute] = fields[key].read(value)
            except Unfit as unfit:
                where = unfit.node or value
                self._tell(where.place, (*path, key), str(unfit))
            else:
                self._note_values((*path, key), value)
        return read

    def _keys(self, path: FieldPath, node: Node, known: tuple[str, ...]) -> dict[str, Node]:
        """Return what stands under the known keys of a mapping, each once."""
        self.places[path] = node.place
        if node.pairs is None:
            self._tell(node.place, path, f"keys are needed here, of {', '.join(known)}")
            return {}
        found: dict[str, Node] = {}
        for key, value in node.pairs:
            name = str(key.scalar)
            if name not in known:
                close = get_close_matches(name, known, n=1)
                suggestion = f"; did you mean {close[0]}?" if close else ""
                sentence = f"there is no such key{suggestion}"
                self._tell(key.place, (*path, presentable(name)), sentence)
            elif name in found:
                self._tell(key.place, (*path, name), "this key stands here twice")
            elif value.content is None:
                self._tell(value.place, (*path, name), _NOTHING)
            else:
                found[name] = value
                self.places[*path, name] = value.place
        return found

    def _note_values(self, path: FieldPath, node: Node) -> None:
        """Remember where each of several values stands."""
        if node.items is None:
            return
        reader = scope_tokens if path[-1] in ("scope", "default_scope") else texts
        try:
            self.places.update({(*path, text): where.place for text, where in reader(node)})
        except Unfit:
            return

    def _tell(self, place: Place, path: FieldPath, sentence: str) -> None:
        self.problems.append((place, Problem(path, sentence)))
