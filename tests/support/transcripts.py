"""Command lines and what they have to answer, as one would write them down."""

import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Run = Callable[..., subprocess.CompletedProcess[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command with its exit status and the patterns its output has to hold, in order."""

    command: Sequence[str]
    status: int = 0
    stdin: str = ""
    stdout: Sequence[str] = ()
    stderr: Sequence[str] = ()


def play(run: Run, *steps: Step) -> list[str]:
    """Run the steps one after the other and return what each printed on standard output."""
    return [_play(run, step) for step in steps]


def _play(run: Run, step: Step) -> str:
    done = run(*step.command, stdin=step.stdin)
    told = f"grantd {' '.join(step.command)}\n--- stdout\n{done.stdout}--- stderr\n{done.stderr}"
    assert done.returncode == step.status, told
    for patterns, text in ((step.stdout, done.stdout), (step.stderr, done.stderr)):
        position = 0
        for pattern in patterns:
            found = re.compile(pattern, re.MULTILINE).search(text, position)
            assert found, f"{pattern!r} is missing\n{told}"
            position = found.end()
    assert "Traceback" not in done.stderr, told
    return done.stdout


def require_one_line(text: str) -> None:
    """A refusal is one line."""
    assert text.count("\n") == 1, text
