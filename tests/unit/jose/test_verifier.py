"""Attacks on the verifier (RFC 8725 §2), and what it remembers."""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.jose.claims import write_claims
from adapters.jose.jwks import JoseKeySetWriter
from adapters.jose.keys import JoseKeyMaker
from adapters.jose.loaded_key import load
from adapters.jose.segments import decode_segment, encode_segment
from adapters.jose.signer import JoseTokenSigner
from adapters.jose.verifier import JoseTokenVerifier
from domain.errors import Internal
from domain.model.keys import SigningAlgorithm, SigningKey
from domain.model.tokens import AccessTokenClaims
from domain.ports.signing import TokenRejected
from support.signature_proofs import counted_proofs
from support.unproved_tokens import peek, verify

ISSUER = "https://issuer.example"


def forge(key: SigningKey, payload: bytes, **header: object) -> str:
    """Sign anything under any header, as only the holder of the key could."""
    members = {"typ": "at+jwt", "alg": key.algorithm, "kid": key.key_id, **header}
    kept = {name: value for name, value in members.items() if value is not None}
    return sign_raw(key, json.dumps(kept).encode(), payload)


def sign_raw(key: SigningKey, header: bytes, payload: bytes) -> str:
    signing_input = encode_segment(header) + b"." + encode_segment(payload)
    signature = encode_segment(load(key).sign(signing_input))
    return (signing_input + b"." + signature).decode()


def with_signature(token: str, signature: bytes) -> str:
    return token.rpartition(".")[0] + "." + encode_segment(signature).decode()


async def rejected(token: str, *keys: SigningKey) -> bool:
    try:
        await verify(JoseTokenVerifier(), token, keys=keys, issuer=ISSUER)
    except TokenRejected:
        return True
    return False


@pytest.fixture
def payload(claims: AccessTokenClaims) -> bytes:
    return write_claims(claims)


@pytest.fixture
async def token(es256: SigningKey, claims: AccessTokenClaims) -> str:
    return await JoseTokenSigner().sign(claims, key=es256)


class TestHeader:
    @pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt"])
    async def test_both_forms_of_the_type_are_taken(
        self, es256: SigningKey, payload: bytes, typ: str
    ) -> None:
        """RFC 9068 §4 allows `at+jwt` and `application/at+jwt`."""
        assert not await rejected(forge(es256, payload, typ=typ), es256)

    @pytest.mark.parametrize("typ", [None, "JWT", "at+jwt ", "", 1, ["at+jwt"], "dpop+jwt"])
    async def test_any_other_type_is_rejected(
        self, es256: SigningKey, payload: bytes, typ: object
    ) -> None:
        """RFC 8725 §3.11: a JWT of another kind is no access token."""
        assert await rejected(forge(es256, payload, typ=typ), es256)

    @pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, 1])
    async def test_an_unsigned_token_is_rejected(
        self, es256: SigningKey, payload: bytes, algorithm: object
    ) -> None:
        """RFC 8725 §2.1: `alg: none`, however it is written, signed or not."""
        signed = forge(es256, payload, alg=algorithm)
        assert await rejected(signed, es256)
        assert await rejected(with_signature(signed, b""), es256)

    async def test_a_public_key_is_no_hmac_secret(
        self, keys: Mapping[SigningAlgorithm, SigningKey], payload: bytes
    ) -> None:
        """RFC 8725 §2.1: HS256 keyed with any written form of the public key."""
        for key in keys.values():
            public = load(key).public_key
            pem = public.public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            jwk = json.dumps(dict(JoseKeySetWriter().jwk(key))).encode()
            for secret in (pem, pem.rstrip(), jwk):
                unsigned = forge(key, payload, alg="HS256").rpartition(".")[0]
                mac = hmac.digest(secret, unsigned.encode(), hashlib.sha256)
                assert await rejected(with_signature(unsigned + ".", mac), key)

    async def test_the_algorithm_has_to_be_the_keys(self, key: SigningKey, payload: bytes) -> None:
        """RFC 8725 §3.1: the key decides; `alg` may only agree."""
        others = {"ES256", "RS256", "EdDSA", "PS256", "ES384", "es256"} - {key.algorithm}
        for other in others:
            assert await rejected(forge(key, payload, alg=other), key)

    @pytest.mark.parametrize("kid", [None, "", "unknown", 1])
    async def test_a_key_has_to_be_named(
        self, es256: SigningKey, payload: bytes, kid: object
    ) -> None:
        """`kid` selects one of the keys given, never the first that fits."""
        assert await rejected(forge(es256, payload, kid=kid), es256)

    async def test_a_key_that_travels_along_is_not_trusted(
        self, es256: SigningKey, payload: bytes
    ) -> None:
        """RFC 8725 §2.4 and §3.10: `jwk`, `jku`, `x5u` and `x5c` select nothing."""
        foreign = JoseKeyMaker().make(
            SigningAlgorithm.ES256, activate_at=es256.schedule.activate_at
        )
        carried = {
            "jwk": dict(JoseKeySetWriter().jwk(foreign)),
            "jku": "https://evil.example/jwks.json",
            "x5u": "https://evil.example/cert.pem",
            "x5c": ["AAAA"],
        }
        assert await rejected(forge(foreign, payload, **carried), es256)
        assert await rejected(forge(foreign, payload, kid=es256.key_id, **carried), es256)
        assert not await rejected(forge(es256, payload, **carried), es256)

    @pytest.mark.parametrize("crit", [["exp"], [], ["b64"], "exp", 1])
    async def test_critical_extensions_are_rejected(
        self, es256: SigningKey, payload: bytes, crit: object
    ) -> None:
        """RFC 7515 §4.1.11: we understand none."""
        assert await rejected(forge(es256, payload, crit=crit, b64=False), es256)

    async def test_a_header_member_that_comes_twice_is_rejected(
        self, es256: SigningKey, payload: bytes
    ) -> None:
        """RFC 7515 §4: nobody may disagree about which one counts."""
        header = f'{{"alg":"none","typ":"at+jwt","alg":"ES256","kid":"{es256.key_id}"}}'
        assert await rejected(sign_raw(es256, header.encode(), payload), es256)


class TestSignature:
    async def test_every_flipped_bit_of_a_signature_is_seen(
        self, key: SigningKey, claims: AccessTokenClaims
    ) -> None:
        """ATJ-008, for each algorithm and a bit of every byte."""
        token = await JoseTokenSigner().sign(claims, key=key)
        signature = decode_segment(token.rpartition(".")[2].encode())
        for position in range(len(signature)):
            flipped = bytearray(signature)
            flipped[position] ^= 1 << (position % 8)
            assert await rejected(with_signature(token, bytes(flipped)), key)

    async def test_every_changed_character_is_seen(self, token: str, es256: SigningKey) -> None:
        """Header, payload and signature alike, the stray bits of base64url too."""
        for position, character in enumerate(token):
            other = "B" if character != "B" else "C"
            assert await rejected(token[:position] + other + token[position + 1 :], es256)

    @pytest.mark.parametrize("length", [0, 1, 32, 63, 64, 65, 96, 128, 256])
    async def test_a_signature_of_zeros_is_rejected(
        self, key: SigningKey, claims: AccessTokenClaims, length: int
    ) -> None:
        """CVE-2022-21449: r = s = 0 proves nothing."""
        token = await JoseTokenSigner().sign(claims, key=key)
        assert await rejected(with_signature(token, bytes(length)), key)

    async def test_a_der_signature_is_rejected(self, token: str, es256: SigningKey) -> None:
        """RFC 7518 §3.4: ECDSA signatures are R and S side by side."""
        raw = decode_segment(token.rpartition(".")[2].encode())
        der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        assert await rejected(with_signature(token, der), es256)
        assert await rejected(with_signature(token, raw + b"\0"), es256)
        assert await rejected(with_signature(token, raw[:-1]), es256)

    async def test_a_signature_of_another_token_is_rejected(
        self, token: str, es256: SigningKey, claims: AccessTokenClaims
    ) -> None:
        """A signature proves the token that it stands under."""
        other = await JoseTokenSigner().sign(replace(claims, subject="other"), key=es256)
        assert await rejected(token.rpartition(".")[0] + "." + other.rpartition(".")[2], es256)


class TestShape:
    @pytest.mark.parametrize(
        "deform",
        [
            lambda token: token + "=",
            lambda token: token.replace(".", "=.", 1),
            lambda token: " " + token,
            lambda token: token + "\n",
            lambda token: token.replace(".", ". ", 1),
            lambda token: token + ".",
            lambda token: token + ".AAAA",
            lambda token: token.rpartition(".")[0],
            lambda token: "." + token,
            lambda token: token.replace("e", "é", 1),
            lambda token: token + "\ud800",
            lambda token: token[:-1] + "+",
            lambda token: token[:0],
            lambda token: token * 64,
        ],
    )
    async def test_a_deformed_token_is_rejected(
        self, token: str, es256: SigningKey, deform: Callable[[str], str]
    ) -> None:
        """RFC 7515 §2: three segments of unpadded base64url and nothing else."""
        assert await rejected(deform(token), es256)
        assert peek(JoseTokenVerifier(), deform(token)) is None

    @pytest.mark.parametrize(
        "payload",
        [
            b"",
            b"null",
            b"[]",
            b'"text"',
            b"{}",
            b"{",
            b"\xff\xfe{}",
            b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        ],
    )
    async def test_a_payload_that_is_no_set_of_claims_is_rejected(
        self, es256: SigningKey, payload: bytes
    ) -> None:
        """Even under a good signature."""
        forged = forge(es256, payload)
        assert await rejected(forged, es256)
        assert peek(JoseTokenVerifier(), forged) is None

    async def test_twenty_thousand_levels_are_rejected(self, es256: SigningKey) -> None:
        """Depth costs an attacker more than us."""
        forged = forge(es256, b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}")
        assert await rejected(forged, es256)
        assert peek(JoseTokenVerifier(), forged) is None

    @pytest.mark.parametrize(
        ("member", "value"),
        [
            *((name, None) for name in ("iss", "sub", "aud", "client_id", "iat", "exp", "jti")),
            *((name, "") for name in ("iss", "sub", "aud", "client_id", "scope", "jti", "owner")),
            *((name, 1) for name in ("iss", "sub", "aud", "client_id", "scope", "jti", "owner")),
            *((name, "1795330800") for name in ("iat", "exp")),
            *((name, 1795330800.0) for name in ("iat", "exp")),
            *((name, True) for name in ("iat", "exp")),
            *((name, -1) for name in ("iat", "exp")),
            *((name, 10**30) for name in ("iat", "exp")),
            ("aud", []),
            ("aud", [""]),
            ("aud", ["https://api.example", 1]),
            ("client_id", "\ud800"),
            ("client_id", "line\nbreak"),
            ("client_id", "c" * 256),
            ("scope", "two  spaces"),
            ("scope", ["read"]),
            ("jti", "not-one-of-ours"),
            ("grantd", None),
            ("grantd", {}),
            ("grantd", {"epoch": ""}),
            ("grantd", {"epoch": "e", "family": "0ab" + "f" * 22}),
            ("grantd", {"epoch": "e", "generation": 1}),
            ("grantd", {"epoch": "e", "family": "elsewhere", "generation": 1}),
            ("grantd", {"epoch": "e", "family": "0ab" + "f" * 22, "generation": 0}),
            ("grantd", {"epoch": "e", "family": "0ab" + "f" * 22, "generation": True}),
        ],
    )
    async def test_a_claim_of_another_shape_is_rejected(
        self, es256: SigningKey, payload: bytes, member: str, value: object
    ) -> None:
        """RFC 9068 §4: a missing claim, another type, a value out of range."""
        members = {**json.loads(payload), member: value}
        forged = forge(es256, json.dumps(members).encode())
        assert await rejected(forged, es256)
        assert peek(JoseTokenVerifier(), forged) is None

    async def test_a_claim_that_comes_twice_is_rejected(
        self, es256: SigningKey, payload: bytes
    ) -> None:
        """RFC 7519 §4, at every depth."""
        for twice in (b'{"sub":"admin",' + payload[1:], payload[:-2] + b',"epoch":"other"}}'):
            forged = forge(es256, twice)
            assert await rejected(forged, es256)
            assert peek(JoseTokenVerifier(), forged) is None

    @pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
    async def test_what_is_not_json_is_rejected(
        self, es256: SigningKey, payload: bytes, constant: bytes
    ) -> None:
        """Python's parser would take these (RFC 8259 §6 does not)."""
        assert await rejected(forge(es256, payload[:-1] + b',"x":' + constant + b"}"), es256)

    async def test_an_unknown_claim_is_ignored(self, es256: SigningKey, payload: bytes) -> None:
        """Two releases of grantd can serve side by side."""
        assert not await rejected(forge(es256, payload[:-1] + b',"cnf":{"jkt":"x"}}'), es256)

    async def test_another_issuer_is_rejected(
        self, es256: SigningKey, claims: AccessTokenClaims
    ) -> None:
        """RFC 9068 §4: `iss` is compared byte for byte."""
        for issuer in (ISSUER + "/", ISSUER.upper(), "https://evil.example"):
            foreign = await JoseTokenSigner().sign(replace(claims, issuer=issuer), key=es256)
            assert await rejected(foreign, es256)


class TestRemembering:
    @pytest.fixture
    def proofs(self, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
        """The signatures that were computed."""
        return counted_proofs(monkeypatch)

    async def test_a_signature_is_computed_once(
        self, token: str, es256: SigningKey, claims: AccessTokenClaims, proofs: list[bytes]
    ) -> None:
        """Two questions about one token cost one signature."""
        verifier = JoseTokenVerifier()
        for _ in range(3):
            assert await verify(verifier, token, keys=[es256], issuer=ISSUER) == claims
        assert len(proofs) == 1

    async def test_a_remembered_token_loses_with_its_key(
        self, token: str, keys: Mapping[SigningAlgorithm, SigningKey], es256: SigningKey
    ) -> None:
        """D6: a revoked key is gone at once."""
        verifier = JoseTokenVerifier()
        await verify(verifier, token, keys=[es256], issuer=ISSUER)
        for left in ((), (keys[SigningAlgorithm.RS256],)):
            with pytest.raises(TokenRejected):
                await verify(verifier, token, keys=left, issuer=ISSUER)

    async def test_a_remembered_token_is_held_to_the_issuer(
        self, token: str, es256: SigningKey
    ) -> None:
        """Everything but the signature is judged again."""
        verifier = JoseTokenVerifier()
        await verify(verifier, token, keys=[es256], issuer=ISSUER)
        with pytest.raises(TokenRejected):
            await verify(verifier, token, keys=[es256], issuer="https://other.example")

    async def test_a_failure_is_not_remembered(
        self, token: str, es256: SigningKey, proofs: list[bytes]
    ) -> None:
        """A token unknown today may be good when its key is announced."""
        verifier = JoseTokenVerifier()
        bad = with_signature(token, bytes(64))
        for _ in range(2):
            with pytest.raises(TokenRejected):
                await verify(verifier, bad, keys=[es256], issuer=ISSUER)
        assert len(proofs) == 2
        with pytest.raises(TokenRejected):
            await verify(verifier, token, keys=[], issuer=ISSUER)
        await verify(verifier, token, keys=[es256], issuer=ISSUER)

    async def test_peeking_proves_nothing(
        self, token: str, es256: SigningKey, claims: AccessTokenClaims
    ) -> None:
        """A peeked claim is advice; it is not taken for proved afterwards."""
        verifier = JoseTokenVerifier()
        bad = with_signature(token, bytes(64))
        assert peek(verifier, bad) == claims
        with pytest.raises(TokenRejected):
            await verify(verifier, bad, keys=[es256], issuer=ISSUER)

    async def test_what_is_remembered_is_bounded(
        self, es256: SigningKey, claims: AccessTokenClaims, proofs: list[bytes]
    ) -> None:
        """The token used longest ago goes first."""
        verifier = JoseTokenVerifier(remembered=2)
        signer = JoseTokenSigner()
        first, second, third = [
            await signer.sign(replace(claims, subject=name), key=es256) for name in "abc"
        ]
        for token in (first, second, first, third, first):
            await verify(verifier, token, keys=[es256], issuer=ISSUER)
        assert len(proofs) == 3
        await verify(verifier, second, keys=[es256], issuer=ISSUER)
        assert len(proofs) == 4


async def test_a_damaged_key_is_not_taken_for_a_bad_token(
    token: str, es256: SigningKey, keys: Mapping[SigningAlgorithm, SigningKey]
) -> None:
    """A broken key ring is our failure, and no token's."""
    for material in (b"rubbish", keys[SigningAlgorithm.RS256].material):
        with pytest.raises(Internal):
            await verify(
                JoseTokenVerifier(), token, keys=[replace(es256, material=material)], issuer=ISSUER
            )


async def survives(text: str, key: SigningKey) -> None:
    verifier = JoseTokenVerifier()
    peek(verifier, text)
    with pytest.raises(TokenRejected):
        await verify(verifier, text, keys=[key], issuer=ISSUER)


FUZZ = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@FUZZ
@given(text=st.text() | st.from_regex(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*"))
async def test_any_text_is_rejected_and_nothing_else(es256: SigningKey, text: str) -> None:
    """No text makes the verifier raise another exception."""
    await survives(text, es256)


@FUZZ
@given(data=st.data())
async def test_any_change_of_a_token_is_rejected_and_nothing_else(
    es256: SigningKey, token: str, data: st.DataObject
) -> None:
    """Nor does a token with a part replaced."""
    start = data.draw(st.integers(0, len(token)))
    end = data.draw(st.integers(start, min(len(token), start + 8)))
    new = data.draw(st.text(max_size=8).filter(lambda text: text != token[start:end]))
    await survives(token[:start] + new + token[end:], es256)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@FUZZ
@given(member=st.sampled_from(["iss", "sub", "aud", "iat", "exp", "jti", "grantd"]), value=JSON)
async def test_any_signed_claim_is_taken_or_rejected(
    es256: SigningKey, claims: AccessTokenClaims, member: str, value: object
) -> None:
    """Whatever stands under a good signature, there are two endings."""
    forged = forge(es256, json.dumps({**json.loads(write_claims(claims)), member: value}).encode())
    verifier = JoseTokenVerifier()
    peeked = peek(verifier, forged)
    try:
        verified = await verify(verifier, forged, keys=[es256], issuer=ISSUER)
    except TokenRejected:
        return
    assert verified == peeked


@FUZZ
@given(header=st.binary(max_size=64) | JSON.map(lambda value: json.dumps(value).encode()))
async def test_any_signed_header_is_rejected(
    es256: SigningKey, claims: AccessTokenClaims, header: bytes
) -> None:
    """Nor does any other header."""
    await survives(sign_raw(es256, header, write_claims(claims)), es256)
