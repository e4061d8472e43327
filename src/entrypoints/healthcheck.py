"""`python -m entrypoints.healthcheck`: the health check of an image, inside its container.

It runs every few seconds, so it is of the standard library alone, and reads
the two settings that it needs from the environment, where the image has them.
"""

import os
import ssl
import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final

_HERE: Final = "127.0.0.1"
_USUAL: Final = "127.0.0.1:8080"
_WITHIN: Final = 2.0


def main() -> int:
    """Return 0 if the server of this container is ready."""
    port = os.environ.get("GRANTD_HTTP", _USUAL).rpartition(":")[2]
    if not port.isdecimal():
        sys.stderr.write("HTTP is off; this check asks over HTTP\n")
        return 1
    connection = _connection(int(port))
    try:
        connection.request("GET", "/readyz")
        reply = connection.getresponse()
        sys.stdout.buffer.write(reply.read())
    except (OSError, HTTPException) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    finally:
        connection.close()
    return 0 if reply.status == HTTPStatus.OK else 1


def _connection(port: int) -> HTTPConnection:
    if not os.environ.get("GRANTD_HTTP_CERTIFICATE_FILE"):
        return HTTPConnection(_HERE, port, timeout=_WITHIN)
    tls = ssl.create_default_context()
    tls.check_hostname = False  # the certificate is for the name that clients know
    tls.verify_mode = ssl.CERT_NONE
    return HTTPSConnection(_HERE, port, timeout=_WITHIN, context=tls)


if __name__ == "__main__":
    sys.exit(main())
