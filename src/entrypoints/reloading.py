"""What a running server takes over of settings that were loaded anew, and what needs a restart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from entrypoints.settings import Settings

LoadSettings: TypeAlias = Callable[[], Settings]
"""Gathers the settings once more, from the places that they came from.

Raises:
    InvalidSettings: If they do not hold.
"""

_CERTIFICATES: Final = (
    "http_certificate_file",
    "http_certificate_key_file",
    "http_client_ca_file",
    "grpc_certificate_file",
    "grpc_certificate_key_file",
    "grpc_client_ca_file",
)
"""Only the path and what is under it: with or without TLS is settled at the start."""

_FREE: Final = ("log_level", "trusted_proxies", "proxy_header")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reload:
    """What comes of loading the settings anew.

    Attributes:
        settings: What is to be run with from now on.

        changed: The settings that are different there.

        needs_restart: The settings that are not, although they were changed.
    """

    settings: Settings
    changed: Sequence[str]
    needs_restart: Sequence[str]


def reload(running: Settings, loaded: Settings) -> Reload:
    different = [
        name for name in Settings.model_fields if getattr(running, name) != getattr(loaded, name)
    ]
    changed = [name for name in different if _can_change(name, running, loaded)]
    return Reload(
        settings=running.model_copy(update={name: getattr(loaded, name) for name in changed}),
        changed=changed,
        needs_restart=[name for name in different if name not in changed],
    )


def _can_change(name: str, running: Settings, loaded: Settings) -> bool:
    if name in _CERTIFICATES:
        return None not in (getattr(running, name), getattr(loaded, name))
    return name in _FREE
