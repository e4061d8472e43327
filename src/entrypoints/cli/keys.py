"""`grantd keys`: what signs tokens."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.model.keys import KeyId, KeyPurpose, SigningAlgorithm, SigningKey
from domain.model.lifetimes import format_duration
from domain.usecases.administer_keys import KeyStanding
from domain.usecases.rotate_data_keys import DataKeyStanding
from entrypoints.cli import output
from entrypoints.cli.administration import Administration
from entrypoints.cli.core import with_administration, with_core
from entrypoints.cli.data_keys import (
    RotatedPurpose,
    data_key_document,
    present_data_keys,
    present_rotation,
)
from entrypoints.cli.exits import Refused
from entrypoints.cli.inputs import read_line, require_confirmation
from entrypoints.cli.options import ADMINISTRATIVE, AsJson, takes_settings
from entrypoints.settings import Settings

if TYPE_CHECKING:
    from entrypoints.container import Core

_SCHEDULING = (
    *ADMINISTRATIVE,
    "access_token_ttl",
    "grant_access_token_ttl",
    "signing_algorithm",
    "jwks_max_age",
    "key_announcement",
)
"""The settings that a schedule follows from; they have to be the server's."""

app = typer.Typer(no_args_is_help=True, help="What signs tokens.")

# A key id in base64url may begin with a hyphen, and is no option by that.
_TAKES_KEY_ID = {"ignore_unknown_options": True}

_KeyIdArgument = Annotated[
    str, typer.Argument(metavar="KEY_ID", help="As `keys list` shows it, and tokens as `kid`.")
]
_Now = Annotated[
    bool,
    typer.Option(
        "--now",
        help="Let it sign at once. Verifiers refuse its tokens until they fetch the key set anew.",
    ),
]
_Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


class PublicForm(StrEnum):
    JWKS = "jwks"
    PEM = "pem"


@app.command("list")
@takes_settings(*ADMINISTRATIVE)
def list_(*, settings: Settings, as_json: AsJson = False) -> None:
    """List all keys with their states, and what old ones are kept for.

    The state of a signing key follows from the clock.
    """

    async def work(core: Administration) -> tuple[Sequence[KeyStanding], Sequence[DataKeyStanding]]:
        return await core.administer_keys.list_keys(), await core.rotate_data_keys.list()

    standings, data_keys = with_administration(settings, work)
    documents = [_document(standing) for standing in standings]
    if as_json:
        signing = [{**document, "purpose": KeyPurpose.SIGNING} for document in documents]
        output.document(signing + [data_key_document(standing) for standing in data_keys])
        return
    output.table(
        ("KEY ID", "ALGORITHM", "STATE", "ACTIVE FROM", "RETIRED FROM", "GONE FROM", "FROM FILE"),
        (tuple(document.values()) for document in documents),
        empty="There are no keys.",
    )
    output.line()
    present_data_keys(data_keys)


@app.command()
@takes_settings(*_SCHEDULING)
def rotate(
    *,
    settings: Settings,
    algorithm: Annotated[
        SigningAlgorithm | None,
        typer.Option(help="Which key to rotate, or to have from now on; the server's if left out."),
    ] = None,
    purpose: Annotated[
        RotatedPurpose, typer.Option(help="What the key is for.")
    ] = RotatedPurpose.SIGNING,
    now: _Now = False,
    yes: _Yes = False,
    as_json: AsJson = False,
) -> None:
    """Announce a new key that takes over once every verifier can know it.

    The key before it stays published until its last token has ended. A key
    that is announced already signs at once with --now.

    A key for refresh tokens or secrets is used at once, since nobody outside
    knows it; the one before it is kept as long as something names it.
    """
    if purpose is not RotatedPurpose.SIGNING:
        if algorithm is not None or now:
            raise typer.BadParameter("--algorithm and --now are for signing keys")
        rotation = with_administration(
            settings, lambda core: core.rotate_data_keys(KeyPurpose(purpose))
        )
        present_rotation(rotation, as_json=as_json)
        return
    if now:
        require_confirmation(_risk(settings), yes=yes)
    successor = with_administration(
        settings, lambda core: core.administer_keys.rotate(algorithm, at_once=now)
    )
    _present_successor(successor, as_json=as_json)


@app.command("import")
@takes_settings(*_SCHEDULING)
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A private key in PEM.")],
    *,
    settings: Settings,
    passphrase_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The file with its passphrase; - for standard input."),
    ] = None,
    now: _Now = False,
    yes: _Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take over a key that was made elsewhere, as `rotate` does with a new one.

    EC on P-256 is for ES256, RSA of 2048 bits or more for RS256, Ed25519 for EdDSA.
    """
    if now:
        require_confirmation(_risk(settings), yes=yes)
    passphrase = (
        read_line(passphrase_file, "passphrase").encode() if passphrase_file is not None else None
    )

    async def work(core: "Core") -> KeyStanding:
        key = _load(file, passphrase, core.clock.now())
        return await core.administer_keys.import_key(key, at_once=now)

    _present_successor(with_core(settings, work), as_json=as_json)


@app.command(context_settings=_TAKES_KEY_ID)
@takes_settings(*_SCHEDULING)
def retire(key_id: _KeyIdArgument, *, settings: Settings, as_json: AsJson = False) -> None:
    """Let a key sign no more. It stays published until its last token has ended."""
    retired = with_administration(settings, lambda core: core.administer_keys.retire(KeyId(key_id)))
    if as_json:
        output.document(_document(retired))
    else:
        gone = _written(retired.schedule.remove_at)
        output.note(f"Key {key_id} signs no more, and is published until {gone}.")


@app.command(context_settings=_TAKES_KEY_ID)
@takes_settings(*_SCHEDULING)
def revoke(
    key_id: _KeyIdArgument, *, settings: Settings, yes: _Yes = False, as_json: AsJson = False
) -> None:
    """Remove a key that others may have: it is gone at once, its tokens are inactive.

    If it is the one that signs, the announced key does from now on, or a new one.
    """
    max_age = format_duration(settings.jwks_max_age)
    require_confirmation(
        f"Every token that {key_id} signed is inactive at introspection from now on. Verifiers"
        f" that keep a copy of the key set accept them for up to {max_age}, and for as long refuse"
        " what a new key signs.",
        yes=yes,
    )
    signs = with_administration(settings, lambda core: core.administer_keys.revoke(KeyId(key_id)))
    if as_json:
        instead = _document(signs) if signs is not None else None
        output.document({"kid": key_id, "revoked": True, "signer": instead})
        return
    output.note(f"Key {key_id} is gone.")
    if signs is not None:
        output.note(f"Key {signs.key_id} signs by {signs.algorithm}.")


@app.command("export-public", context_settings=_TAKES_KEY_ID)
@takes_settings(*ADMINISTRATIVE)
def export_public(
    key_id: Annotated[
        str | None, typer.Argument(metavar="KEY_ID", help="One key; all published if left out.")
    ] = None,
    *,
    settings: Settings,
    form: Annotated[
        PublicForm, typer.Option("--format", help="A JWK set, or PEM.")
    ] = PublicForm.JWKS,
    as_json: AsJson = False,
) -> None:
    """Print the public keys that verifiers may meet, as the key set has them."""
    named = KeyId(key_id) if key_id is not None else None
    keys = with_administration(settings, lambda core: core.administer_keys.public_keys(named))
    if form is PublicForm.JWKS:
        output.document({"keys": [key.jwk for key in keys]})
    elif as_json:
        output.document([{"kid": key.jwk["kid"], "pem": key.pem} for key in keys])
    else:
        output.line("".join(key.pem for key in keys).rstrip("\n"))


def _risk(settings: Settings) -> str:
    return (
        "Verifiers that keep a copy of the key set refuse the new key's tokens until they fetch"
        f" it anew, for up to {format_duration(settings.jwks_max_age)}."
    )


def _load(file: Path, passphrase: bytes | None, now: datetime) -> SigningKey:
    # Here and not above, because most commands need no cryptography.
    from adapters.jose.pem import SigningKeyUnusable, load_signing_key  # noqa: PLC0415

    try:
        return load_signing_key(file, passphrase, activate_at=now)
    except SigningKeyUnusable as error:
        raise Refused(str(error)) from error


def _present_successor(successor: KeyStanding, *, as_json: bool) -> None:
    if as_json:
        output.document(_document(successor))
        return
    when = _written(successor.schedule.activate_at)
    output.line(successor.key_id)
    output.note(f"Key {successor.key_id} signs by {successor.algorithm} from {when} on.")


def _document(standing: KeyStanding) -> dict[str, object]:
    schedule = standing.schedule
    return {
        "kid": standing.key_id,
        "alg": standing.algorithm,
        "state": standing.state,
        "activate_at": _written(schedule.activate_at) if not standing.pinned else None,
        "retire_at": _written(schedule.retire_at),
        "remove_at": _written(schedule.remove_at),
        "from_file": standing.pinned,
    }


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment is not None else None
