"""A change of keys on a schedule of the test's choosing, laid into a store in use."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from adapters.jose.keys import JoseKeyMaker
from adapters.system.envelope import AesGcmEnvelope
from adapters.system.master_key import find_or_make_master_key
from domain.model.key_rotation import signing_keys
from domain.model.keys import KeyId, KeyPurpose, KeySchedule, SealedKey, SigningAlgorithm, signer
from domain.ports.envelope import Envelope
from support.catalogue_steps import put
from support.grantd_process import GrantdProcess
from support.stores import redis_stores, sqlite_stores

_SQLITE = "sqlite:///"


async def plan_change(
    grantd: GrantdProcess, *, change: datetime, removal: datetime
) -> tuple[KeyId, KeyId]:
    """Let the key that signs by ES256 be succeeded at *change* and gone at *removal*.

    Returns:
        The ids of the two keys, the older first.
    """
    if grantd.store.startswith(_SQLITE):
        path = Path(grantd.store.removeprefix(_SQLITE))
        master_key, stores = path.with_name(f"{path.name}.key"), sqlite_stores(path)
    else:
        master_key = Path(grantd.environment["GRANTD_MASTER_KEY_FILE"])
        stores = redis_stores(grantd.store)
    envelope = AesGcmEnvelope([find_or_make_master_key(master_key)])
    async with stores as opened:
        stored = signing_keys((await opened.catalogue.load()).keys)
        old = signer(stored, SigningAlgorithm.ES256, now=change)
        assert old is not None
        ending = replace(old.schedule, retire_at=change, remove_at=removal)
        successor = _make_key(envelope, activate_at=change)
        await put(opened.catalogue, keys=[replace(old.sealed, schedule=ending), successor])
    return old.key_id, successor.key_id


def _make_key(envelope: Envelope, *, activate_at: datetime) -> SealedKey:
    made = JoseKeyMaker().make(SigningAlgorithm.ES256, activate_at=activate_at)
    return SealedKey(
        purpose=KeyPurpose.SIGNING,
        key_id=made.key_id,
        created_at=activate_at,
        sealed=envelope.seal(made.material, purpose=KeyPurpose.SIGNING, key_id=made.key_id),
        algorithm=made.algorithm,
        schedule=KeySchedule(activate_at=activate_at),
    )
