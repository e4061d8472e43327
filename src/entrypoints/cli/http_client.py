"""A running server, asked over HTTP: the little of it that the command line needs.

No redirect is followed and no proxy is asked, so that a secret goes where
it was sent and nowhere else.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from domain.errors import Unavailable, presentable
from domain.model.credentials import ClientSecret
from entrypoints.cli.exits import ExitStatus, Refused
from entrypoints.cli.tls import client_context, failure
from entrypoints.settings import Settings

_TIMEOUT = 10.0
_LARGEST_REPLY = 1_024 * 1_024
_OK = 200
_UNAVAILABLE = 503


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    client_id: str
    secret: ClientSecret

    @property
    def authorization(self) -> str:
        """HTTP Basic, both halves form-encoded (RFC 6749 §2.3.1)."""
        halves = (quote_plus(self.client_id), quote_plus(self.secret.reveal()))
        return "Basic " + base64.b64encode(":".join(halves).encode()).decode()


class HttpClient:
    """A server at a URL.

    Args:
        settings: Whom to trust over TLS, and what to show there.
    """

    def __init__(self, server: str, settings: Settings) -> None:
        url = urlsplit(server)
        if url.scheme not in ("http", "https") or not url.hostname or "@" in url.netloc:
            raise Refused("--server has to be an http or https URL", ExitStatus.WRONG_USAGE)
        self._tls = client_context(settings) if url.scheme == "https" else None
        self._authority = url.netloc
        self._path = url.path.rstrip("/")

    def post(self, path: str, form: Sequence[tuple[str, str]], *, caller: Caller) -> dict[str, Any]:
        """Send a form and return the JSON of a successful reply, which may be none.

        Raises:
            Refused: With what the server says, if it refuses.
            Unavailable: If it cannot answer, or cannot be reached.
        """
        headers = {
            "Authorization": caller.authorization,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return self._ask("POST", path, urlencode(form), headers)

    def get(self, path: str) -> dict[str, Any]:
        """Return the JSON at *path*, as `post` does."""
        return self._ask("GET", path, None, {})

    def _ask(
        self, method: str, path: str, body: str | None, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        connection = self._connection()
        try:
            connection.request(
                method,
                self._path + path,
                body,
                {"Accept": "application/json", "Connection": "close", **headers},
            )
            response = connection.getresponse()
            content = response.read(_LARGEST_REPLY)
        except (OSError, HTTPException) as error:
            reason = failure(error) if isinstance(error, OSError) else type(error).__name__
            raise Unavailable(f"{self._authority}: {reason}") from error
        finally:
            connection.close()
        reply = _read_json(content)
        if response.status != _OK:
            raise _refusal(response.status, reply)
        return reply

    def _connection(self) -> HTTPConnection:
        if self._tls is None:
            return HTTPConnection(self._authority, timeout=_TIMEOUT)
        return HTTPSConnection(self._authority, timeout=_TIMEOUT, context=self._tls)


def _read_json(content: bytes) -> dict[str, Any]:
    try:
        reply = json.loads(content) if content else {}
    except ValueError:
        return {}
    return reply if isinstance(reply, dict) else {}


def _refusal(status: int, reply: Mapping[str, object]) -> Refused:
    if "error" not in reply:
        sentence = f"the server answered with status {status} and no error of RFC 6749"
    else:
        described = presentable(str(reply.get("error_description", "")))
        hint = f" ({presentable(str(reply['hint']))})" if "hint" in reply else ""
        sentence = f"{presentable(str(reply['error']))}: {described}{hint}"
    return Refused(
        sentence, ExitStatus.UNAVAILABLE if status == _UNAVAILABLE else ExitStatus.REFUSED
    )
