"""The floor of HTTP: a bare ASGI application on the same server as ours.

It reads a request to its end, and makes one signature where the path says so.
It answers with bytes that were given to it, so many as a real reply has. What
it signs is as long as what a token signs, and the signature goes nowhere.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from starlette.types import Receive, Scope, Send

Sign = Callable[[bytes], bytes]

_RSA_BITS: Final = 2048
_RSA_EXPONENT: Final = 65537


def es256() -> Sign:
    key, algorithm = ec.generate_private_key(ec.SECP256R1()), ec.ECDSA(SHA256())
    return lambda text: key.sign(text, algorithm)


def rs256() -> Sign:
    key = rsa.generate_private_key(_RSA_EXPONENT, _RSA_BITS)
    algorithm, padded = SHA256(), padding.PKCS1v15()
    return lambda text: key.sign(text, padded, algorithm)


_SIGNERS: Final[dict[str, Callable[[], Sign]]] = {"ES256": es256, "RS256": rs256}


class Floor:
    """Answers each path of *plan* with what stands there."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._replies = {
            path: (
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [(n.encode(), v.encode()) for n, v in reply["fields"]],
                },
                {"type": "http.response.body", "body": reply["body"].encode()},
                _SIGNERS[reply["signs_by"]]() if reply["signs_by"] else None,
                b"x" * reply["signed_bytes"],
            )
            for path, reply in plan.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        start, content, sign, text = self._replies[scope["path"]]
        if sign is not None:
            sign(text)
        await send(start)
        await send(content)


app = Floor(json.loads(Path(os.environ["BENCH_FLOOR"]).read_text()))
