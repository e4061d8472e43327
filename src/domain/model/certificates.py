"""The certificate that a client's connection was verified by (mutual TLS)."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """A certificate whose chain and dates TLS has verified, as a value.

    That it is verified says whose key is at the other end, and nothing about
    who may do what.

    Attributes:
        thumbprint: SHA-256 over its DER, in base64url: `x5t#S256` of RFC 8705 §3.1.

        subject: The distinguished name as a text (RFC 4514), its last part first.

        dns_names: With the other three, the subject alternative names by kind.

        der: The certificate itself, for comparing it by its key.
    """

    thumbprint: str
    subject: str = field(repr=False)
    dns_names: tuple[str, ...] = field(default=(), repr=False)
    uris: tuple[str, ...] = field(default=(), repr=False)
    ip_addresses: tuple[str, ...] = field(default=(), repr=False)
    email_addresses: tuple[str, ...] = field(default=(), repr=False)
    not_after: datetime = field(repr=False)
    der: bytes = field(repr=False)
