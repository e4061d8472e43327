"""Somebody else's web server on this machine, which counts who asks it for what."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass(frozen=True, slots=True)
class Page:
    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class KeySetServer:
    """Pages by their paths, and how often each path was asked for."""

    url: str
    pages: dict[str, Page] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)

    def publish(
        self, path: str, keys: Sequence[Mapping[str, Any]], *, cache: str = "max-age=3600"
    ) -> str:
        """Publish a JWK set at a path, and return where that is."""
        body = json.dumps({"keys": keys}).encode()
        self.pages[path] = Page(body, headers={"Cache-Control": cache})
        return self.url + path


@contextmanager
def key_set_server() -> Iterator[KeySetServer]:
    """Serve on a free port of 127.0.0.1; what is not published is not found."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as listener:
        served = KeySetServer(f"http://127.0.0.1:{listener.server_port}")
        listener.served = served  # type: ignore[attr-defined]  # ours, for the handler
        thread = Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield served
        finally:
            listener.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        served: KeySetServer = self.server.served  # type: ignore[attr-defined]  # put there above
        served.asked[self.path] += 1
        page = served.pages.get(self.path, Page(b"", 404))
        self.send_response(page.status)
        for name, value in page.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(page.body)))
        self.end_headers()
        self.wfile.write(page.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name there)
        """Say nothing."""
