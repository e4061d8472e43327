"""`grantd.admin.v1.ResourceService`: a message in, a use case, a message out."""

from collections.abc import Iterator
from typing import Final, Protocol

from google.protobuf.message import Message

from adapters.admin_messages import resources as mapping
from adapters.admin_messages.fields import require_text
from adapters.grpc.page_tokens import read_page
from adapters.grpc.service_methods import Call, Method, methods_of
from domain.model.etags import Etag
from domain.model.identifiers import ResourceId
from domain.model.scopes import ScopeToken
from domain.usecases.administer_catalogue import AdministerCatalogue
from grantd.admin.v1 import resource_service_pb2 as pb

SERVICE: Final = pb.DESCRIPTOR.services_by_name["ResourceService"]


class ResourceService:
    """Answers the calls of the service; who calls was judged before."""

    def __init__(self, catalogue: AdministerCatalogue) -> None:
        self._catalogue = catalogue

    def methods(self) -> Iterator[Method]:
        return methods_of(
            SERVICE,
            {
                "CreateResource": self.create_resource,
                "GetResource": self.get_resource,
                "ListResources": self.list_resources,
                "UpdateResource": self.update_resource,
                "DisableResource": self.disable_resource,
                "EnableResource": self.enable_resource,
                "DeleteResource": self.delete_resource,
                "CreateScope": self.create_scope,
                "GetScope": self.get_scope,
                "ListScopes": self.list_scopes,
                "UpdateScope": self.update_scope,
                "DisableScope": self.disable_scope,
                "EnableScope": self.enable_scope,
                "DeleteScope": self.delete_scope,
            },
        )

    async def create_resource(
        self, message: pb.CreateResourceRequest, _call: Call
    ) -> pb.CreateResourceResponse:
        resource = mapping.read_new_resource(message.resource)
        await self._catalogue.add_resource(resource)
        return pb.CreateResourceResponse(resource=mapping.write_resource(resource))

    async def get_resource(
        self, message: pb.GetResourceRequest, _call: Call
    ) -> pb.GetResourceResponse:
        resource = await self._catalogue.show_resource(_resource_id(message))
        return pb.GetResourceResponse(resource=mapping.write_resource(resource))

    async def list_resources(
        self, message: pb.ListResourcesRequest, _call: Call
    ) -> pb.ListResourcesResponse:
        page = read_page(message)
        after = ResourceId(page.after) if page.after is not None else None
        found = await self._catalogue.page_resources(after=after, limit=page.limit)
        resources, next_page_token = page.cut(found, lambda resource: resource.resource_id)
        return pb.ListResourcesResponse(
            resources=[mapping.write_resource(resource) for resource in resources],
            next_page_token=next_page_token,
        )

    async def update_resource(
        self, message: pb.UpdateResourceRequest, _call: Call
    ) -> pb.UpdateResourceResponse:
        resource = await self._catalogue.update_resource(
            _resource_id(message.resource),
            mapping.read_resource_changes(message),
            if_etag=_etag(message.resource),
        )
        return pb.UpdateResourceResponse(resource=mapping.write_resource(resource))

    async def disable_resource(
        self, message: pb.DisableResourceRequest, _call: Call
    ) -> pb.DisableResourceResponse:
        resource = await self._catalogue.disable_resource(
            _resource_id(message), if_etag=_etag(message)
        )
        return pb.DisableResourceResponse(resource=mapping.write_resource(resource))

    async def enable_resource(
        self, message: pb.EnableResourceRequest, _call: Call
    ) -> pb.EnableResourceResponse:
        resource = await self._catalogue.enable_resource(
            _resource_id(message), if_etag=_etag(message)
        )
        return pb.EnableResourceResponse(resource=mapping.write_resource(resource))

    async def delete_resource(
        self, message: pb.DeleteResourceRequest, _call: Call
    ) -> pb.DeleteResourceResponse:
        await self._catalogue.remove_resource(_resource_id(message), if_etag=_etag(message))
        return pb.DeleteResourceResponse()

    async def create_scope(
        self, message: pb.CreateScopeRequest, _call: Call
    ) -> pb.CreateScopeResponse:
        scope = mapping.read_new_scope(message.scope)
        await self._catalogue.add_scope(scope)
        return pb.CreateScopeResponse(scope=mapping.write_scope(scope))

    async def get_scope(self, message: pb.GetScopeRequest, _call: Call) -> pb.GetScopeResponse:
        scope = await self._catalogue.show_scope(mapping.read_scope_token(message))
        return pb.GetScopeResponse(scope=mapping.write_scope(scope))

    async def list_scopes(
        self, message: pb.ListScopesRequest, _call: Call
    ) -> pb.ListScopesResponse:
        page = read_page(message)
        after = ScopeToken(page.after) if page.after is not None else None
        found = await self._catalogue.page_scopes(after=after, limit=page.limit)
        scopes, next_page_token = page.cut(found, lambda scope: scope.token)
        return pb.ListScopesResponse(
            scopes=[mapping.write_scope(scope) for scope in scopes],
            next_page_token=next_page_token,
        )

    async def update_scope(
        self, message: pb.UpdateScopeRequest, _call: Call
    ) -> pb.UpdateScopeResponse:
        scope = await self._catalogue.update_scope(
            mapping.read_scope_token(message.scope),
            mapping.read_scope_changes(message),
            if_etag=_etag(message.scope),
        )
        return pb.UpdateScopeResponse(scope=mapping.write_scope(scope))

    async def disable_scope(
        self, message: pb.DisableScopeRequest, _call: Call
    ) -> pb.DisableScopeResponse:
        scope = await self._catalogue.disable_scope(
            mapping.read_scope_token(message), if_etag=_etag(message)
        )
        return pb.DisableScopeResponse(scope=mapping.write_scope(scope))

    async def enable_scope(
        self, message: pb.EnableScopeRequest, _call: Call
    ) -> pb.EnableScopeResponse:
        scope = await self._catalogue.enable_scope(
            mapping.read_scope_token(message), if_etag=_etag(message)
        )
        return pb.EnableScopeResponse(scope=mapping.write_scope(scope))

    async def delete_scope(
        self, message: pb.DeleteScopeRequest, _call: Call
    ) -> pb.DeleteScopeResponse:
        await self._catalogue.remove_scope(
            mapping.read_scope_token(message), if_etag=_etag(message)
        )
        return pb.DeleteScopeResponse()


class _Tagged(Protocol):
    etag: str


def _resource_id(message: Message) -> ResourceId:
    return ResourceId(require_text("resource_id", message))


def _etag(message: _Tagged) -> Etag | None:
    return Etag(message.etag) if message.etag else None
