"""Fuzzes one target, led by what its code does: `run_atheris.py TARGET [-libfuzzer=option …]`.

Needs `pip install atheris` beside grantd and its development packages, for
instance in an environment of its own. What reaches new code is kept in the
corpus; a find is written to the current folder as `crash-…`.
"""

import sys
from pathlib import Path

import atheris

_ONE_MINUTE = "-max_total_time=60"
_SMALL = "-max_len=2048"
_NO_COPIES = "-reduce_inputs=0"


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parents[1]))
    with atheris.instrument_imports(include=["adapters", "domain", "urllib", "json", "ipaddress"]):
        from fuzz.targets import CORPUS, TARGETS, feed  # noqa: PLC0415  (instrumented as it comes)

    target, *options = sys.argv[1:] or [""]
    if target not in TARGETS:
        sys.exit(f"{__file__}: name one of {', '.join(TARGETS)}")
    arguments = [sys.argv[0], str(CORPUS / target), _ONE_MINUTE, _SMALL, _NO_COPIES, *options]
    atheris.Setup(arguments, lambda data: feed(target, data))
    atheris.Fuzz()


main()
