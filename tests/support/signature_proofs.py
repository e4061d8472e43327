"""How many signatures are computed in proof of tokens."""

import pytest

from adapters.jose.loaded_key import LoadedKey


def counted_proofs(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return the signatures that are proved from now on, as they are."""
    computed: list[bytes] = []
    verify = LoadedKey.verify

    def counted(key: LoadedKey, message: bytes, signature: bytes) -> bool:
        computed.append(signature)
        return verify(key, message, signature)

    monkeypatch.setattr(LoadedKey, "verify", counted)
    return computed
