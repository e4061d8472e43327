"""`grantd config`: what is set, and whether it holds."""

import typer

from entrypoints.cli import output
from entrypoints.cli.options import AsJson, takes_settings
from entrypoints.setting_doubts import doubts
from entrypoints.settings import Settings

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
