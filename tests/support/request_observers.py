"""An observer of requests that remembers them."""

from adapters.request_record import RequestRecord


class RememberedRequests:
    """Attributes tell of requests in the order in which they ended."""

    def __init__(self) -> None:
        self.under_way = 0
        self.ended_so_far: list[RequestRecord] = []
        self.turned_away_so_far: list[RequestRecord] = []

    def began(self) -> None:
        self.under_way += 1

    def ended(self, record: RequestRecord, /, *, seconds: float) -> None:
        assert seconds >= 0
        self.under_way -= 1
        self.ended_so_far.append(record)

    def turned_away(self, record: RequestRecord, /) -> None:
        self.turned_away_so_far.append(record)
