import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_of_audit_events_is_in_step() -> None:
    """Whoever changes an event writes it anew."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "build_audit_doc.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
