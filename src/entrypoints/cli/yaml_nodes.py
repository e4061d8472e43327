"""YAML as a tree whose nodes know where they stand: one document, of plain data alone.

Scalars are read as YAML 1.2 has it: `yes` and `on` are texts. Aliases and
tags are refused, and so is what is larger or deeper than a person writes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

LARGEST: Final = 16 * 1_024 * 1_024
_DEEPEST: Final = 20
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)
_MOST_DIGITS: Final = 18
_CONSTANTS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Scalar = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a text, counted from 1."""

    line: int
    column: int


class NotPlainYaml(Exception):
    """The text is not YAML of this kind; the message never shows a value."""

    def __init__(self, sentence: str, place: Place) -> None:
        super().__init__(sentence)
        self.place = place


@dataclass(frozen=True, slots=True)
class Node:
    """A scalar, a list of nodes, or pairs of nodes in the order they are written."""

    place: Place
    content: "Scalar | list[Node] | list[tuple[Node, Node]]"
    is_mapping: bool = False

    @property
    def items(self) -> "list[Node] | None":
        """The nodes of a list, or None."""
        content = self.content
        if self.is_mapping or not isinstance(content, list):
            return None
        return [one for one in content if isinstance(one, Node)]

    @property
    def pairs(self) -> "list[tuple[Node, Node]] | None":
        """The pairs of a mapping, or None."""
        content = self.content
        if not self.is_mapping or not isinstance(content, list):
            return None
        return [one for one in content if isinstance(one, tuple)]

    @property
    def scalar(self) -> Scalar:
        """The value of a scalar; None for anything else and for null."""
        return None if isinstance(self.content, list) else self.content

    def plain(self) -> object:
        """Return the values alone, of texts, numbers, lists and objects."""
        if (pairs := self.pairs) is not None:
            return {str(key.scalar): value.plain() for key, value in pairs}
        if (items := self.items) is not None:
            return [one.plain() for one in items]
        return self.content


def read_yaml(text: str) -> Node:
    """Read the one document in *text*.

    Raises:
        NotPlainYaml: If there is none, more than one, or one of another kind.
    """
    try:
        return _Builder().build(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = _place(mark) if mark is not None else Place(1, 1)
        raise NotPlainYaml(f"not YAML: {error.problem or error.context}", place) from None
    except yaml.reader.ReaderError:
        before = _up_to_what_may_not_stand(text)
        place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise NotPlainYaml("not YAML: a character that may not stand there", place) from None


def _up_to_what_may_not_stand(text: str) -> str:
    # The position that the parser tells is of bytes if it is the one in C.
    found = yaml.reader.Reader.NON_PRINTABLE.search(text)
    return text[: found.start()] if found is not None else ""


class _Builder:
    """Builds a tree of events, without recursion."""

    def __init__(self) -> None:
        self._root: Node | None = None
        self._open: list[tuple[Node, list[Node]]] = []

    def build(self, events: Iterator[yaml.Event]) -> Node:
        for event in events:
            self._take(event)
        if self._root is None:
            raise NotPlainYaml("there is nothing in it", Place(1, 1))
        return self._root

    def _take(self, event: yaml.Event) -> None:
        place = _place(event.start_mark)
        match event:
            case yaml.AliasEvent():
                raise NotPlainYaml("aliases are not taken: write it out", place)
            case yaml.DocumentStartEvent() if self._root is not None:
                raise NotPlainYaml("a second document: one is taken", place)
            case yaml.ScalarEvent():
                _refuse_tag(event, place)
                self._place(Node(place, _resolved(event, place)))
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                _refuse_tag(event, place)
                if len(self._open) >= _DEEPEST:
                    raise NotPlainYaml("nested too deeply", place)
                is_mapping = isinstance(event, yaml.MappingStartEvent)
                self._open.append((Node(place, [], is_mapping), []))
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                node, children = self._open.pop()
                self._place(_filled(node, children))
            case _:  # where streams and documents begin and end
                pass

    def _place(self, node: Node) -> None:
        if self._open:
            self._open[-1][1].append(node)
        else:
            self._root = node


def _filled(node: Node, children: list[Node]) -> Node:
    if not node.is_mapping:
        return Node(node.place, children)
    pairs = list(zip(children[::2], children[1::2], strict=True))
    for key, _ in pairs:
        if not isinstance(key.scalar, str):
            raise NotPlainYaml("a key has to be a text", key.place)
    return Node(node.place, pairs, is_mapping=True)


def _refuse_tag(event: yaml.NodeEvent, place: Place) -> None:
    if getattr(event, "tag", None) is not None:
        raise NotPlainYaml("tags are not taken", place)


def _resolved(event: yaml.ScalarEvent, place: Place) -> Scalar:
    text: str = event.value
    if event.style not in (None, ""):
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if not _INTEGER.fullmatch(text):
        return text
    if len(text) > _MOST_DIGITS:
        raise NotPlainYaml("too large a number; put it in quotes if it is a text", place)
    return int(text)


def _place(mark: Any) -> Place:  # noqa: ANN401  (two unrelated classes, by the parser)
    return Place(mark.line + 1, mark.column + 1)
