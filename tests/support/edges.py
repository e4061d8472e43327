"""Both protocols of a running server behind one set of verbs, for stories told over each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from grantd.v1.token_service_pb2 import (
    IntrospectTokenRequest,
    IntrospectTokenResponse,
    IssueTokenRequest,
    RevokeTokenRequest,
)
from grantd.v1.token_service_pb2_grpc import TokenServiceStub
from support.grantd_process import GrantdProcess, RegisteredClient
from support.grpc_calls import basic

NO_PROXY = (("grpc.enable_http_proxy", 0),)


@dataclass(frozen=True, slots=True)
class Issued:
    """A token reply, in the words of RFC 6749 §5.1."""

    access_token: str = field(repr=False)
    token_type: str
    expires_in: int
    scope: str
    refresh_token: str = field(repr=False)


@dataclass  # not frozen: whatever it passes through may set its traceback
class Refusal(Exception):
    """A refusal, in the words of RFC 6749 §5.2. Two are equal if they tell a client the same."""

    error: str
    description: str
    hint: str = ""


class Edge(Protocol):
    """What a client can ask for over one protocol.

    A client without a secret names itself and proves nothing. With
    *in_request* the credentials stand in the body or message.
    """

    def issue(
        self,
        client: RegisteredClient,
        grant_type: str = "client_credentials",
        *,
        scope: str = "",
        resources: Sequence[str] = (),
        refresh_token: str = "",
        in_request: bool = False,
    ) -> Issued: ...

    def introspect(self, client: RegisteredClient, token: str) -> dict[str, Any]: ...

    def revoke(self, client: RegisteredClient, token: str) -> None: ...


class HttpEdge:
    def __init__(self, grantd: GrantdProcess) -> None:
        self._grantd = grantd

    def issue(
        self,
        client: RegisteredClient,
        grant_type: str = "client_credentials",
        *,
        scope: str = "",
        resources: Sequence[str] = (),
        refresh_token: str = "",
        in_request: bool = False,
    ) -> Issued:
        form = [
            ("grant_type", grant_type),
            ("scope", scope),
            ("refresh_token", refresh_token),
            *(("resource", resource) for resource in resources),
        ]
        reply = self._post("/access_token", client, form, in_request=in_request)
        assert set(reply) - {"refresh_token"} == set(Issued.__slots__) - {"refresh_token"}
        return Issued(**{"refresh_token": "", **reply})

    def introspect(self, client: RegisteredClient, token: str) -> dict[str, Any]:
        reply: dict[str, Any] = self._post("/introspect", client, [("token", token)])
        if isinstance(reply.get("aud"), str):
            reply["aud"] = [reply["aud"]]
        return reply

    def revoke(self, client: RegisteredClient, token: str) -> None:
        assert self._post("/revoke", client, [("token", token)]) is None

    def _post(
        self,
        path: str,
        client: RegisteredClient,
        form: list[tuple[str, str]],
        *,
        in_request: bool = False,
    ) -> Any:  # noqa: ANN401  (the JSON of whichever endpoint)
        in_request = in_request or not client.secret
        response = self._grantd.post(
            path,
            form + (list(client.body.items()) if in_request else []),
            auth=None if in_request else client.basic,
        )
        if response.is_success:
            return response.json() if response.content else None
        told = response.json()
        raise Refusal(told["error"], told["error_description"], told.get("hint", ""))


class GrpcEdge:
    """A channel for each call: what one call does to it, no other sees."""

    def __init__(self, grantd: GrantdProcess) -> None:
        self._target = grantd.grpc_target

    def issue(
        self,
        client: RegisteredClient,
        grant_type: str = "client_credentials",
        *,
        scope: str = "",
        resources: Sequence[str] = (),
        refresh_token: str = "",
        in_request: bool = False,
    ) -> Issued:
        reply = self._call(
            lambda service: service.IssueToken,
            client,
            IssueTokenRequest(
                grant_type=grant_type,
                scopes=scope.split(" ") if scope else (),
                resources=resources,
                refresh_token=refresh_token,
            ),
            in_request=in_request,
        )
        assert reply.expires_in.nanos == 0
        return Issued(
            reply.access_token,
            reply.token_type,
            reply.expires_in.seconds,
            " ".join(reply.scopes),
            reply.refresh_token,
        )

    def introspect(self, client: RegisteredClient, token: str) -> dict[str, Any]:
        reply = self._call(
            lambda service: service.IntrospectToken, client, IntrospectTokenRequest(token=token)
        )
        return _in_the_words_of_rfc_7662(reply)

    def revoke(self, client: RegisteredClient, token: str) -> None:
        self._call(lambda service: service.RevokeToken, client, RevokeTokenRequest(token=token))

    def _call(
        self,
        method: Callable[[TokenServiceStub], Callable[..., Any]],
        client: RegisteredClient,
        message: IssueTokenRequest | IntrospectTokenRequest | RevokeTokenRequest,
        *,
        in_request: bool = False,
    ) -> Any:  # noqa: ANN401  (the reply of whichever method)
        in_request = in_request or not client.secret
        if in_request:
            message.client_id, message.client_secret = client.client_id, client.secret
        with grpc.insecure_channel(self._target, options=NO_PROXY) as channel:
            try:
                return method(TokenServiceStub(channel))(
                    message,
                    metadata=() if in_request else basic(client.client_id, client.secret),
                    timeout=20,
                )
            except grpc.RpcError as error:
                raise _refusal(error) from None  # its text shows the request


def _in_the_words_of_rfc_7662(reply: IntrospectTokenResponse) -> dict[str, Any]:
    """Rename the fields that are set, as the comments of the proto file say."""
    members: dict[str, Any] = {
        "scope": " ".join(reply.scopes),
        "client_id": reply.client_id,
        "token_type": reply.token_type,
        "sub": reply.subject,
        "aud": list(reply.audiences),
        "iss": reply.issuer,
        "jti": reply.token_id,
        "owner": reply.owner,
    }
    for member, name in (("exp", "expire_time"), ("iat", "issue_time")):
        if reply.HasField(name):
            moment = getattr(reply, name)
            assert moment.nanos == 0
            members[member] = moment.seconds
    return {"active": reply.active, **{name: value for name, value in members.items() if value}}


def _refusal(error: grpc.RpcError) -> Refusal:
    trailing = dict(error.trailing_metadata() or ())
    status, info = Status(), ErrorInfo()
    status.ParseFromString(trailing["grpc-status-details-bin"])
    assert status.details[0].Unpack(info)
    assert info.domain == "grantd"
    assert status.message == error.details()
    return Refusal(info.reason.lower(), status.message, info.metadata.get("hint", ""))
