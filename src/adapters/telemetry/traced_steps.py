"""Spans around what a use case or a port does, without either knowing."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar, cast

from adapters.telemetry.tracing import Tracing, mark_error
from domain.errors import GrantdError, Internal, Unavailable
from domain.ports.signing import TokenRejected

T = TypeVar("T")

_REFUSAL: Final = "grantd.refusal"


def traced(subject: T, tracing: Tracing) -> T:
    """Return what acts as *subject*, each of its coroutines a span of its name."""
    return cast("T", _Traced(subject, tracing))


class _Traced:
    def __init__(self, subject: object, tracing: Tracing) -> None:
        self._subject = subject
        name = type(subject).__name__
        if callable(subject):
            self._call = _in_a_span(subject, name, tracing)
        for method, _ in inspect.getmembers(type(subject), inspect.iscoroutinefunction):
            if not method.startswith("_"):
                step = _in_a_span(getattr(subject, method), f"{name}.{method}", tracing)
                setattr(self, method, step)

    async def __call__(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401  (those of the subject)
        return await self._call(*arguments, **named)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  (likewise)
        return getattr(self._subject, name)


def _in_a_span(
    step: Callable[..., Awaitable[Any]], name: str, tracing: Tracing
) -> Callable[..., Awaitable[Any]]:
    async def spanned(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401  (those of the step)
        with tracing.step(name) as span:
            try:
                return await step(*arguments, **named)
            except (Unavailable, Internal) as failure:
                mark_error(span, failure.code)
                raise
            except GrantdError as refusal:
                span.set_attribute(_REFUSAL, refusal.code)
                raise
            except TokenRejected:
                span.set_attribute(_REFUSAL, "token_rejected")
                raise
            except BaseException as failure:
                mark_error(span, type(failure).__name__)
                raise

    return spanned
