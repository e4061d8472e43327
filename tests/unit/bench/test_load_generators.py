"""What the load generators print is read rightly, and what ours sends is what servers read."""

import pytest
from bench.load.h2load import framed, read_h2load
from bench.load.http2 import GrpcWire, frame
from bench.load.loads import Answered
from bench.load.paced import HttpWire, Plan, arrivals, http_requests
from bench.load.percentiles import percentile
from bench.load.wrk import read_wrk

WRK = """Running 2s test @ http://127.0.0.1:8080/access_token
  Requests/sec:   1000.10
RESULT {"requests": 2000, "seconds": 2.000100, "p50_ms": 1.500, "p99_ms": 9.250, "failed": 3}
"""

H2LOAD = """starting benchmark...
finished in 2.05s, 2000.00 req/s, 1.53MB/s
requests: 4100 total, 4132 started, 4100 done, 4099 succeeded, 1 failed, 0 errored, 0 timeout
status codes: 4099 2xx, 0 3xx, 0 4xx, 1 5xx
                     min         max         mean         sd        +/- sd
time for request:      201us      9.02ms       450us       220us    92.00%
"""

LOG = "1790000000000000\t200\t1000\n1790000000000010\t500\t90000\n1790000000000020\t200\t3000\n"


def test_what_wrk_prints_is_read() -> None:
    """The line that our script adds; the rest is for people."""
    expected = Answered(requests=2000, seconds=2.0001, p50_ms=1.5, p99_ms=9.25, failed=3)
    assert read_wrk(WRK) == expected


def test_what_h2load_prints_is_read() -> None:
    """Counts and time from its output, latencies of what succeeded from its log."""
    expected = Answered(requests=4100, seconds=2.05, p50_ms=1.0, p99_ms=3.0, failed=1)
    assert read_h2load(H2LOAD, LOG) == expected


@pytest.mark.parametrize("read", [read_wrk, lambda output: read_h2load(output, LOG)])
def test_output_without_a_result_is_refused(read: object) -> None:
    """A generator that could not connect has measured nothing."""
    assert callable(read)
    with pytest.raises(ValueError, match="no result"):
        read("unable to connect to 127.0.0.1:1 Connection refused\n")


@pytest.mark.parametrize(
    ("percent", "expected"), [(50, 50.0), (99, 99.0), (100, 100.0), (0.5, 1.0)]
)
def test_a_percentile_is_one_of_the_numbers(percent: float, expected: float) -> None:
    """The least that so many percent do not exceed."""
    assert percentile([float(number) for number in range(1, 101)], percent) == expected


def test_nothing_has_no_percentile() -> None:
    """A run without replies is refused elsewhere."""
    assert percentile([], 50) == 0.0


def test_arrivals_come_at_the_rate_and_are_the_same_each_time() -> None:
    """Two servers are asked at the same moments."""
    due = arrivals(5_000, 2.0)
    assert due == arrivals(5_000, 2.0)
    assert due == sorted(due)
    assert due[-1] < 2.0
    assert len(due) == pytest.approx(10_000, rel=0.05)


def test_a_reply_over_http_is_whole_when_its_body_is() -> None:
    """However it is cut on its way."""
    plan = Plan("http", 8080, "/introspect", {"Accept": "*/*"}, ["token=a"], 1.0, 1.0)
    wire = HttpWire(http_requests(plan))
    sent = wire.request(7)
    assert sent.endswith(b"Accept: */*\r\nContent-Length: 7\r\n\r\ntoken=a")
    assert not wire.has_room()
    for part in (b"HTTP/1.1 200 OK\r\nConte", b"nt-Length: 4\r\n\r\n{}"):
        assert wire.feed(part) == ([], b"")
    assert wire.feed(b"\r\n") == ([7], b"")
    assert wire.has_room()


def test_a_refusal_over_http_ends_the_run() -> None:
    """Its latency would be that of nothing."""
    wire = HttpWire([b"POST"])
    wire.request(0)
    with pytest.raises(ValueError, match="503"):
        wire.feed(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")


def grpc_wire() -> GrpcWire:
    return GrpcWire(50051, "/grantd.v1.TokenService/IssueToken", {"te": "trailers"}, b"message")


def trailers(stream: int, status: bytes) -> bytes:
    return frame(1, 5, stream, b"\x00\x0bgrpc-status\x01" + status)


def test_calls_over_one_connection_end_in_any_order() -> None:
    """Streams are odd numbers; what comes in pieces is put together."""
    wire = grpc_wire()
    first = wire.request(10)
    wire.request(11)
    assert first.endswith(frame(0, 1, 1, framed(b"message")))
    octets = trailers(3, b"0") + trailers(1, b"0")
    assert wire.feed(octets[:5]) == ([], b"")
    assert wire.feed(octets[5:]) == ([11, 10], b"")


def test_a_ping_is_answered() -> None:
    """Or the server would leave."""
    assert grpc_wire().feed(frame(6, 0, 0, b"12345678")) == ([], frame(6, 1, 0, b"12345678"))


def test_a_refusal_over_grpc_ends_the_run() -> None:
    """It is 200 to HTTP."""
    wire = grpc_wire()
    wire.request(0)
    with pytest.raises(ValueError, match="grpc-status"):
        wire.feed(trailers(1, b"7"))


def test_no_more_is_sent_than_the_server_has_room_for() -> None:
    """A window that is used up has to be opened again (RFC 9113 §5.2)."""
    wire = GrpcWire(50051, "/s/m", {}, b"x" * 40_000)
    wire.request(0)
    assert not wire.has_room()
    wire.feed(frame(8, 0, 0, (20_000).to_bytes(4, "big")))
    assert wire.has_room()
