from collections.abc import AsyncIterator


async def streamed(body: bytes) -> AsyncIterator[bytes]:
    """Give a body as a server would: in pieces, and once."""
    middle = len(body) // 2
    for piece in (body[:middle], body[middle:]):
        yield piece
