"""What people are told of the keys that are no signing keys."""

from datetime import UTC, datetime

import pytest

from domain.model.keys import KeyId, KeyPurpose
from domain.usecases.rotate_data_keys import DataKeyStanding, DataKeyState
from entrypoints.cli.data_keys import present_data_keys


@pytest.mark.parametrize(
    ("used_by", "told"),
    [
        (0, "kept for requests under way"),
        (1, "kept for 1 live refresh token "),
        (2, "kept for 2 live refresh tokens"),
    ],
)
def test_an_old_key_is_shown_with_what_it_is_kept_for(
    used_by: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also in its first minute, when nothing is known to name it any more."""
    kept = DataKeyStanding(
        key_id=KeyId("jJdPIpSY"),
        purpose=KeyPurpose.REFRESH_MAC,
        created_at=datetime(2026, 11, 22, 11, 0, tzinfo=UTC),
        state=DataKeyState.KEPT,
        used_by=used_by,
    )

    present_data_keys([kept])

    assert told in capsys.readouterr().out
