"""What a look at a store tells an operator."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters.

    A risk means that what was acknowledged may be lost: `strict_store`
    refuses to start over it.
    """

    RISK = "risk"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    severity: Severity
    sentence: str
