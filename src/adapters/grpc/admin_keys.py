"""`grantd.admin.v1.KeyService`: a message in, a use case, a message out."""

from collections.abc import Iterator
from typing import Final

from adapters.admin_messages import keys as mapping
from adapters.admin_messages.fields import require_text
from adapters.grpc.service_methods import Call, Method, methods_of
from domain.model.keys import KeyId
from domain.usecases.administer_keys import AdministerKeys
from domain.usecases.rotate_data_keys import RotateDataKeys
from grantd.admin.v1 import key_service_pb2 as pb

SERVICE: Final = pb.DESCRIPTOR.services_by_name["KeyService"]


class KeyService:
    """Answers the calls of the service; who calls was judged before."""

    def __init__(self, keys: AdministerKeys, data_keys: RotateDataKeys) -> None:
        self._keys = keys
        self._data_keys = data_keys

    def methods(self) -> Iterator[Method]:
        return methods_of(
            SERVICE,
            {
                "ListKeys": self.list,
                "RotateKey": self.rotate,
                "RetireKey": self.retire,
                "RevokeKey": self.revoke,
                "GetPublicKeys": self.public_keys,
                "ListDataKeys": self.list_data_keys,
                "RotateDataKey": self.rotate_data_key,
            },
        )

    async def list(self, _message: pb.ListKeysRequest, _call: Call) -> pb.ListKeysResponse:
        standings = await self._keys.list_keys()
        return pb.ListKeysResponse(keys=[mapping.write_standing(one) for one in standings])

    async def rotate(self, message: pb.RotateKeyRequest, _call: Call) -> pb.RotateKeyResponse:
        successor = await self._keys.rotate(
            mapping.read_algorithm(message.algorithm), at_once=message.at_once
        )
        return pb.RotateKeyResponse(key=mapping.write_standing(successor))

    async def retire(self, message: pb.RetireKeyRequest, _call: Call) -> pb.RetireKeyResponse:
        retired = await self._keys.retire(KeyId(require_text("key_id", message)))
        return pb.RetireKeyResponse(key=mapping.write_standing(retired))

    async def revoke(self, message: pb.RevokeKeyRequest, _call: Call) -> pb.RevokeKeyResponse:
        signer = await self._keys.revoke(KeyId(require_text("key_id", message)))
        return pb.RevokeKeyResponse(
            signer=mapping.write_standing(signer) if signer is not None else None
        )

    async def public_keys(
        self, message: pb.GetPublicKeysRequest, _call: Call
    ) -> pb.GetPublicKeysResponse:
        named = KeyId(message.key_id) if message.key_id else None
        keys = await self._keys.public_keys(named)
        return pb.GetPublicKeysResponse(keys=[mapping.write_public_key(key) for key in keys])

    async def list_data_keys(
        self, _message: pb.ListDataKeysRequest, _call: Call
    ) -> pb.ListDataKeysResponse:
        standings = await self._data_keys.list()
        return pb.ListDataKeysResponse(keys=[mapping.write_data_key(one) for one in standings])

    async def rotate_data_key(
        self, message: pb.RotateDataKeyRequest, _call: Call
    ) -> pb.RotateDataKeyResponse:
        return mapping.write_rotation(await self._data_keys(mapping.read_purpose(message)))
