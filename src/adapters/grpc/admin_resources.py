"""`grantd.admin.v1.ResourceService`: a message in, a use case, a message out."""

from typing import Any, Final, Protocol

import grpc
from google.protobuf.message import Message

from adapters.admin_messages import resources as mapping
from adapters.admin_messages.fields import require_text
from adapters.grpc.handlers import unary_handlers
from adapters.grpc.page_tokens import read_page
from domain.model.etags import Etag
from domain.model.identifiers import ResourceId
from domain.model.scopes import ScopeToken
from domain.usecases.administer_catalogue import AdministerCatalogue
from grantd.admin.v1 import resource_service_pb2 as pb

SERVICE: Final = pb.DESCRIPTOR.services_by_name["ResourceService"]

Context = grpc.aio.ServicerContext[Any, Any]


class ResourceService:
    """Answers the calls of the service; who calls was judged before."""

    def __init__(self, catalogue: AdministerCatalogue) -> None:
        self._catalogue = catalogue

    def handlers(self) -> grpc.GenericRpcHandler:
        return unary_handlers(
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
        self, message: pb.CreateResourceRequest, _context: Context
    ) -> pb.CreateResourceResponse:
        resource = mapping.read_new_resource(message.resource)
        await self._catalogue.add_resource(resource)
        return pb.CreateResourceResponse(resource=mapping.write_resource(resource))

    async def get_resource(
        self, message: pb.GetResourceRequest, _context: Context
    ) -> pb.GetResourceResponse:
        resource = await self._catalogue.show_resource(_resource_id(message))
        return pb.GetResourceResponse(resource=mapping.write_resource(resource))

    async def list_resources(
        self, message: pb.ListResourcesRequest, _context: Context
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
        self, message: pb.UpdateResourceRequest, _context: Context
    ) -> pb.UpdateResourceResponse:
        resource = await self._catalogue.update_resource(
            _resource_id(message.resource),
            mapping.read_resource_changes(message),
            if_etag=_etag(message.resource),
        )
        return pb.UpdateResourceResponse(resource=mapping.write_resource(resource))

    async def disable_resource(
        self, message: pb.DisableResourceRequest, _context: Context
    ) -> pb.DisableResourceResponse:
        resource = await self._catalogue.disable_resource(
            _resource_id(message), if_etag=_etag(message)
        )
        return pb.DisableResourceResponse(resource=mapping.write_resource(resource))

    async def enable_resource(
        self, message: pb.EnableResourceRequest, _context: Context
    ) -> pb.EnableResourceResponse:
        resource = await self._catalogue.enable_resource(
            _resource_id(message), if_etag=_etag(message)
        )
        return pb.EnableResourceResponse(resource=mapping.write_resource(resource))

    async def delete_resource(
        self, message: pb.DeleteResourceRequest, _context: Context
    ) -> pb.DeleteResourceResponse:
        await self._catalogue.remove_resource(_resource_id(message), if_etag=_etag(message))
        return pb.DeleteResourceResponse()

    async def create_scope(
        self, message: pb.CreateScopeRequest, _context: Context
    ) -> pb.CreateScopeResponse:
        scope = mapping.read_new_scope(message.scope)
        await self._catalogue.add_scope(scope)
        return pb.CreateScopeResponse(scope=mapping.write_scope(scope))

    async def get_scope(
        self, message: pb.GetScopeRequest, _context: Context
    ) -> pb.GetScopeResponse:
        scope = await self._catalogue.show_scope(mapping.read_scope_token(message))
        return pb.GetScopeResponse(scope=mapping.write_scope(scope))

    async def list_scopes(
        self, message: pb.ListScopesRequest, _context: Context
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
        self, message: pb.UpdateScopeRequest, _context: Context
    ) -> pb.UpdateScopeResponse:
        scope = await self._catalogue.update_scope(
            mapping.read_scope_token(message.scope),
            mapping.read_scope_changes(message),
            if_etag=_etag(message.scope),
        )
        return pb.UpdateScopeResponse(scope=mapping.write_scope(scope))

    async def disable_scope(
        self, message: pb.DisableScopeRequest, _context: Context
    ) -> pb.DisableScopeResponse:
        scope = await self._catalogue.disable_scope(
            mapping.read_scope_token(message), if_etag=_etag(message)
        )
        return pb.DisableScopeResponse(scope=mapping.write_scope(scope))

    async def enable_scope(
        self, message: pb.EnableScopeRequest, _context: Context
    ) -> pb.EnableScopeResponse:
        scope = await self._catalogue.enable_scope(
            mapping.read_scope_token(message), if_etag=_etag(message)
        )
        return pb.EnableScopeResponse(scope=mapping.write_scope(scope))

    async def delete_scope(
        self, message: pb.DeleteScopeRequest, _context: Context
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
