"""What `grantd keys` shows and does of the keys that are no signing keys (D4)."""

from collections.abc import Sequence
from enum import StrEnum

from domain.model.keys import KeyPurpose
from domain.usecases.rotate_data_keys import DataKeyRotation, DataKeyStanding, DataKeyState
from entrypoints.cli import output


class RotatedPurpose(StrEnum):
    """What a key is for that `grantd keys rotate` can make anew."""

    SIGNING = KeyPurpose.SIGNING
    REFRESH_MAC = KeyPurpose.REFRESH_MAC
    SECRET_PEPPER = KeyPurpose.SECRET_PEPPER


_NAMED_BY = {
    KeyPurpose.REFRESH_MAC: "live refresh token",
    KeyPurpose.SECRET_PEPPER: "secret",
}


def data_key_document(standing: DataKeyStanding) -> dict[str, object]:
    return {
        "kid": standing.key_id,
        "purpose": standing.purpose,
        "state": standing.state,
        "created_at": _created(standing),
        "used_by": standing.used_by,
    }


def present_data_keys(standings: Sequence[DataKeyStanding]) -> None:
    """Print the keys for people, with what an old one is kept for."""
    output.table(
        ("KEY ID", "PURPOSE", "STATE", "CREATED"),
        (
            (standing.key_id, standing.purpose, _state(standing), _created(standing))
            for standing in standings
        ),
        empty="There are no other keys.",
    )


def present_rotation(rotation: DataKeyRotation, *, as_json: bool) -> None:
    """Print the new key, and tell what became of the old ones."""
    newest, *old = rotation.keys
    if as_json:
        output.document(
            {
                **data_key_document(newest),
                "kept": [data_key_document(standing) for standing in old],
                "dropped": list(rotation.dropped),
            }
        )
        return
    output.line(newest.key_id)
    output.note(f"Key {newest.key_id} is the {newest.purpose} key from now on.")
    for standing in old:
        output.note(f"Key {standing.key_id} is {_state(standing)}.")
    for key_id in rotation.dropped:
        output.note(f"Key {key_id} was used by nothing any more and is dropped.")


def _state(standing: DataKeyStanding) -> str:
    if standing.state is not DataKeyState.KEPT:
        return standing.state
    if not standing.used_by:
        return f"{standing.state} for requests under way"
    plural = "" if standing.used_by == 1 else "s"
    return f"{standing.state} for {standing.used_by} {_NAMED_BY[standing.purpose]}{plural}"


def _created(standing: DataKeyStanding) -> str:
    return standing.created_at.isoformat(timespec="seconds")
