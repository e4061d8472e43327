"""JWA-001 to JWA-024, as far as they are a matter of JOSE; the core judges the rest."""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jwt.algorithms import (
    Algorithm,
    ECAlgorithm,
    OKPAlgorithm,
    RSAAlgorithm,
    RSAPSSAlgorithm,
)

from adapters.jose.assertion_verifier import JoseAssertionVerifier
from adapters.jose.client_keys import read_client_keys
from adapters.jose.segments import decode_segment, encode_segment
from domain.model.assertions import AssertionAlgorithm
from domain.model.credentials import ClientSecret
from domain.ports.assertions import AssertionRejected, ForeseenAssertion

ISSUER = "https://issuer.example"
SECRET = ClientSecret("s" * 32)
NOW = 1_795_330_800
PAYLOAD: Mapping[str, Any] = {
    "iss": "billing",
    "sub": "billing",
    "aud": ISSUER,
    "jti": "assertion-1",
    "iat": NOW,
    "exp": NOW + 60,
}

RSA = rsa.generate_private_key(65_537, 2_048)
PRIVATE: Mapping[AssertionAlgorithm, Any] = {
    AssertionAlgorithm.ES256: ec.generate_private_key(ec.SECP256R1()),
    AssertionAlgorithm.RS256: RSA,
    AssertionAlgorithm.PS256: RSA,
    AssertionAlgorithm.EDDSA: ed25519.Ed25519PrivateKey.generate(),
}
SIGNING: Mapping[str, Algorithm] = {
    "ES256": ECAlgorithm(ECAlgorithm.SHA256),
    "ES384": ECAlgorithm(ECAlgorithm.SHA384),
    "RS256": RSAAlgorithm(RSAAlgorithm.SHA256),
    "PS256": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA256),
    "EdDSA": OKPAlgorithm(),
}
WRITERS: Mapping[str, type[Algorithm]] = {
    "ES256": ECAlgorithm,
    "RS256": RSAAlgorithm,
    "PS256": RSAAlgorithm,
    "EdDSA": OKPAlgorithm,
}
ES256 = PRIVATE[AssertionAlgorithm.ES256]


def public_jwk(algorithm: str, key: Any = None, **members: object) -> dict[str, Any]:  # noqa: ANN401  (a private key of some kind)
    """Return the public half of a key, one for each algorithm, with *members*."""
    private = key or PRIVATE[AssertionAlgorithm(algorithm)]
    jwk: dict[str, Any] = dict(WRITERS[algorithm].to_jwk(private.public_key(), as_dict=True))
    return {name: jwk[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in jwk} | members


def jwks(*keys: Mapping[str, object]) -> str:
    return json.dumps({"keys": keys})


ONE_KEY = jwks(public_jwk("ES256", kid="k"))


def forge(
    payload: Mapping[str, object] | bytes = PAYLOAD,
    *,
    key: Any = ES256,  # noqa: ANN401  (a private key of some kind)
    by: str = "ES256",
    **header: object,
) -> str:
    """Sign anything under any header; a header member that is None is left out."""
    members = {"alg": by, "kid": "k", **header}
    kept = {name: value for name, value in members.items() if value is not None}
    octets = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return sign_raw(json.dumps(kept).encode(), octets, key=key, by=by)


def sign_raw(header: bytes, payload: bytes, *, key: Any = ES256, by: str = "ES256") -> str:  # noqa: ANN401  (likewise)
    signing_input = encode_segment(header) + b"." + encode_segment(payload)
    if by == "HS256":
        signature = hmac.digest(key, signing_input, hashlib.sha256)
    else:
        signature = SIGNING[by].sign(signing_input, key)
    return (signing_input + b"." + encode_segment(signature)).decode()


def with_signature(assertion: str, signature: bytes) -> str:
    return assertion.rpartition(".")[0] + "." + encode_segment(signature).decode()


async def rejected(assertion: str, keys: str = ONE_KEY) -> bool:
    try:
        await JoseAssertionVerifier().verify_by_keys(assertion, jwks=keys)
    except AssertionRejected:
        return True
    return False


async def rejected_by_secret(assertion: str, secret: ClientSecret = SECRET) -> bool:
    try:
        await JoseAssertionVerifier().verify_by_secret(assertion, secret=secret)
    except AssertionRejected:
        return True
    return False


class TestSignature:
    @pytest.mark.parametrize("algorithm", list(PRIVATE))
    async def test_JWA_001_a_client_is_proved_by_its_key(
        self, algorithm: AssertionAlgorithm
    ) -> None:
        """Each algorithm, and what it says arrives whole."""
        assertion = forge(key=PRIVATE[algorithm], by=algorithm)

        claims = await JoseAssertionVerifier().verify_by_keys(
            assertion, jwks=jwks(public_jwk(algorithm, kid="k"))
        )

        assert (claims.issuer, claims.subject, claims.audience) == ("billing", "billing", (ISSUER,))
        assert claims.jti == "assertion-1"
        assert claims.expires_at.timestamp() == NOW + 60
        assert claims.issued_at is not None
        assert claims.issued_at.timestamp() == NOW
        assert claims.not_before is None

    async def test_JWA_001_a_client_is_proved_by_its_secret(self) -> None:
        assertion = forge(key=SECRET.reveal().encode(), by="HS256")

        claims = await JoseAssertionVerifier().verify_by_secret(assertion, secret=SECRET)

        assert claims.subject == "billing"

    @pytest.mark.parametrize("algorithm", list(PRIVATE))
    async def test_JWA_016_every_flipped_byte_of_a_signature_is_seen(
        self, algorithm: AssertionAlgorithm
    ) -> None:
        """And an empty, short, long, or all zero signature (CVE-2022-21449)."""
        keys = jwks(public_jwk(algorithm, kid="k"))
        assertion = forge(key=PRIVATE[algorithm], by=algorithm)
        signature = decode_segment(assertion.rpartition(".")[2].encode())
        for position in range(len(signature)):
            flipped = bytearray(signature)
            flipped[position] ^= 1 << (position % 8)
            assert await rejected(with_signature(assertion, bytes(flipped)), keys)
        for bad in (b"", signature[:-1], signature + b"\0", bytes(len(signature)), bytes(64)):
            assert await rejected(with_signature(assertion, bad), keys)

    async def test_JWA_016_a_der_signature_is_rejected(self) -> None:
        """RFC 7518 §3.4: R and S stand side by side."""
        assertion = forge()
        raw = decode_segment(assertion.rpartition(".")[2].encode())
        der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))

        assert await rejected(with_signature(assertion, der))

    async def test_JWA_016_header_and_payload_belong_to_their_signature(self) -> None:
        one, other = forge(), forge({**PAYLOAD, "jti": "assertion-2"}, typ="JWT")
        header, payload, signature = one.split(".")
        other_header, other_payload, _ = other.split(".")

        assert not await rejected(one)
        assert await rejected(f"{other_header}.{payload}.{signature}")
        assert await rejected(f"{header}.{other_payload}.{signature}")

    async def test_JWA_016_another_key_of_the_same_kid_is_rejected(self) -> None:
        assert await rejected(forge(key=ec.generate_private_key(ec.SECP256R1())))

    async def test_a_mac_of_another_secret_is_rejected(self) -> None:
        """Flipped, cut and empty ones too."""
        assertion = forge(key=SECRET.reveal().encode(), by="HS256")
        mac = decode_segment(assertion.rpartition(".")[2].encode())

        assert not await rejected_by_secret(assertion)
        assert await rejected_by_secret(assertion, ClientSecret("t" * 32))
        for bad in (b"", mac[:-1], mac + b"\0", bytes(32), bytes([mac[0] ^ 1]) + mac[1:]):
            assert await rejected_by_secret(with_signature(assertion, bad))


class TestAlgorithm:
    @pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, 1, ["ES256"]])
    async def test_JWA_013_an_unsigned_assertion_is_rejected(self, algorithm: object) -> None:
        """Signed or not."""
        assertion = forge(alg=algorithm)
        for one in (assertion, with_signature(assertion, b"")):
            assert await rejected(one)
            assert await rejected_by_secret(one)
            assert JoseAssertionVerifier().peek(one) is None

    async def test_JWA_014_a_public_key_is_no_hmac_secret(self) -> None:
        """Keys verify no HS256, whatever it was keyed with."""
        public = ES256.public_key()
        pem = public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        modulus = RSA.public_key().public_numbers().n.to_bytes(256)
        for secret in (pem, pem.rstrip(), json.dumps(public_jwk("ES256")).encode(), modulus):
            assertion = forge(key=secret, by="HS256")
            assert await rejected(assertion)
            assert await rejected(assertion, jwks(public_jwk("RS256", kid="k")))

    async def test_a_shared_secret_verifies_no_other_algorithm(self) -> None:
        """Nor does a MAC under another name."""
        mac = forge(key=SECRET.reveal().encode(), by="HS256", alg="ES256")

        assert await rejected_by_secret(forge())
        assert await rejected_by_secret(mac)

    @pytest.mark.parametrize("secret", ["", "s", "s" * 31])
    async def test_JWA_018_a_secret_that_is_too_short_proves_nobody(self, secret: str) -> None:
        """RFC 7518 §3.2; the empty one above all."""
        assertion = forge(key=secret.encode(), by="HS256")

        assert await rejected_by_secret(assertion, ClientSecret(secret))

    @pytest.mark.parametrize("algorithm", list(PRIVATE))
    async def test_JWA_015_the_type_of_the_key_decides_the_algorithm(
        self, algorithm: AssertionAlgorithm
    ) -> None:
        """RFC 8725 §3.1: `alg` may only agree."""
        keys = jwks(public_jwk(algorithm, kid="k"))
        same_type = {AssertionAlgorithm.RS256, AssertionAlgorithm.PS256}
        for other in PRIVATE:
            fits = other is algorithm or {other, algorithm} == same_type
            assert await rejected(forge(key=PRIVATE[other], by=other), keys) is not fits

    async def test_JWA_015_the_alg_of_a_key_narrows_what_it_verifies(self) -> None:
        """RFC 7517 §4.4."""
        keys = jwks(public_jwk("RS256", kid="k", alg="PS256"))

        assert await rejected(forge(key=RSA, by="RS256"), keys)
        assert not await rejected(forge(key=RSA, by="PS256"), keys)
        for useless in ("ES256", "none", "HS256", "", 1, None, ["PS256"]):
            narrowed = jwks(public_jwk("RS256", kid="k", alg=useless))
            assert await rejected(forge(key=RSA, by="PS256"), narrowed)

    async def test_JWA_015_another_curve_verifies_no_es256(self) -> None:
        p384 = ec.generate_private_key(ec.SECP384R1())
        jwk: dict[str, Any] = dict(ECAlgorithm.to_jwk(p384.public_key(), as_dict=True), kid="k")

        assert await rejected(forge(key=p384, by="ES256"), jwks(jwk))
        assert await rejected(forge(key=p384, by="ES384"), jwks(jwk))
        assert await rejected(forge(key=p384, by="ES256"), jwks({**jwk, "crv": "P-256"}))


class TestKeySelection:
    @pytest.mark.parametrize(
        "kid", ["unknown", "", "../../etc/passwd", "' OR 1=1 --", "\0", "k\0", "K", "k" * 5_000]
    )
    async def test_JWA_018_an_unknown_kid_is_rejected(self, kid: str) -> None:
        """It names a key of the client or none."""
        assertion = forge(kid=kid)

        assert await rejected(assertion)
        foreseen = JoseAssertionVerifier().peek(assertion)
        assert foreseen is not None
        assert foreseen.key_id == kid

    @pytest.mark.parametrize("kid", [1, {}, [], True, "null"])
    async def test_JWA_018_a_kid_is_a_string(self, kid: object) -> None:
        header = b'{"alg":"ES256","kid":' + json.dumps(kid).encode().replace(b'"null"', b"null")
        assertion = sign_raw(header + b"}", json.dumps(PAYLOAD).encode())

        assert await rejected(assertion)
        assert JoseAssertionVerifier().peek(assertion) is None

    async def test_JWA_018_without_a_kid_one_key_has_to_fit(self) -> None:
        """One that could have signed; keys for other algorithms do not matter."""
        assertion = forge(kid=None)
        others = (public_jwk("RS256", kid="r"), public_jwk("EdDSA", kid="e"))
        second = public_jwk("ES256", ec.generate_private_key(ec.SECP256R1()), kid="l")

        assert not await rejected(assertion)
        assert not await rejected(assertion, jwks(public_jwk("ES256")))
        assert not await rejected(assertion, jwks(public_jwk("ES256", kid="k"), *others))
        assert await rejected(assertion, jwks(public_jwk("ES256", kid="k"), second))
        assert await rejected(assertion, jwks(*others))

    async def test_a_kid_selects_among_several(self) -> None:
        """RFC 7517 §4.5: keys of different types may share one."""
        second = public_jwk("ES256", ec.generate_private_key(ec.SECP256R1()), kid="l")

        assert not await rejected(forge(), jwks(second, public_jwk("ES256", kid="k")))
        shared = jwks(public_jwk("EdDSA", kid="k"), public_jwk("ES256", kid="k"))
        assert not await rejected(forge(), shared)
        assert await rejected(forge(), jwks(public_jwk("ES256", kid="k"), {**second, "kid": "k"}))
        assert await rejected(forge(), jwks(public_jwk("ES256")))

    async def test_JWA_017_a_key_that_travels_along_is_not_trusted(self) -> None:
        """RFC 8725 §3.10: not looked at, and nothing is fetched."""
        own = ec.generate_private_key(ec.SECP256R1())
        carried = {
            "jwk": public_jwk("ES256", own),
            "jku": "https://evil.example/jwks.json",
            "x5u": "https://evil.example/cert.pem",
            "x5c": ["AAAA"],
        }
        for kid in ("k", "unknown", None):
            assert await rejected(forge(key=own, kid=kid, **carried))
        assert not await rejected(forge(**carried))


class TestHeader:
    @pytest.mark.parametrize(
        "typ",
        [
            None,
            "JWT",
            "jwt",
            "application/jwt",
            "client-authentication+jwt",
            "application/client-authentication+jwt",
            "Client-Authentication+JWT",
        ],
    )
    async def test_JWA_023_the_types_of_an_assertion_are_taken(self, typ: str | None) -> None:
        """RFC 10070 §4: the new one, and those of old."""
        assert not await rejected(forge(typ=typ))

    @pytest.mark.parametrize(
        "typ",
        [
            "at+jwt",
            "application/at+jwt",
            "dpop+jwt",
            "token-introspection+jwt",
            "secevent+jwt",
            "",
            "JWT ",
            "application/application/jwt",
            1,
            ["JWT"],
            True,
        ],
    )
    async def test_JWA_024_any_other_type_is_rejected(self, typ: object) -> None:
        """RFC 8725 §3.11: no JWT of another kind is an assertion."""
        assert await rejected(forge(typ=typ))
        assert JoseAssertionVerifier().peek(forge(typ=typ)) is None

    @pytest.mark.parametrize(
        "header",
        [
            {"crit": ["exp"], "exp": 1},
            {"crit": ["unknown"], "unknown": 1},
            {"crit": []},
            {"crit": "exp"},
            {"crit": ["b64"], "b64": False},
            {"b64": False},
            {"b64": True},
        ],
    )
    async def test_JWA_019_extensions_are_rejected(self, header: dict[str, object]) -> None:
        """RFC 7515 §4.1.11, RFC 7797: we understand none."""
        assert await rejected(forge(**header))
        assert JoseAssertionVerifier().peek(forge(**header)) is None

    async def test_JWA_022_a_header_member_that_comes_twice_is_rejected(self) -> None:
        header = b'{"alg":"none","alg":"ES256","kid":"k"}'

        assert await rejected(sign_raw(header, json.dumps(PAYLOAD).encode()))


class TestClaims:
    @pytest.mark.parametrize(
        ("member", "value"),
        [
            *((name, None) for name in ("iss", "sub", "aud", "exp", "jti", "iat", "nbf")),
            *((name, "") for name in ("iss", "sub", "jti")),
            *((name, 1) for name in ("iss", "sub", "aud", "jti")),
            *((name, ["billing"]) for name in ("iss", "sub", "jti")),
            *((name, "line\nbreak") for name in ("iss", "sub")),
            *((name, "\ud800") for name in ("iss", "sub", "jti")),
            ("sub", "c" * 256),
            *(
                (name, value)
                for name in ("exp", "iat", "nbf")
                for value in ("1795330800", {}, [], True, -1, 10**30, 1e400)
            ),
            *(("aud", value) for value in ({}, True, [1], [ISSUER, None], [[ISSUER]])),
        ],
    )
    async def test_JWA_003_005_007_012_a_claim_of_another_type_is_rejected(
        self, member: str, value: object
    ) -> None:
        assert await rejected(forge({**PAYLOAD, member: value}))

    @pytest.mark.parametrize("member", ["exp", "iat", "nbf"])
    async def test_a_time_may_have_a_fraction(self, member: str) -> None:
        """RFC 7519 §2: a NumericDate need not be a whole number."""
        assert not await rejected(forge({**PAYLOAD, member: NOW + 0.5}))

    @pytest.mark.parametrize("member", ["iss", "sub", "aud", "exp", "jti"])
    async def test_JWA_003_005_007_012_a_claim_that_is_missing_is_rejected(
        self, member: str
    ) -> None:
        lacking = {name: value for name, value in PAYLOAD.items() if name != member}

        assert await rejected(forge(lacking))

    @pytest.mark.parametrize(
        ("audience", "read"),
        [([ISSUER], (ISSUER,)), ([ISSUER, "b"], (ISSUER, "b")), ([], ()), ("", ("",))],
    )
    async def test_JWA_001_002_audiences_are_read_for_the_core_to_judge(
        self, audience: object, read: tuple[str, ...]
    ) -> None:
        assertion = forge({**PAYLOAD, "aud": audience})

        claims = await JoseAssertionVerifier().verify_by_keys(assertion, jwks=ONE_KEY)

        assert claims.audience == read

    @pytest.mark.parametrize("member", [b'"sub":"billing"', b'"aud":"x"', b'"exp":1'])
    async def test_JWA_022_a_claim_that_comes_twice_is_rejected(self, member: bytes) -> None:
        """Whichever comes first."""
        payload = json.dumps(PAYLOAD).encode()
        for twice in (b"{" + member + b"," + payload[1:], payload[:-1] + b"," + member + b"}"):
            assert await rejected(forge(twice))
            assert JoseAssertionVerifier().peek(forge(twice)) is None

    async def test_an_unknown_claim_is_ignored(self) -> None:
        assert not await rejected(forge({**PAYLOAD, "more": {"of": ["it"]}}))


class TestShape:
    @pytest.mark.parametrize(
        "deform",
        [
            lambda text: text + "=",
            lambda text: text.replace(".", "=.", 1),
            lambda text: " " + text,
            lambda text: text + "\n",
            lambda text: text.replace(".", ". ", 1),
            lambda text: text + ".",
            lambda text: text + ".AAAA.AAAA",
            lambda text: text.rpartition(".")[0],
            lambda text: "." + text,
            lambda text: text.replace("e", "é", 1),
            lambda text: text + "\ud800",
            lambda text: text[:-1] + "+",
            lambda text: text[:0],
            lambda text: text * 300,
            lambda text: json.dumps({"payload": text.split(".")[1]}),
        ],
    )
    async def test_JWA_020_a_deformed_assertion_is_rejected(
        self, deform: Callable[[str], str]
    ) -> None:
        """Other serialisations, a JWE, padding, spaces, 120 kB."""
        assert await rejected(deform(forge()))
        assert await rejected_by_secret(deform(forge(key=b"s" * 32, by="HS256")))
        assert JoseAssertionVerifier().peek(deform(forge())) is None

    @pytest.mark.parametrize(
        "octets",
        [
            b"",
            b"null",
            b"[]",
            b'"text"',
            b"{}",
            b"{",
            b"\xff\xfe{}",
            b'{"sub":NaN}',
            b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
            b'{"exp":' + b"9" * 5_000 + b"}",
        ],
    )
    async def test_JWA_020_header_and_payload_are_objects(self, octets: bytes) -> None:
        """Not nested without end, either."""
        payload = json.dumps(PAYLOAD).encode()
        for assertion in (forge(octets), sign_raw(octets, payload)):
            assert await rejected(assertion)
            assert JoseAssertionVerifier().peek(assertion) is None


class TestPeeking:
    def test_it_tells_whose_an_assertion_claims_to_be(self) -> None:
        """Unproved, and though the core will refuse it."""
        foreseen = JoseAssertionVerifier().peek(
            with_signature(forge({"sub": "billing"}, kid=None), b"")
        )

        assert foreseen == ForeseenAssertion("billing", AssertionAlgorithm.ES256, None)  # type: ignore[arg-type]  # a plain string

    @pytest.mark.parametrize("sub", [None, "", 1, [], {}, "line\nbreak", "\ud800", "c" * 256])
    def test_JWA_005_it_tells_nobody_else(self, sub: object) -> None:
        assert JoseAssertionVerifier().peek(forge({**PAYLOAD, "sub": sub})) is None


class TestKeySets:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "null",
            "[]",
            "{}",
            '{"keys": {}}',
            '{"keys": null}',
            '{"keys": ["k"]}',
            '{"keys": [], "keys": []}',
            '{"keys": ' + "[" * 20_000 + "]" * 20_000 + "}",
            "\ud800",
        ],
    )
    async def test_what_is_no_key_set_proves_nobody(self, text: str) -> None:
        assert await rejected(forge(), text)

    @pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
    async def test_a_set_with_a_private_key_is_rejected_whole(self, member: str) -> None:
        """Who publishes one has to hear of it."""
        private = public_jwk("EdDSA", kid="leaked") | {member: "AAAA"}

        assert await rejected(forge(), jwks(public_jwk("ES256", kid="k"), private))

    async def test_JWA_014_a_set_with_a_symmetric_key_is_rejected_whole(self) -> None:
        shared = {"kty": "oct", "kid": "s"}

        assert await rejected(forge(), jwks(public_jwk("ES256", kid="k"), shared))

    @pytest.mark.parametrize(
        "change",
        [
            {"kty": "XYZ"},
            {"kty": None},
            {"kty": 1},
            {"crv": "P-384"},
            {"crv": ["P-256"]},
            {"x": "AAAA"},
            {"x": 1},
            {"x": "é"},
            {"x": "!" * 43},
            {"x": "A" * 43},
            {"y": None},
            {"use": "enc"},
            {"use": None},
            {"key_ops": ["sign"]},
            {"key_ops": "verify"},
            {"kid": 1},
        ],
    )
    async def test_a_key_of_no_use_is_passed_over(self, change: dict[str, object]) -> None:
        """RFC 7517 §5; the others serve."""
        useless = public_jwk("ES256", kid="k") | change
        good = public_jwk("EdDSA", kid="e")

        assert await rejected(forge(), jwks(useless, good))
        by_the_other = forge(key=PRIVATE[AssertionAlgorithm.EDDSA], by="EdDSA", kid="e")
        assert not await rejected(by_the_other, jwks(useless, good))

    @pytest.mark.parametrize("operations", [["verify"], ["verify", "sign"]])
    async def test_a_key_for_verifying_is_taken(self, operations: list[str]) -> None:
        keys = jwks(public_jwk("ES256", kid="k", use="sig", key_ops=operations))

        assert not await rejected(forge(), keys)

    @pytest.mark.parametrize("bits", [1_024, 2_040])
    async def test_a_short_rsa_key_proves_nobody(self, bits: int) -> None:
        """RFC 7518 §3.3."""
        short = rsa.generate_private_key(65_537, bits)

        assert await rejected(forge(key=short, by="RS256"), jwks(public_jwk("RS256", short)))

    @pytest.mark.parametrize(
        "change",
        [
            {"n": encode_segment(b"\xff" * 2_048).decode()},
            {"e": encode_segment(b"\xff" * 255).decode()},
            {"e": "AA"},
            {"e": "AQ"},
            {"e": "Ag"},
        ],
    )
    async def test_rsa_numbers_that_cost_too_much_or_mean_nothing_are_passed_over(
        self, change: dict[str, str]
    ) -> None:
        assert await rejected(
            forge(key=RSA, by="RS256"), jwks(public_jwk("RS256", kid="k") | change)
        )

    async def test_a_set_is_parsed_once(self) -> None:
        """As long as its text is the same."""
        keys = jwks(public_jwk("ES256", kid="k"), {"kty": "once"})
        before = read_client_keys.cache_info()
        for _ in range(3):
            await JoseAssertionVerifier().verify_by_keys(forge(), jwks=keys)
        after = read_client_keys.cache_info()

        assert (after.misses - before.misses, after.hits - before.hits) == (1, 2)
        assert after.maxsize is not None

    def test_a_key_does_not_show_itself(self) -> None:
        [key] = read_client_keys(ONE_KEY)

        assert "PublicKey" not in repr(key)


async def survives(text: str, keys: str = ONE_KEY) -> None:
    JoseAssertionVerifier().peek(text)
    await rejected(text, keys)
    await rejected_by_secret(text)


FUZZ = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@FUZZ
@given(text=st.text() | st.from_regex(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*"))
async def test_any_text_is_rejected_and_nothing_else(text: str) -> None:
    """No text makes the verifier raise another exception."""
    assert JoseAssertionVerifier().peek(text) is None
    assert await rejected(text)
    assert await rejected_by_secret(text)


@FUZZ
@given(member=st.sampled_from([*PAYLOAD, "nbf"]), value=JSON)
async def test_any_signed_claim_is_taken_or_rejected(member: str, value: object) -> None:
    """What is taken can be remembered: its id is a digest of any text."""
    assertion = forge({**PAYLOAD, member: value})
    try:
        claims = await JoseAssertionVerifier().verify_by_keys(assertion, jwks=ONE_KEY)
    except AssertionRejected:
        return
    foreseen = JoseAssertionVerifier().peek(assertion)
    assert foreseen is not None
    assert foreseen.client_id == claims.subject
    assert claims.assertion_id


@FUZZ
@given(member=st.sampled_from(["typ", "alg", "kid", "crit", "b64", "x"]), value=JSON, payload=JSON)
async def test_any_signed_header_is_taken_or_rejected(
    member: str, value: object, payload: object
) -> None:
    await survives(forge(**{member: value}))
    await survives(forge(json.dumps(payload).encode()))


OF_EACH_ALGORITHM = {
    kid: [forge(key=key, by=algorithm, kid=kid) for algorithm, key in PRIVATE.items()]
    for kid in ("k", None)
}


@FUZZ
@given(
    document=JSON
    | st.lists(
        st.dictionaries(
            st.sampled_from(["kty", "crv", "x", "y", "n", "e", "kid", "alg", "use", "key_ops"]),
            st.sampled_from(["EC", "RSA", "OKP", "P-256", "Ed25519", "AQAB", "k"]) | JSON,
        )
    ).map(lambda keys: {"keys": keys}),
    kid=st.none() | st.just("k"),
)
async def test_any_key_set_is_taken_or_rejected(document: object, kid: str | None) -> None:
    """Whatever a client publishes, there are two endings."""
    for assertion in OF_EACH_ALGORITHM[kid]:
        await rejected(assertion, json.dumps(document))
