from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from domain.model.families import AttemptId, Generation, RefreshFamily, Rotation
from domain.model.identifiers import ClientId, Epoch, FamilyId
from domain.ports.reading import Reading


class RefreshFamilyStore(Protocol):
    """Where refresh families live: one small record per original grant.

    A store MUST make `rotate` a single atomic step: of any number of callers
    that present the same live generation, exactly one gets `Rotated`. It MUST
    keep a family, spent or ended, until its tokens would have expired anyway,
    because a replay can only be told from a guess by remembering it. An
    expired family is absent.

    A store holds no token and no digest of one; a stolen store opens nothing.
    It reports what it found and decides nothing: ending a family after a
    replay is the use case's business (RFC 9700 §4.14.2).
    """

    async def open(self, family: RefreshFamily, /, *, limit: int, now: datetime) -> None:
        """Add a family, and end its owner's oldest live ones beyond *limit*, in one step."""
        ...

    def find(self, family_id: FamilyId, /, *, now: datetime) -> Reading[RefreshFamily | None]:
        """Begin to read a family: advice to whoever rotates, truth to who introspects."""
        ...

    async def rotate(
        self,
        family_id: FamilyId,
        /,
        *,
        attempt: AttemptId,
        presented: Generation,
        owner: ClientId,
        now: datetime,
        grace: timedelta,
        expires_at: datetime,
        retire_access: bool,
    ) -> Rotation:
        """Compare the presented generation with the live one, and advance it.

        The outcomes are judged in this order: `Absent`, `Foreign`, `Ended`,
        `Ahead`, `Rotated`, `WithinGrace`, `Replayed`.

        Args:
            attempt: The same attempt twice MUST be one rotation, and `Rotated`
                both times, as long as the successor is unused.

            grace: How long after the last rotation the generation before the
                live one is `WithinGrace`. Zero means never.

            expires_at: When the family ends unless it is rotated again; written
                with `Rotated` only.

            retire_access: With `Rotated`, whether access tokens of generations
                before the successor end (`least_access_generation`).
        """
        ...

    async def end(self, family_id: FamilyId, /, *, now: datetime) -> bool:
        """End a family for good and tell whether it was live until now.

        It MUST be remembered as ended until it would have expired.
        """
        ...

    async def derivations(
        self, owner: ClientId, /, *, epoch: Epoch, before: datetime, now: datetime
    ) -> Sequence[datetime]:
        """Return when the present refresh tokens of an owner's live families were derived.

        That is when each family was rotated last, or opened; in any order,
        and only as far as it was before *before*. What is rotated or opened
        meanwhile may be missing.

        Args:
            epoch: The owner's. Families of any other have ended (D11).
        """
        ...
