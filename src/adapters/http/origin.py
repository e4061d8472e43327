"""Where a request came from, for the audit trail."""

from starlette.requests import Request

from adapters.http.middleware import request_id_of
from adapters.http.protocol import CLIENT_CERTIFICATE
from domain.model.events import Origin


def origin_of(request: Request) -> Origin:
    peer = request.client
    return Origin(
        request_id=request_id_of(request.scope),
        protocol="http",
        address=peer.host if peer is not None else "",
        client_certificate=request.scope["state"].get(CLIENT_CERTIFICATE),
    )
