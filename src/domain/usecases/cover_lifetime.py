"""Seeing that a key stays published for as long as the tokens live that it signs (D6)."""

from dataclasses import replace

from domain.model.catalogue import StoredCatalogue
from domain.model.key_rotation import covering, signing_keys
from domain.model.keys import Keyring
from domain.usecases.change_catalogue import ChangeCatalogue
from domain.usecases.token_policy import Terms


class CoverLifetime:
    """Notes with a key what its tokens live at most, before the first that lives longer.

    So a rotation knows it, whatever was set when and by which node. It is
    written once for each new maximum, and not at all for an hour or less.
    """

    def __init__(self, change: ChangeCatalogue) -> None:
        self._change = change

    async def __call__(self, terms: Terms, keyring: Keyring) -> Terms:
        """Return *terms* with the key's schedule as it is by then."""
        key = terms.signing_key
        if key is None or key.key_id in keyring.pinned or key.schedule.covers(terms.ttl):
            return terms
        schedule = key.schedule

        def cover(stored: StoredCatalogue) -> StoredCatalogue:
            nonlocal schedule
            keys = covering(stored.keys, key.key_id, terms.ttl)
            for found in signing_keys(keys):
                if found.key_id == key.key_id:
                    schedule = found.schedule
            return replace(stored, keys=keys)

        await self._change(cover)
        return replace(terms, signing_key=replace(key, schedule=schedule))
