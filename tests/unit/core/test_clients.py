from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.errors import InvalidRegistration
from domain.model.administration import RESERVED
from domain.model.clients import Client, GrantType, Subject, require_coherent
from domain.model.credentials import (
    AuthMethod,
    ClientSecret,
    RegisteredSecret,
    SecretId,
    matching,
)
from domain.model.identifiers import ClientId, Owner
from domain.model.scopes import Scope
from support.domain_samples import client

[SECRET] = client().secrets
PUBLIC = frozenset({AuthMethod.NONE})
GENERATED = f"gds_{SECRET.secret_id}_{'x' * 43}_00000000"


@pytest.mark.parametrize(
    ("contradiction", "changes"),
    [
        ("client_id has to be", {"client_id": ""}),
        ("client_id has to be", {"client_id": "a" * 256}),
        ("client_id has to be", {"client_id": "a\n"}),
        ("client_id has to be", {"client_id": "ä"}),
        ("a name has up to 200 characters", {"name": "n" * 201}),
        ("a name has up to 200 characters", {"name": "red \x1b[31m"}),
        ("owner has to be", {"owner": ""}),
        ("owner has to be", {"owner": "a\x7f"}),
        ("owner and client_id may not be equal", {"owner": "ledger"}),
        ("subject owner needs an owner", {"subject": Subject.OWNER}),
        ("an authentication method is needed", {"auth_methods": frozenset()}),
        (
            "a public client has no other authentication method",
            {"auth_methods": PUBLIC | {AuthMethod.CLIENT_SECRET_BASIC}},
        ),
        ("a public client has no secret", {"auth_methods": PUBLIC}),
        ("a client that authenticates by a secret needs one", {"secrets": ()}),
        ("more than 10 secrets", {"secrets": (SECRET,) * 11}),
        ("the default scope exceeds the scope", {"default_scope": Scope.parse("other")}),
        *(
            (
                "the default scope may not hold grantd.admin.read grantd.admin.write",
                {"scope": RESERVED, "default_scope": Scope.of((token,))},
            )
            for token in RESERVED
        ),
        *(
            (
                "a public client may not have grantd.admin.read grantd.admin.write",
                {
                    "auth_methods": PUBLIC,
                    "secrets": (),
                    "default_scope": Scope(),
                    "scope": Scope.of((token, "other")),
                },
            )
            for token in RESERVED
        ),
        (
            "issue_refresh_token needs both grant types",
            {
                "issue_refresh_token": True,
                "grant_types": frozenset({GrantType.CLIENT_CREDENTIALS}),
            },
        ),
        ("a lifetime has to be", {"access_token_ttl": timedelta()}),
        ("a lifetime has to be", {"refresh_token_ttl": timedelta(milliseconds=999)}),
        ("a lifetime has to be", {"refresh_token_max_age": timedelta(seconds=-1)}),
        ("refresh_grace may not be negative", {"refresh_grace": timedelta(seconds=-1)}),
    ],
)
def test_a_client_that_contradicts_itself_is_refused(
    contradiction: str, changes: dict[str, Any]
) -> None:
    """The hint says what contradicts what (RFC 7591 §3.2.2)."""
    with pytest.raises(InvalidRegistration) as refusal:
        require_coherent(replace(client(), **changes))

    assert refusal.value.hint.startswith(contradiction)


@pytest.mark.parametrize(
    "coherent",
    [
        client(),
        replace(client(), scope=RESERVED, default_scope=Scope()),
        client("None"),
        client("a" * 255),
        client(owner="ada"),
        replace(client(owner="ada"), subject=Subject.OWNER),
        replace(client(), auth_methods=PUBLIC, secrets=()),
        replace(client(), secrets=(SECRET,) * 10),
        replace(client(), issue_refresh_token=True, refresh_grace=timedelta()),
        replace(client(), access_token_ttl=timedelta(seconds=1)),
    ],
)
def test_a_client_that_holds_together_is_returned_as_it_is(coherent: Client) -> None:
    assert require_coherent(coherent) is coherent


@pytest.mark.parametrize(
    ("owner", "subject", "speaks_for"),
    [
        (None, Subject.CLIENT, "ledger"),
        ("ada", Subject.CLIENT, "ledger"),
        ("ada", Subject.OWNER, "ada"),
    ],
)
def test_tokens_speak_for_the_client_or_for_its_owner(
    owner: str | None, subject: Subject, speaks_for: str
) -> None:
    assert replace(client(owner=owner), subject=subject).token_subject == speaks_for


def test_a_client_is_public_if_it_proves_nothing() -> None:
    assert replace(client(), auth_methods=PUBLIC).is_public
    assert not client().is_public


def test_a_generated_secret_is_looked_up_by_its_id() -> None:
    """One comparison is enough, however many secrets there are."""
    other = replace(SECRET, secret_id=SecretId("ffffffff"))
    imported = replace(SECRET, secret_id=SecretId("eeeeeeee"), imported=True)
    several = replace(client(), secrets=(other, SECRET, imported))

    assert matching(several.secrets, ClientSecret(GENERATED)) == (SECRET,)


def test_a_secret_that_names_none_of_ours_could_be_any_imported_one() -> None:
    """Even one that looks generated: it may come from another grantd."""
    imported: RegisteredSecret = replace(SECRET, secret_id=SecretId("eeeeeeee"), imported=True)
    several = replace(client(), secrets=(SECRET, imported))

    assert matching(several.secrets, ClientSecret("hunter2")) == (imported,)
    assert matching(several.secrets, ClientSecret(GENERATED.replace("0badcafe", "12345678"))) == (
        imported,
    )
    assert matching(client().secrets, ClientSecret("hunter2")) == ()


def test_owner_and_client_id_are_compared_as_names() -> None:
    with pytest.raises(InvalidRegistration):
        require_coherent(replace(client(), client_id=ClientId("ada"), owner=Owner("ada")))
