"""The master key's file is made once, however many processes start."""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from adapters.system import master_key
from adapters.system.master_key import read_master_key


def test_of_twenty_processes_at_once_all_have_one_key(tmp_path: Path) -> None:
    """Started together, released together."""
    path = tmp_path / "grantd.db.key"
    program = (
        "import sys; from pathlib import Path\n"
        "from adapters.system.master_key import find_or_make_master_key as make\n"
        "print('ready', flush=True); sys.stdin.read()\n"
        "print(make(Path(sys.argv[1])).key_id.hex())\n"
    )
    source = Path(master_key.__file__).parents[2]
    with ExitStack() as running:
        started = [
            running.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", program, str(path)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env={"PYTHONPATH": str(source)},
                )
            )
            for _ in range(20)
        ]
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin is not None
            process.stdin.close()
        made = {process.stdout.read() for process in started if process.stdout is not None}
    assert made == {read_master_key(path).key_id.hex() + "\n"}
    assert list(path.parent.iterdir()) == [path]
