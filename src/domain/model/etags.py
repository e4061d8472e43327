"""Entity tags: what a scope or a resource says, digested, for whoever changes what it read."""

import hashlib
from dataclasses import fields
from typing import NewType

from domain.model.resources import Resource
from domain.model.scopes import ScopeDefinition

Etag = NewType("Etag", str)

_HEX_DIGITS = 16


def etag_of(entry: ScopeDefinition | Resource) -> Etag:
    """Return the tag of an entry; entries that say the same have the same one.

    What has its default is left out, so that an attribute which a later
    release adds changes no tag.
    """
    said = [
        (field.name, str(value))
        for field in fields(entry)
        if (value := getattr(entry, field.name)) != field.default
    ]
    return Etag(hashlib.sha256(repr(said).encode()).hexdigest()[:_HEX_DIGITS])
