"""The floor of gRPC: handlers of grpc.aio that take and give the messages, and do nothing.

    python -m bench.servers.floor_grpc PORT REPLIES

REPLIES is a JSON file with the replies, in hexadecimal, by the methods' names.
"""

import asyncio
import json
import sys
from pathlib import Path

import grpc
import uvloop

from grantd.v1 import token_service_pb2 as messages
from grantd.v1 import token_service_pb2_grpc as services


class Floor(services.TokenServiceServicer):
    def __init__(self, replies: dict[str, str]) -> None:
        self._issued = messages.IssueTokenResponse.FromString(bytes.fromhex(replies["IssueToken"]))
        self._introspected = messages.IntrospectTokenResponse.FromString(
            bytes.fromhex(replies["IntrospectToken"])
        )

    async def IssueToken(  # noqa: N802
        self, request: messages.IssueTokenRequest, context: object
    ) -> messages.IssueTokenResponse:
        del request, context
        return self._issued

    async def IntrospectToken(  # noqa: N802
        self, request: messages.IntrospectTokenRequest, context: object
    ) -> messages.IntrospectTokenResponse:
        del request, context
        return self._introspected


async def main(port: int, replies: dict[str, str]) -> None:
    server = grpc.aio.server()
    services.add_TokenServiceServicer_to_server(Floor(replies), server)  # type: ignore[no-untyped-call]
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    print("ready", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())))
