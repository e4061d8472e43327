"""An observer of round trips to a store that remembers them."""

from adapters.store_trips import TripKind


class RememberedTrips:
    """Holds each trip's kind and whether it failed, in the order they ended."""

    def __init__(self) -> None:
        self.made_so_far: list[tuple[TripKind, bool]] = []
        self.withheld_so_far: list[TripKind] = []

    def made(self, kind: TripKind, /, *, seconds: float, failed: bool) -> None:
        assert seconds >= 0
        self.made_so_far.append((kind, failed))

    def withheld(self, kind: TripKind, /) -> None:
        self.withheld_so_far.append(kind)
