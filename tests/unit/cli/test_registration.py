from pathlib import Path

import pytest

from entrypoints.cli.exits import Refused
from entrypoints.cli.registration import read_document


def test_a_document_without_an_end_is_refused() -> None:
    """Before it fills the memory."""
    with pytest.raises(Refused, match=r"^/dev/zero is larger than 16777216 bytes$"):
        read_document(Path("/dev/zero"))
