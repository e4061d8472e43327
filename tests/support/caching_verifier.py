"""A resource server of somebody else's making, as a process of its own.

It keeps a copy of the key set for exactly as long as `Cache-Control` says and
asks for no other before, even if a token names a key that it does not know.
It reads tokens from standard input, one a line, verifies each at once and
again just before its `exp`, and writes what it found as JSON at the end.

    python caching_verifier.py JWKS_URL ISSUER
"""

import json
import queue
import re
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

import jwt

_BEFORE_THE_END = 0.5
_LEEWAY = 5  # a busy machine must not turn a good token into an expired one
_ALGORITHMS = ["ES256", "RS256", "EdDSA"]


@dataclass
class CachedKeySet:
    url: str
    fetched: int = 0
    good_until: float = 0.0
    keys: dict[str, jwt.PyJWK] = field(default_factory=dict)

    def key(self, key_id: str) -> jwt.PyJWK:
        if time.monotonic() >= self.good_until:
            self._fetch()
        return self.keys[key_id]

    def _fetch(self) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.url, timeout=20) as reply:
            document = json.load(reply)
            allowed = re.search(r"max-age=(\d+)", reply.headers["Cache-Control"])
        assert allowed
        self.keys = {key["kid"]: jwt.PyJWK(key) for key in document["keys"]}
        self.good_until = time.monotonic() + int(allowed[1])
        self.fetched += 1


@dataclass
class Verifier:
    issuer: str
    key_set: CachedKeySet
    verified: int = 0
    signed_by: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    later: list[tuple[float, str]] = field(default_factory=list)

    def meet(self, token: str) -> None:
        """Verify a token, and plan to do so again before it ends."""
        claims = self.verify(token)
        if claims is not None:
            heappush(self.later, (claims["exp"] - _BEFORE_THE_END, token))

    def verify(self, token: str) -> dict[str, Any] | None:
        key_id = jwt.get_unverified_header(token)["kid"]
        self.signed_by[key_id] = self.signed_by.get(key_id, 0) + 1
        try:
            key = self.key_set.key(key_id)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                audience=self.issuer,
                issuer=self.issuer,
                leeway=_LEEWAY,
            )
        except (jwt.PyJWTError, KeyError) as error:
            self.failures.append(f"{time.time():.3f} {key_id}: {error!r}")
            return None
        self.verified += 1
        return claims

    def pause(self) -> float:
        """Return how long nothing has to be done, in seconds."""
        return max(0.0, self.later[0][0] - time.time()) if self.later else 60.0

    def look_back(self) -> None:
        while self.later and self.later[0][0] <= time.time():
            self.verify(heappop(self.later)[1])


def main() -> None:
    url, issuer = sys.argv[1:]
    verifier = Verifier(issuer, CachedKeySet(url))
    met: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in sys.stdin:
            met.put(line.strip())
        met.put("")

    threading.Thread(target=read, daemon=True).start()
    going = True
    while going or verifier.later:
        try:
            token = met.get(timeout=verifier.pause())
            going = going and bool(token)
            if token:
                verifier.meet(token)
        except queue.Empty:
            pass
        verifier.look_back()
    summary = {
        "verified": verifier.verified,
        "failures": verifier.failures,
        "signed_by": verifier.signed_by,
        "fetched": verifier.key_set.fetched,
    }
    print(json.dumps(summary))  # noqa: T201  (whoever started it reads this)


if __name__ == "__main__":
    main()
