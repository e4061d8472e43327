"""How much is taken on at once."""

from types import TracebackType


class Admission:
    """Counts what is under way, against a limit; entered by each call that is admitted.

    grpc's own bound (`maximum_concurrent_rpcs`) counts calls from their
    headers on, so that a few half-sent messages would fill it for good.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._under_way = 0

    @property
    def is_full(self) -> bool:
        return self._under_way >= self._limit

    def __enter__(self) -> None:
        self._under_way += 1

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._under_way -= 1
