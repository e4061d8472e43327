"""The rights that operations.md has operators give are those that the tests are run with."""

import re
from pathlib import Path

from adapters.redis import permissions

PAGE = (Path(__file__).resolve().parents[2] / "docs/operations.md").read_text()


def test_the_line_for_a_user_is_what_grantd_needs() -> None:
    """Word by word: the contracts hold on Valkey for such a user."""
    (rules,) = re.findall(
        r"^ACL SETUSER grantd on >PASSWORD resetkeys resetchannels (.*)$", PAGE, re.MULTILINE
    )

    assert rules == permissions.rules()


def test_every_command_of_a_script_is_allowed() -> None:
    """And no command is allowed that no file names."""
    folder = Path(permissions.__file__).parent
    scripts = "".join(path.read_text() for path in (folder / "scripts").glob("*.lua"))
    called = set(re.findall(r"redis\.call\('([A-Z]+)'", scripts))
    files = [path for path in folder.glob("*.py") if path.name != "permissions.py"]
    sent = set(re.findall(r'"([A-Z]+)"', "".join(path.read_text() for path in files)))
    rules = [rule for rule in permissions.rules().split() if rule.startswith("+")]
    allowed = {rule[1:].split("|")[0].upper() for rule in rules}

    assert called <= allowed
    assert allowed - called - sent == {"CLIENT", "SELECT"}  # the client library's introduction
