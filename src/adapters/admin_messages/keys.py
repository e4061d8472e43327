"""Signing keys as messages, without the keys themselves."""

import json

from adapters.admin_messages import fields
from domain.model.keys import KeyId, KeyPurpose, KeySchedule, KeyState, SigningAlgorithm
from domain.usecases.administer_keys import KeyStanding, PublicKey
from domain.usecases.rotate_data_keys import (
    SYMMETRIC_PURPOSES,
    DataKeyRotation,
    DataKeyStanding,
    DataKeyState,
)
from grantd.admin.v1 import key_service_pb2 as pb


def write_standing(standing: KeyStanding) -> pb.Key:
    schedule = standing.schedule
    return pb.Key(
        key_id=standing.key_id,
        algorithm=standing.algorithm,
        state=standing.state,
        activate_time=schedule.activate_at,
        retire_time=schedule.retire_at,
        remove_time=schedule.remove_at,
        pinned=standing.pinned,
    )


def read_standing(message: pb.Key) -> KeyStanding:
    return KeyStanding(
        key_id=KeyId(message.key_id),
        algorithm=SigningAlgorithm(message.algorithm),
        state=KeyState(message.state),
        schedule=KeySchedule(
            activate_at=fields.read_moment("activate_time", message.activate_time),
            retire_at=fields.optional_moment("retire_time", message),
            remove_at=fields.optional_moment("remove_time", message),
        ),
        pinned=message.pinned,
    )


def write_public_key(key: PublicKey) -> pb.PublicKey:
    return pb.PublicKey(jwk=json.dumps(key.jwk), pem=key.pem)


def read_public_key(message: pb.PublicKey) -> PublicKey:
    return PublicKey(jwk=json.loads(message.jwk), pem=message.pem)


def read_algorithm(text: str) -> SigningAlgorithm | None:
    """Read an algorithm that may be left out."""
    return fields.read_choice("algorithm", SigningAlgorithm, text) if text else None


def write_data_key(standing: DataKeyStanding) -> pb.DataKey:
    return pb.DataKey(
        key_id=standing.key_id,
        purpose=standing.purpose,
        create_time=standing.created_at,
        state=standing.state,
        used_by=standing.used_by,
    )


def read_data_key(message: pb.DataKey) -> DataKeyStanding:
    return DataKeyStanding(
        key_id=KeyId(message.key_id),
        purpose=KeyPurpose(message.purpose),
        created_at=fields.read_moment("create_time", message.create_time),
        state=DataKeyState(message.state),
        used_by=message.used_by if message.HasField("used_by") else None,
    )


def write_rotation(rotation: DataKeyRotation) -> pb.RotateDataKeyResponse:
    return pb.RotateDataKeyResponse(
        keys=[write_data_key(standing) for standing in rotation.keys],
        dropped_key_ids=rotation.dropped,
    )


def read_rotation(message: pb.RotateDataKeyResponse) -> DataKeyRotation:
    return DataKeyRotation(
        keys=[read_data_key(key) for key in message.keys],
        dropped=[KeyId(key_id) for key_id in message.dropped_key_ids],
    )


def read_purpose(message: pb.RotateDataKeyRequest) -> KeyPurpose:
    """Read what a key is for that never leaves the server."""
    purpose = fields.require_text("purpose", message)
    if purpose not in SYMMETRIC_PURPOSES:
        raise fields.refused("purpose", f"one of {', '.join(SYMMETRIC_PURPOSES)} is needed")
    return KeyPurpose(purpose)
