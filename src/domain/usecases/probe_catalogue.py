"""Whether this process can read the catalogue and open the keys in it."""

from domain.ports.envelope import MasterKeyMismatch
from domain.ports.probe import NotReady, Probe
from domain.usecases.current_catalogue import CurrentCatalogue


class CatalogueProbe:
    """Fails where the keys are gone, or the master key which sealed them is missing (D4)."""

    name = "catalogue"

    def __init__(self, catalogue: CurrentCatalogue) -> None:
        self._catalogue = catalogue

    async def check(self) -> None:
        try:
            await self._catalogue.read()
        except MasterKeyMismatch as failure:
            raise NotReady("a master key is missing", failure.detail) from failure


_: type[Probe] = CatalogueProbe
