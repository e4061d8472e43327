"""A store whose signing keys have a schedule of the test's choosing."""

import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from adapters.jose.keys import JoseKeyMaker
from adapters.system.envelope import AesGcmEnvelope
from adapters.system.master_key import find_or_make_master_key
from domain.model.keys import KeyId, KeyPurpose, KeySchedule, SealedKey, SigningAlgorithm
from domain.ports.envelope import Envelope
from support.grantd_process import GrantdProcess
from support.stores import redis_stores, sqlite_stores

_SQLITE = "sqlite:///"


async def establish_keys(
    grantd: GrantdProcess, schedules: Sequence[tuple[SigningAlgorithm, KeySchedule]]
) -> list[KeyId]:
    """Make the first keys of a server that has not been started yet; return the signing keys' ids.

    It finds them at its start, as if it had made them itself long ago.
    """
    now = min(schedule.activate_at for _, schedule in schedules)
    if grantd.store.startswith(_SQLITE):
        path = Path(grantd.store.removeprefix(_SQLITE))
        master_key, stores = path.with_name(f"{path.name}.key"), sqlite_stores(path)
    else:
        master_key = Path(grantd.environment["GRANTD_MASTER_KEY_FILE"])
        stores = redis_stores(grantd.store)
    envelope = AesGcmEnvelope([find_or_make_master_key(master_key)])
    signing = [_signing_key(envelope, algorithm, one, now) for algorithm, one in schedules]
    async with stores as opened:
        assert await opened.keys.establish([*signing, *_symmetric_keys(envelope, now)])
    return [key.key_id for key in signing]


def _signing_key(
    envelope: Envelope, algorithm: SigningAlgorithm, schedule: KeySchedule, now: datetime
) -> SealedKey:
    made = JoseKeyMaker().make(algorithm, activate_at=schedule.activate_at)
    return SealedKey(
        purpose=KeyPurpose.SIGNING,
        key_id=made.key_id,
        created_at=now,
        sealed=envelope.seal(made.material, purpose=KeyPurpose.SIGNING, key_id=made.key_id),
        algorithm=algorithm,
        schedule=schedule,
    )


def _symmetric_keys(envelope: Envelope, now: datetime) -> Iterator[SealedKey]:
    for purpose in (KeyPurpose.REFRESH_MAC, KeyPurpose.SECRET_PEPPER):
        key_id = KeyId(secrets.token_urlsafe(6))
        sealed = envelope.seal(secrets.token_bytes(32), purpose=purpose, key_id=key_id)
        yield SealedKey(purpose=purpose, key_id=key_id, created_at=now, sealed=sealed)
