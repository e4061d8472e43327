"""Resources and scopes as messages."""

from collections.abc import Mapping
from typing import Any, Final, cast

from adapters.admin_messages import fields
from domain.model.etags import etag_of
from domain.model.identifiers import ResourceId
from domain.model.keys import SigningAlgorithm
from domain.model.resources import Resource, parse_resource_id
from domain.model.scopes import Scope, ScopeDefinition, ScopeToken
from domain.model.tokens import TokenFormat
from domain.usecases.administer_catalogue import ResourceChanges, ScopeChanges
from grantd.admin.v1 import resource_service_pb2 as pb

OF_RESOURCES: Final = (
    fields.text("name"),
    fields.choice("token_format", TokenFormat),
    fields.choice("signing_algorithm", SigningAlgorithm),
    fields.duration("access_token_ttl"),
)
"""What can change of a resource."""

OF_SCOPES: Final = (fields.text("description"), fields.optional("resource"))
"""What can change of a scope."""

_RESOURCE_FIELDS: Final[Mapping[str, fields.Field]] = {field.name: field for field in OF_RESOURCES}
_SCOPE_FIELDS: Final[Mapping[str, fields.Field]] = {field.name: field for field in OF_SCOPES}


def write_resource(resource: Resource) -> pb.Resource:
    return pb.Resource(
        resource_id=resource.resource_id,
        etag=etag_of(resource),
        disabled=resource.disabled,
        **fields.written(OF_RESOURCES, resource),
    )


def read_new_resource(message: pb.Resource) -> Resource:
    """Read a resource that is to be made known."""
    return Resource(
        resource_id=parse_resource_id(fields.require_text("resource_id", message)),
        **fields.read(OF_RESOURCES, message),
    )


def read_resource(message: pb.Resource) -> Resource:
    """Read a resource that a server shows."""
    return Resource(
        resource_id=ResourceId(message.resource_id),
        disabled=message.disabled,
        **fields.read(OF_RESOURCES, message),
    )


def write_resource_changes(
    resource_id: ResourceId, changes: ResourceChanges
) -> pb.UpdateResourceRequest:
    values = fields.changed(OF_RESOURCES, cast("Mapping[str, Any]", changes))
    request = pb.UpdateResourceRequest(resource=pb.Resource(resource_id=resource_id, **values))
    request.update_mask.paths.extend(values)
    return request


def read_resource_changes(message: pb.UpdateResourceRequest) -> ResourceChanges:
    changes = fields.read_changes(_RESOURCE_FIELDS, message.resource, message.update_mask.paths)
    return cast("ResourceChanges", fields.require_changes(changes))


def write_scope(scope: ScopeDefinition) -> pb.Scope:
    return pb.Scope(
        scope=scope.token,
        etag=etag_of(scope),
        disabled=scope.disabled,
        **fields.written(OF_SCOPES, scope),
    )


def read_new_scope(message: pb.Scope) -> ScopeDefinition:
    """Read a scope that is to be made known."""
    return ScopeDefinition(token=read_scope_token(message), **fields.read(OF_SCOPES, message))


def read_scope(message: pb.Scope) -> ScopeDefinition:
    """Read a scope that a server shows."""
    return ScopeDefinition(
        token=ScopeToken(message.scope),
        disabled=message.disabled,
        **fields.read(OF_SCOPES, message),
    )


def read_scope_token(message: Any) -> ScopeToken:  # noqa: ANN401  (any message with the field `scope`)
    """Read which scope is meant.

    Raises:
        InvalidScope: If it cannot be one (RFC 6749 App. A.4).
    """
    return Scope.of((fields.require_text("scope", message),)).values[0]


def write_scope_changes(token: ScopeToken, changes: ScopeChanges) -> pb.UpdateScopeRequest:
    values = fields.changed(OF_SCOPES, cast("Mapping[str, Any]", changes))
    request = pb.UpdateScopeRequest(scope=pb.Scope(scope=token, **values))
    request.update_mask.paths.extend(values)
    return request


def read_scope_changes(message: pb.UpdateScopeRequest) -> ScopeChanges:
    changes = fields.read_changes(_SCOPE_FIELDS, message.scope, message.update_mask.paths)
    return cast("ScopeChanges", fields.require_changes(changes))
