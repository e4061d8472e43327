from pathlib import Path

import pytest

from entrypoints.container import open_core
from entrypoints.refusal import RefusedToStart
from entrypoints.settings import Settings


@pytest.mark.parametrize("content", [None, ""])
async def test_a_password_file_that_does_not_do_is_a_refusal_to_start(
    tmp_path: Path, content: str | None
) -> None:
    """One line names the file; there is no traceback for the operator to read."""
    path = tmp_path / "password"
    if content is not None:
        path.write_text(content)
    settings = Settings(store="redis://127.0.0.1:1/0", store_password_file=path)

    with pytest.raises(RefusedToStart, match=str(path)):
        async with open_core(settings):
            pass
