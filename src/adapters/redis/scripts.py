"""The steps that Redis takes as one: each a Lua script beside this file.

Every script is safe to run again, at once or late, so that a lost reply costs
nothing but a repetition: a rotation and a spent assertion know their attempt,
opening finds the family there, revoking, vouching, noting, keeping and claiming
say the same thing twice, loading changes nothing, and all others keep a receipt
(scripts/once.lua).
"""

import hashlib
from importlib.resources import files
from typing import Final

_ONCE = "once"
_FAMILY = "family"


class Script:
    """A script and the digest it is called by.

    Args:
        preludes: Scripts of definitions to be put before it.
    """

    def __init__(self, name: str, *preludes: str) -> None:
        self.name = name
        self.source = b"\n".join(_read(part) for part in (*preludes, name))
        # What EVALSHA calls scripts by; nothing rests on its strength.
        self.sha = hashlib.sha1(self.source, usedforsecurity=False).hexdigest()

    def __repr__(self) -> str:
        return f"Script({self.name!r})"


def _read(name: str) -> bytes:
    return (files(__package__) / "scripts" / f"{name}.lua").read_bytes()


CLAIM_NAME: Final = Script("claim_name")
ADD_CLIENT: Final = Script("add_client", _ONCE)
REPLACE_CLIENT: Final = Script("replace_client", _ONCE)
REMOVE_CLIENT: Final = Script("remove_client", _ONCE)

OPEN_FAMILY: Final = Script("open_family", _FAMILY)
ROTATE_FAMILY: Final = Script("rotate_family", _FAMILY)
END_FAMILY: Final = Script("end_family", _ONCE, _FAMILY)

REVOKE: Final = Script("revoke")
KEEP: Final = Script("keep")
FORGET: Final = Script("forget", _ONCE)

SPEND_ASSERTION: Final = Script("spend_assertion")
SPEND_BUDGET: Final = Script("spend_budget", _ONCE)
VOUCH: Final = REVOKE  # until a time, and never for less: the same step

NOTE_USE: Final = Script("note_use")

APPEND_EVENTS: Final = Script("append_events", _ONCE)

LOAD_CATALOGUE: Final = Script("load_catalogue")
REPLACE_CATALOGUE: Final = Script("replace_catalogue", _ONCE)
