"""What is made of stored bytes is remembered by name, and only for those bytes."""

from adapters.records import Remembered


class Reader:
    """Reads bytes as text, and counts."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, stored: bytes) -> str:
        self.times += 1
        return stored.decode()


def test_the_same_bytes_are_read_once() -> None:
    """Though the store hands out other copies of them."""
    reader = Reader()
    remembered = Remembered(reader)

    first, second = (remembered(bytes(bytearray(b"one")), "name") for _ in range(2))

    assert first == "one"
    assert first is second
    assert reader.times == 1


def test_other_bytes_under_a_name_are_read_anew() -> None:
    """However little they differ, and also when they are what they were before."""
    remembered = Remembered(Reader())

    assert [remembered(stored, "name") for stored in (b"one", b"onE", b"one")] == [
        "one",
        "onE",
        "one",
    ]


def test_nothing_stored_is_nothing_whatever_was_there() -> None:
    """What was removed is gone."""
    remembered = Remembered(Reader())
    remembered(b"one", "name")

    assert remembered(None, "name") is None
    assert remembered(b"one", "name") == "one"


def test_so_many_are_remembered_and_the_oldest_go_first() -> None:
    """A million clients take no more memory than some thousands."""
    reader = Reader()
    remembered = Remembered(reader)
    for number in range(5_000):
        remembered(b"%d" % number, str(number))

    assert len(remembered._kept) == 4_096
    assert remembered(b"4999", "4999") == "4999"
    assert reader.times == 5_000
    assert remembered(b"0", "0") == "0"
    assert reader.times == 5_001
