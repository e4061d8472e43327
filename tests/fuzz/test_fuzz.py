"""Strangers' bytes are answered or refused, and never an exception of another kind.

First what was found worth keeping, then chance in its neighbourhood for a
moment. `run_atheris.py` looks for longer, led by what the code does.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.targets import CORPUS, TARGETS, feed

names = pytest.mark.parametrize("name", TARGETS)

_EDITS = 4
_LONGEST_INSERTION = 24

_odd_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=9)  # lone surrogates too, which JSON can write
    | st.sampled_from([10**400, 253_402_300_800, -1, "a" * 300, "https://[", "\ud800", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def corpus(name: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((CORPUS / name).iterdir())}


@st.composite
def edited(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """Bytes near one of *seeds*: pieces are replaced by chance, by each other, or left out."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, _EDITS))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + _LONGEST_INSERTION)))
        other = draw(st.sampled_from(seeds))
        cut = draw(st.integers(0, len(other)))
        piece = draw(
            st.binary(max_size=_LONGEST_INSERTION)
            | st.text(max_size=_LONGEST_INSERTION).map(lambda text: text.encode())
            | st.just(other[cut : cut + _LONGEST_INSERTION])
        )
        data = data[:start] + piece + data[end:]
    return data


@st.composite
def deformed(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """One of *seeds*, members of the JSON objects in its lines replaced by something odd."""
    lines = draw(st.sampled_from(seeds)).split(b"\n")
    for place, line in enumerate(lines):
        document = _object_in(line)
        members = list(_members(document))
        for holder, key in draw(st.lists(st.sampled_from(members), max_size=2)) if members else ():
            holder[key] = draw(_odd_values)
            lines[place] = json.dumps(document).encode()
    return b"\n".join(lines)


def _object_in(line: bytes) -> Any:  # noqa: ANN401  (JSON has any shape)
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _members(value: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401  (likewise)
    keys = value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)
    for key in keys:
        yield value, key
        yield from _members(value[key])


@names
def test_the_corpus_is_answered_or_refused(name: str) -> None:
    """Whatever was found once stays fixed."""
    for file, data in corpus(name).items():
        try:
            feed(name, data)
        except Exception as find:
            find.add_note(f"corpus/{name}/{file}")
            raise


@names
def test_good_seeds_are_taken(name: str) -> None:
    """A corpus that is refused at the door would find nothing behind it."""
    good = [data for file, data in corpus(name).items() if file.startswith("good")]
    assert good
    for data in good:
        TARGETS[name](data)


@names
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_chance_is_answered_or_refused(name: str, data: st.DataObject) -> None:
    """Random bytes, and bytes near the corpus."""
    seeds = list(corpus(name).values())
    near = edited(seeds) | deformed(seeds)
    feed(name, data.draw(st.binary(max_size=200) | near, label="data"))
