"""Marks that tell one attempt from every other. They are unique and no secret."""

import secrets

_BYTES = 12


def new_mark() -> bytes:
    """Draw a mark: hexadecimal, never drawn before."""
    return secrets.token_hex(_BYTES).encode()
