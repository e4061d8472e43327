"""`grantd config`: what is set, and whether it holds."""

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Final

import typer

from entrypoints.cli import output
from entrypoints.cli.options import AsJson, takes_settings
from entrypoints.settings import Settings

_FEWEST_BITS_IPV4: Final = 8
_FEWEST_BITS_IPV6: Final = 16

app = typer.Typer(no_args_is_help=True, help="The settings in force.")


@app.command()
@takes_settings(*Settings.model_fields)
def show(*, settings: Settings, as_json: AsJson = False) -> None:
    """Show every setting as it is in force. Secrets are no settings: only their files are."""
    shown = settings.model_dump(mode="json")
    if as_json:
        output.document(shown)
        return
    output.table(
        ("SETTING", "VALUE"),
        ((name, _written(value)) for name, value in shown.items()),
        empty="",
    )


@app.command()
@takes_settings(*Settings.model_fields)
def check(*, settings: Settings, as_json: AsJson = False) -> None:
    """Check the settings without starting anything: `grantd config check --config FILE`."""
    warnings = list(doubts(settings))
    for warning in warnings:
        output.warn(warning)
    told = {"valid": True, "issuer": settings.issuer, "warnings": warnings}
    output.done(told, "The settings hold.", as_json=as_json)


def doubts(settings: Settings) -> Iterator[str]:
    """Yield what holds, and is hardly what somebody wants."""
    for network in settings.trusted_proxies:
        fewest = _FEWEST_BITS_IPV4 if isinstance(network, IPv4Network) else _FEWEST_BITS_IPV6
        if network.prefixlen < fewest and not network.is_private:
            yield (
                f"trusted_proxies has {network}: whoever sends from there chooses the address "
                "that limits and audit trail know it by"
            )


def _written(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return ", ".join(value) or "-"
        case dict():
            return ", ".join(f"{name}={entry}" for name, entry in value.items()) or "-"
        case _:
            return "-" if value is None else str(value)
