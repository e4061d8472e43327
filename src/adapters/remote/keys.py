"""`AdministerKeys`, but for taking keys over, and `RotateDataKeys` of a running server."""

from collections.abc import Sequence

from adapters.admin_messages import keys as mapping
from adapters.remote.server import RemoteServer
from domain.model.keys import KeyId, KeyPurpose, SigningAlgorithm
from domain.usecases.administer_keys import KeyStanding, PublicKey
from domain.usecases.rotate_data_keys import DataKeyRotation, DataKeyStanding
from grantd.admin.v1 import key_service_pb2 as pb


class RemoteKeys:
    """Shows the signing keys and changes what signs."""

    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    async def list_keys(self) -> Sequence[KeyStanding]:
        listed = await self._server.read(
            "KeyService/ListKeys", pb.ListKeysRequest(), pb.ListKeysResponse
        )
        return [mapping.read_standing(key) for key in listed.keys]

    async def public_keys(self, key_id: KeyId | None = None) -> Sequence[PublicKey]:
        request = pb.GetPublicKeysRequest(key_id=key_id)
        shown = await self._server.read(
            "KeyService/GetPublicKeys", request, pb.GetPublicKeysResponse
        )
        return [mapping.read_public_key(key) for key in shown.keys]

    async def rotate(
        self, algorithm: SigningAlgorithm | None = None, *, at_once: bool = False
    ) -> KeyStanding:
        request = pb.RotateKeyRequest(algorithm=algorithm, at_once=at_once)
        rotated = await self._server.write("KeyService/RotateKey", request, pb.RotateKeyResponse)
        return mapping.read_standing(rotated.key)

    async def retire(self, key_id: KeyId) -> KeyStanding:
        request = pb.RetireKeyRequest(key_id=key_id)
        retired = await self._server.write("KeyService/RetireKey", request, pb.RetireKeyResponse)
        return mapping.read_standing(retired.key)

    async def revoke(self, key_id: KeyId) -> KeyStanding | None:
        request = pb.RevokeKeyRequest(key_id=key_id)
        revoked = await self._server.write("KeyService/RevokeKey", request, pb.RevokeKeyResponse)
        return mapping.read_standing(revoked.signer) if revoked.HasField("signer") else None


class RemoteDataKeys:
    """Shows and rotates the keys of refresh tokens and secrets."""

    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    async def list(self) -> Sequence[DataKeyStanding]:
        listed = await self._server.read(
            "KeyService/ListDataKeys", pb.ListDataKeysRequest(), pb.ListDataKeysResponse
        )
        return [mapping.read_data_key(key) for key in listed.keys]

    async def __call__(self, purpose: KeyPurpose) -> DataKeyRotation:
        request = pb.RotateDataKeyRequest(purpose=purpose)
        return mapping.read_rotation(
            await self._server.write("KeyService/RotateDataKey", request, pb.RotateDataKeyResponse)
        )
