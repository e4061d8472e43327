"""`AdministerCatalogue` of a running server."""

from collections.abc import Sequence
from typing import Any

from adapters.admin_messages import resources as mapping
from adapters.remote.paging import gather
from adapters.remote.server import RemoteServer
from domain.model.etags import Etag
from domain.model.identifiers import ResourceId
from domain.model.resources import Resource
from domain.model.scopes import ScopeDefinition, ScopeToken
from domain.usecases.administer_catalogue import ResourceChanges, ScopeChanges
from grantd.admin.v1 import resource_service_pb2 as pb


class RemoteCatalogue:
    """Administers scopes and resources."""

    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    async def show_scope(self, token: ScopeToken) -> ScopeDefinition:
        request = pb.GetScopeRequest(scope=token)
        shown = await self._server.read("ResourceService/GetScope", request, pb.GetScopeResponse)
        return mapping.read_scope(shown.scope)

    async def page_scopes(
        self, *, after: ScopeToken | None, limit: int
    ) -> Sequence[ScopeDefinition]:
        async def read(place: dict[str, Any]) -> tuple[Sequence[ScopeDefinition], str]:
            page = await self._server.read(
                "ResourceService/ListScopes", pb.ListScopesRequest(**place), pb.ListScopesResponse
            )
            return [mapping.read_scope(scope) for scope in page.scopes], page.next_page_token

        return await gather(read, after=after, limit=limit)

    async def add_scope(self, definition: ScopeDefinition) -> None:
        request = pb.CreateScopeRequest(scope=mapping.write_scope(definition))
        await self._server.write("ResourceService/CreateScope", request, pb.CreateScopeResponse)

    async def update_scope(
        self, token: ScopeToken, changes: ScopeChanges, /, *, if_etag: Etag | None = None
    ) -> ScopeDefinition:
        request = mapping.write_scope_changes(token, changes)
        request.scope.etag = if_etag or ""
        updated = await self._server.write(
            "ResourceService/UpdateScope", request, pb.UpdateScopeResponse
        )
        return mapping.read_scope(updated.scope)

    async def disable_scope(
        self, token: ScopeToken, /, *, if_etag: Etag | None = None
    ) -> ScopeDefinition:
        request = pb.DisableScopeRequest(scope=token, etag=if_etag)
        disabled = await self._server.write(
            "ResourceService/DisableScope", request, pb.DisableScopeResponse
        )
        return mapping.read_scope(disabled.scope)

    async def enable_scope(
        self, token: ScopeToken, /, *, if_etag: Etag | None = None
    ) -> ScopeDefinition:
        request = pb.EnableScopeRequest(scope=token, etag=if_etag)
        enabled = await self._server.write(
            "ResourceService/EnableScope", request, pb.EnableScopeResponse
        )
        return mapping.read_scope(enabled.scope)

    async def remove_scope(self, token: ScopeToken, /, *, if_etag: Etag | None = None) -> None:
        request = pb.DeleteScopeRequest(scope=token, etag=if_etag)
        await self._server.write("ResourceService/DeleteScope", request, pb.DeleteScopeResponse)

    async def show_resource(self, resource_id: ResourceId) -> Resource:
        request = pb.GetResourceRequest(resource_id=resource_id)
        shown = await self._server.read(
            "ResourceService/GetResource", request, pb.GetResourceResponse
        )
        return mapping.read_resource(shown.resource)

    async def page_resources(self, *, after: ResourceId | None, limit: int) -> Sequence[Resource]:
        async def read(place: dict[str, Any]) -> tuple[Sequence[Resource], str]:
            page = await self._server.read(
                "ResourceService/ListResources",
                pb.ListResourcesRequest(**place),
                pb.ListResourcesResponse,
            )
            return [mapping.read_resource(one) for one in page.resources], page.next_page_token

        return await gather(read, after=after, limit=limit)

    async def add_resource(self, resource: Resource) -> None:
        request = pb.CreateResourceRequest(resource=mapping.write_resource(resource))
        await self._server.write(
            "ResourceService/CreateResource", request, pb.CreateResourceResponse
        )

    async def update_resource(
        self, resource_id: ResourceId, changes: ResourceChanges, /, *, if_etag: Etag | None = None
    ) -> Resource:
        request = mapping.write_resource_changes(resource_id, changes)
        request.resource.etag = if_etag or ""
        updated = await self._server.write(
            "ResourceService/UpdateResource", request, pb.UpdateResourceResponse
        )
        return mapping.read_resource(updated.resource)

    async def disable_resource(
        self, resource_id: ResourceId, /, *, if_etag: Etag | None = None
    ) -> Resource:
        request = pb.DisableResourceRequest(resource_id=resource_id, etag=if_etag)
        disabled = await self._server.write(
            "ResourceService/DisableResource", request, pb.DisableResourceResponse
        )
        return mapping.read_resource(disabled.resource)

    async def enable_resource(
        self, resource_id: ResourceId, /, *, if_etag: Etag | None = None
    ) -> Resource:
        request = pb.EnableResourceRequest(resource_id=resource_id, etag=if_etag)
        enabled = await self._server.write(
            "ResourceService/EnableResource", request, pb.EnableResourceResponse
        )
        return mapping.read_resource(enabled.resource)

    async def remove_resource(
        self, resource_id: ResourceId, /, *, if_etag: Etag | None = None
    ) -> None:
        request = pb.DeleteResourceRequest(resource_id=resource_id, etag=if_etag)
        await self._server.write(
            "ResourceService/DeleteResource", request, pb.DeleteResourceResponse
        )
