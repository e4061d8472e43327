"""Which of two media types a request would rather have (RFC 9110 §12.5.1)."""

import re
from collections.abc import Iterable, Iterator

_WEIGHT = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


def asks_for(accept: Iterable[bytes], media_type: str, *, over: str) -> bool:
    """Tell whether *accept* names *media_type*, and does not weigh *over* more.

    A wildcard does not ask for it: who can read it knows its name.
    """
    text = b",".join(accept).decode("latin-1").lower()
    if media_type not in text:
        return False
    weights = dict(_weights(text))
    kind = over.partition("/")[0]
    others = (weights[given] for given in (over, f"{kind}/*", "*/*") if given in weights)
    wanted = weights.get(media_type, 0.0)
    return wanted > 0 and wanted >= next(others, 0.0)


def _weights(accept: str) -> Iterator[tuple[str, float]]:
    """Yield media ranges and their weights; what is malformed is passed over."""
    for element in accept.split(","):
        media_range, *parameters = (part.strip() for part in element.split(";"))
        weight = next((text[2:] for text in parameters if text.startswith("q=")), "1")
        if _WEIGHT.fullmatch(weight):
            yield media_range, float(weight)
