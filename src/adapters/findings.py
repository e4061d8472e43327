"""What a look at a store tells an operator."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters.

    Attributes:
        FAULT: Something that grantd needs does not work.

        RISK: What was acknowledged may be lost, or what is stale be read:
            `strict_store` refuses to start over it.

        NOTE: It is as it may be, and better otherwise.
    """

    FAULT = "fault"
    RISK = "risk"
    NOTE = "note"
    GOOD = "good"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is so and why it matters.

    Attributes:
        remedy: The command or directive that changes it, as far as there is one.
    """

    severity: Severity
    sentence: str
    remedy: str = ""
