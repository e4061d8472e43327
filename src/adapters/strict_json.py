"""What `json` is told so that it takes no more than JSON is (RFC 8259 §4, §6).

To be handed over as `object_pairs_hook` and `parse_constant`.
"""

from collections.abc import Sequence
from typing import Any, NoReturn


def require_unique(members: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(members)
    if len(unique) < len(members):
        raise ValueError("an object has a member twice")
    return unique


def refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")
