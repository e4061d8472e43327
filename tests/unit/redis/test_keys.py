import re
from pathlib import Path

import pytest
from redis.crc import key_slot

import adapters.redis
from adapters.redis import keys
from domain.model.identifiers import ClientId, Owner, bucket_of
from support.domain_samples import LEDGER, assertion_id, digest, family_id, limit_key, token_id


def test_all_that_is_a_clients_lies_in_one_slot() -> None:
    """A step that touches several keys of one client is one script in one slot."""
    names = (
        keys.client(LEDGER),
        keys.owner(LEDGER),
        keys.family(family_id()),
        *keys.family_indexes(family_id(), LEDGER),
        keys.revoked(token_id()),
        keys.access_token(digest()),
        keys.spent_assertion(assertion_id()),
        keys.spent_budget(limit_key()),
        keys.voucher(limit_key()),
        keys.receipt(keys.client(LEDGER)),
    )

    assert {key_slot(name) for name in names} == {key_slot(bucket_of(LEDGER).encode())}
    assert len(set(names)) == len(names)


def test_a_family_is_listed_where_its_owner_looks() -> None:
    """Its id has the bucket of its owner."""
    by_age, _ = keys.family_indexes(family_id(), LEDGER)

    assert by_age == keys.families_by_age(LEDGER)


def test_who_owns_no_family_is_told_so_in_its_slot() -> None:
    """A cluster takes no step whose keys are in several."""
    names = (keys.family(family_id()), *keys.family_indexes(family_id(), ClientId("stranger")))

    assert bucket_of(ClientId("stranger")) != bucket_of(LEDGER)
    assert len({key_slot(name) for name in names}) == 1


def test_the_catalogue_lies_in_one_slot() -> None:
    """Version and entries change in one step."""
    names = (
        keys.CATALOGUE_VERSION,
        keys.CATALOGUE_SCOPES,
        keys.CATALOGUE_RESOURCES,
        keys.CATALOGUE_KEYS,
        keys.receipt(keys.CATALOGUE_KEYS),
    )

    assert len({key_slot(name) for name in names}) == 1


@pytest.mark.parametrize("name", ["}x{", "a}:client:ledger", "}{", "ab|c d"])
def test_a_name_cannot_be_mistaken_for_one_of_another_kind(name: str) -> None:
    """Ids hold any printable character, and a client's slot is told by a digest of them."""
    key = keys.client(ClientId(name))

    assert key == f"grantd:{{{bucket_of(name)}}}:client:{name}".encode()
    assert key_slot(key) == key_slot(keys.owner(Owner(name)))


def test_no_receipt_is_like_another() -> None:
    """A receipt stands for one run of one script."""
    assert keys.receipt(keys.client(LEDGER)) != keys.receipt(keys.client(LEDGER))


def test_names_are_spelled_in_one_file() -> None:
    """Whoever looks for a key in Redis finds its name here, and nowhere else."""
    folder = Path(adapters.redis.__file__).parent
    spelling = re.compile(r"grantd:|\{\{")
    others = [path for path in folder.rglob("*") if path.suffix in {".py", ".lua"}]

    assert [path.name for path in others if spelling.search(path.read_text())] == ["keys.py"]
