"""What is loaded, and what one run of load comes to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

Pids = Callable[[], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Target:
    """One endpoint of one server.

    Attributes:
        bodies: Of HTTP, forms that take turns; of gRPC, one message.

        server: The process ids that answer.

        store: Those of a store that is a server of its own.

        everything: Those and all others of the same service, whose work is no disturbance.
    """

    protocol: str
    port: int
    path: str
    headers: Mapping[str, str]
    bodies: Sequence[bytes] = field(repr=False)
    server: Pids
    everything: Pids
    store: Pids = tuple

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.path}"


@dataclass(frozen=True, slots=True)
class Answered:
    """What a load generator counted; times are of a request's whole way, in milliseconds."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One run: what was answered, and what it took.

    Attributes:
        server_us: Processor time of the server for each request, in microseconds.

        store_us: The same of a store that is a server of its own.

        others: Processors that anything else kept busy meanwhile.
    """

    per_second: float
    requests: int
    p50_ms: float
    p99_ms: float
    server_us: float
    store_us: float
    server_cores: float
    generator_cores: float
    others: float
    rss_mib: float
    pss_mib: float

    @property
    def per_processor_second(self) -> float:
        """Return what a second of a processor answers, the store's work included."""
        return 1e6 / (self.server_us + self.store_us)
