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

        must_last: Whether somebody relies on what it did: then replicas have
            to have it before it is acknowledged (`wait_replicas`).
    """

    def __init__(self, name: str, *preludes: str, must_last: bool = False) -> None:
        self.name = name
        self.must_last = must_last
        self.source = b"\n".join(_read(part) for part in (*preludes, name))
        # What EVALSHA calls scripts by; nothing rests on its strength.
        self.sha = hashlib.sha1(self.source, usedforsecurity=False).hexdigest()

    def __repr__(self) -> str:
        return f"Script({self.name!r})"


def _read(name: str) -> bytes:
    return (files(__package__) / "scripts" / f"{name}.lua").read_bytes()


CLAIM_NAME: Final = Script("claim_name", must_last=True)
ADD_CLIENT: Final = Script("add_client", _ONCE, must_last=True)
REPLACE_CLIENT: Final = Script("replace_client", _ONCE, must_last=True)
REMOVE_CLIENT: Final = Script("remove_client", _ONCE, must_last=True)

OPEN_FAMILY: Final = Script("open_family", _FAMILY, must_last=True)
ROTATE_FAMILY: Final = Script("rotate_family", _FAMILY, must_last=True)
END_FAMILY: Final = Script("end_family", _ONCE, _FAMILY, must_last=True)

REVOKE: Final = Script("revoke", must_last=True)
KEEP: Final = Script("keep", must_last=True)
FORGET: Final = Script("forget", _ONCE, must_last=True)

SPEND_ASSERTION: Final = Script("spend_assertion", must_last=True)
SPEND_BUDGET: Final = Script("spend_budget", _ONCE)
VOUCH: Final = Script("revoke")  # until a time, and never for less: the same step

NOTE_USE: Final = Script("note_use")

APPEND_EVENTS: Final = Script("append_events", _ONCE)

LOAD_CATALOGUE: Final = Script("load_catalogue")
REPLACE_CATALOGUE: Final = Script("replace_catalogue", _ONCE, must_last=True)

LIST_REFUSED: Final = Script("list_refused")
