from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.sqlite.connection import SqliteDatabase


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "grantd.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[SqliteDatabase]:
    opened = SqliteDatabase.open(path)
    yield opened
    await opened.close()
