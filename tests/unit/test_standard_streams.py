"""A program that was started with one of its standard streams closed."""

import subprocess
import sys

import pytest

from support.grantd_process import GRANTD

PROGRAM = """
import os, subprocess, sys
from entrypoints.standard_streams import open_missing_streams

open_missing_streams()
print("lost", file=sys.stderr)
subprocess.run(["sh", "-c", "echo lost >&2; echo lost; cat"], check=True)
with open("/proc/self/stat", "rb") as file:
    sys.exit(0 if file.fileno() > 2 else 7)
"""


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_what_is_closed_is_opened_on_nothing(closed: str) -> None:
    """So no file gets its number, here or in a process started from here."""
    command = f'exec "$0" -c "$1" {closed}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, PROGRAM], check=False, capture_output=True, text=True
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_what_was_for_people_does_not_go_where_data_goes() -> None:
    """A warning that cannot be shown is not shown on standard output instead."""
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" config check 2>&-', GRANTD],
        check=False,
        capture_output=True,
        text=True,
        env={"GRANTD_UNKNOWN": "1"},
    )

    assert (done.returncode, done.stdout) == (0, "")
