"""Where a request came from, for the audit trail."""

from starlette.requests import Request

from adapters.http.middleware import request_id_of
from domain.model.events import Origin


def origin_of(request: Request) -> Origin:
    peer = request.client
    return Origin(
        request_id=request_id_of(request.scope),
        protocol="http",
        address=peer.host if peer is not None else "",
    )
