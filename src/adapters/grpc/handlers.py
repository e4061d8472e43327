"""Serving the methods of a service that take one message and give one."""

from collections.abc import Mapping
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass


def unary_handlers(
    service: ServiceDescriptor, behaviours: Mapping[str, Any]
) -> grpc.GenericRpcHandler:
    """Serve every method of *service*, each by the behaviour of its name.

    Raises:
        KeyError: If one has none.
    """
    return grpc.method_handlers_generic_handler(
        service.full_name,
        {
            method.name: grpc.unary_unary_rpc_method_handler(
                behaviours[method.name],
                GetMessageClass(method.input_type).FromString,
                GetMessageClass(method.output_type).SerializeToString,
            )
            for method in service.methods
        },
    )
