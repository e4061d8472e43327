import hashlib
from pathlib import Path

import adapters.redis
from adapters.redis import scripts
from adapters.redis.scripts import Script


def test_a_script_is_called_by_the_digest_of_what_is_sent() -> None:
    """Redis computes the same digest over the source."""
    script = scripts.ROTATE_FAMILY

    assert script.sha == hashlib.sha1(script.source).hexdigest()  # noqa: S324  (Redis's choice)


def test_every_script_in_the_folder_is_run() -> None:
    """A script that nobody runs is a script that nobody tests."""
    defined = {named.name for named in vars(scripts).values() if isinstance(named, Script)}
    preludes = {"once", "family"}
    folder = Path(adapters.redis.__file__).parent / "scripts"

    assert {path.stem for path in folder.glob("*.lua")} == defined | preludes
