"""However many nodes start at once on one empty store, it has one set of keys."""

import asyncio

from adapters.memory.audit_trail import MemoryAuditTrail
from domain.model.keys import KeyPurpose
from domain.usecases.change_catalogue import ChangeCatalogue
from domain.usecases.establish_keys import EstablishKeys
from domain.usecases.make_signing_key import MakeSigningKey
from support.doubles import FixedClock, PlainEnvelope, RandomKeyMaker, SeededEntropy
from support.stores import Stores


def node(stores: Stores, number: int) -> tuple[EstablishKeys, MemoryAuditTrail]:
    entropy, audit = SeededEntropy(number), MemoryAuditTrail()
    envelope, clock = PlainEnvelope(), FixedClock()
    establish = EstablishKeys(
        stores.catalogue,
        change=ChangeCatalogue(stores.catalogue, audit=audit),
        make_signing_key=MakeSigningKey(
            maker=RandomKeyMaker(entropy), envelope=envelope, clock=clock
        ),
        envelope=envelope,
        entropy=entropy,
        clock=clock,
        audit=audit,
    )
    return establish, audit


async def test_of_racing_nodes_exactly_one_makes_the_keys(stores: Stores, another: Stores) -> None:
    """All of them go on with the same ones."""
    nodes = [node((stores, another)[n % 2], n) for n in range(10)]

    found = await asyncio.gather(*(establish() for establish, _ in nodes))

    assert {one.keys for one in found} == {(await stores.catalogue.load()).keys}
    purposes = [key.purpose for key in found[0].keys]
    assert purposes.count(KeyPurpose.REFRESH_MAC) == purposes.count(KeyPurpose.SECRET_PEPPER) == 1
    assert sum(len(audit.events) for _, audit in nodes) == 1
