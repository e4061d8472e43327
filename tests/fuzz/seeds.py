"""Writes the seeds of the corpus: `python tests/fuzz/seeds.py`.

A seed whose name begins with `good` is taken by its target, to the end.
"""

import hashlib
import hmac
import json
import sys
from base64 import b64encode
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from google.protobuf.timestamp_pb2 import Timestamp

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from adapters.jose.loaded_key import load
from adapters.jose.segments import encode_segment
from domain.model.assertions import ASSERTION_TYPE
from domain.model.families import Generation, derive_refresh_token
from domain.model.identifiers import FamilyId
from fuzz.targets import CLIENT, CORPUS, ISSUER, JWKS, KEY, MAC_KEY, NOW, SECRET
from grantd.admin.v1.client_service_pb2 import Client as AdministeredClient
from grantd.admin.v1.client_service_pb2 import CreateClientRequest, ListClientsRequest
from grantd.admin.v1.resource_service_pb2 import CreateResourceRequest
from grantd.admin.v1.resource_service_pb2 import Resource as AdministeredResource
from grantd.v1.token_service_pb2 import IntrospectTokenRequest, IssueTokenRequest

_IAT = int(NOW.timestamp())
_CLAIMS = {
    "iss": ISSUER,
    "sub": CLIENT,
    "aud": "https://api.example",
    "client_id": CLIENT,
    "scope": "read write",
    "iat": _IAT,
    "exp": _IAT + 3_600,
    "jti": "0ab" + "j" * 22,
    "grantd": {"epoch": "an-epoch", "family": "0ab" + "f" * 22, "generation": 7},
}
_ASSERTED = {
    "iss": CLIENT,
    "sub": CLIENT,
    "aud": ISSUER,
    "exp": _IAT + 60,
    "iat": _IAT,
    "nbf": _IAT,
    "jti": "an-id",
}
_HEADER = {"typ": "at+jwt", "alg": "ES256", "kid": KEY.key_id}
_ASSERTION_HEADER = {"typ": "client-authentication+jwt", "alg": "ES256", "kid": "k1"}
_FORM = b"application/x-www-form-urlencoded"
_METADATA = {
    "client_id": "ledger",
    "client_name": "The ledger",
    "token_endpoint_auth_method": "private_key_jwt",
    "token_endpoint_auth_signing_alg": "ES256",
    "grant_types": ["client_credentials", "refresh_token"],
    "scope": "invoices.read invoices.write",
    "default_scope": "invoices.read",
    "jwks": json.loads(JWKS),
    "introspection_signed_response_alg": "ES256",
    "audiences": ["https://api.example"],
    "owner": "ada",
    "subject": "owner",
    "issue_refresh_token": True,
    "access_token_ttl": "PT15M",
    "token_format": "jwt",
    "redirect_uris": [],
}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _signed(header: object, claims: object, *, secret: str = "") -> bytes:
    signing_input = encode_segment(_json(header)) + b"." + encode_segment(_json(claims))
    signature = (
        hmac.digest(secret.encode(), signing_input, hashlib.sha256)
        if secret
        else load(KEY).sign(signing_input)
    )
    return signing_input + b"." + encode_segment(signature)


def _without_signature(header: object, claims: object) -> bytes:
    return encode_segment(_json(header)) + b"." + encode_segment(_json(claims)) + b"."


_TOKEN = _signed(_HEADER, _CLAIMS)
_ASSERTION = _signed(_ASSERTION_HEADER, _ASSERTED)
_BODY = b"grant_type=client_credentials&client_id=billing&client_secret=s%C3%A9cret&scope=a+b%20c"
_ASSERTING = (
    f"client_assertion_type={ASSERTION_TYPE.replace(':', '%3A')}"
    f"&client_assertion={_ASSERTION.decode()}&resource=https%3A%2F%2Fa&resource=urn%3Ab"
).encode()
_EC, _OKP, _RSA = (
    json.loads(JWKS)["keys"][0],
    {"kty": "OKP", "crv": "Ed25519", "x": encode_segment(bytes(range(32))).decode()},
    {"kty": "RSA", "e": "AQAB", "n": encode_segment(b"\xc1" + bytes(254) + b"\x01").decode()},
)


def _basic(pair: bytes) -> bytes:
    return b"Basic " + b64encode(pair)


SEEDS: Mapping[str, Mapping[str, bytes]] = {
    "form": {
        "good-secret": _FORM + b"; charset=UTF-8\nx=1\n" + _BODY,
        "good-assertion": _FORM + b"\n\n" + _ASSERTING,
        "good-refresh": _FORM + b"\n\nclient_id=a&grant_type=refresh_token&refresh_token=gdr_x",
        "query": _FORM + b"\nclient_%69d=a&token=b\n" + _BODY,
        "twice": _FORM + b"\n\nscope=a&sc%6Fpe=b&client_id=c",
        "broken": _FORM + b"\n\nclient_id=%ff&scope=%0a%zz&=&token",
        "json": b'application/json\n\n{"client_id":"a"}',
    },
    "basic": {
        "good": _basic(b"billing:secret"),
        "good-encoded": b"bAsIc   " + b64encode(b"b%C3%A9+x:%25%3A:y"),
        "no-colon": _basic(b"billing"),
        "stray": _basic(b"a%:b%4"),
        "not-utf-8": _basic(b"%ff:%c3"),
        "bearer": b"Bearer " + _TOKEN,
    },
    "token": {
        "good": _TOKEN,
        "none": _without_signature({**_HEADER, "alg": "none"}, _CLAIMS),
        "hs256": _signed({**_HEADER, "alg": "HS256"}, _CLAIMS, secret=JWKS),
        "zeros": _without_signature(_HEADER, _CLAIMS) + encode_segment(bytes(64)),
        "four": _TOKEN + b".e30",
        "empty": b"..",
    },
    "signed_token": {
        "good": _json(_HEADER) + b"\n" + _json(_CLAIMS),
        "good-list": _json(_HEADER) + b"\n" + _json({**_CLAIMS, "aud": ["a", "b"], "owner": "o"}),
        "float": _json(_HEADER) + b'\n{"iat":1e999,"exp":-0.0,"jti":null}',
        "twice": _json(_HEADER) + b'\n{"iss":"a","iss":"b"}',
        "deep": _json(_HEADER) + b"\n" + b"[" * 2_000,
        "surrogate": _json(_HEADER) + b'\n{"iss":"\\ud800","sub":"\\udfff","scope":" "}',
        "crit": _json({**_HEADER, "crit": ["b64"], "b64": False}) + b"\n" + _json(_CLAIMS),
    },
    "assertion": {
        "good": _ASSERTION,
        "good-secret": _signed({"alg": "HS256"}, _ASSERTED, secret=SECRET.reveal()),
        "none": _without_signature({"alg": "none"}, _ASSERTED),
        "hs256": _signed({"alg": "HS256", "kid": "k1"}, _ASSERTED, secret=JWKS),
        "jwk": _signed({**_ASSERTION_HEADER, "jwk": _EC, "jku": "https://evil.example"}, _ASSERTED),
        "token": _TOKEN,
    },
    "signed_assertion": {
        "good": _json(_ASSERTION_HEADER) + b"\n" + _json(_ASSERTED),
        "good-bare": b'{"alg":"ES256"}\n' + _json({**_ASSERTED, "aud": [ISSUER]}),
        "number": b'{"alg":"ES256"}\n' + _json({**_ASSERTED, "exp": 10**30}),
        "surrogate": b'{"alg":"ES256"}\n{"iss":"b","sub":"b","aud":"","exp":1,"jti":"\\ud800"}',
        "kid": b'{"alg":"ES256","kid":null}\n' + _json(_ASSERTED),
        "last": b'{"alg":"ES256"}\n' + _json({**_ASSERTED, "exp": 253_402_300_799}),
    },
    "refresh_token": {
        "good": derive_refresh_token(FamilyId("0ab" + "f" * 22), Generation(7), MAC_KEY).encode(),
        "long": b"gdr_mac.0ab" + b"f" * 22 + b"." + b"9" * 15 + b"." + b"A" * 43,
        "zero": b"gdr_mac.0ab" + b"f" * 22 + b".0." + b"A" * 43,
        "digits": "gdr_mac.0abffffffffffffffffffffff.\u0667.".encode() + b"A" * 43,
    },
    "scope": {
        "good": b"read write:all x.y/z",
        "good-twice": b"b a b",
        "spaces": b" a  b ",
        "outside": 'a"b c\\d é \x7f \t'.encode(),
    },
    "resource_id": {
        "good": b"https://api.example:8443/a?b=c",
        "good-urn": b"urn:example:api",
        "bracket": b"https://[::1",
        "port": b"https://a:99999999999/",
        "fragment": b"https://a/#b",
        "nfkc": "https://\u2100.example".encode(),
    },
    "accept": {
        "good": b"application/json;q=0.5, application/token-introspection+jwt;q=1.000\n*/*;q=0",
        "weights": b"a/b;q=2,;q=,,;;q=0.\xff;q=-1;q=nan;q=1e9",
    },
    "proxies": {
        "good": b'for="[2001:db8::1]:80";proto=https, for=10.0.0.7\n192.0.2.1, 10.2.3.4',
        "zone": b"for=fe80::1%eth0\n::ffff:10.0.0.1%\x00",
        "odd": b'for=_hidden;for="[";for=,;=;\n[, ]:,:::,1.2.3.4:5:6,\xb2.1.1.1',
    },
    "grpc_message": {
        "good": IssueTokenRequest(
            grant_type="client_credentials",
            scopes=["a", "b"],
            resources=["https://a"],
            client_id="billing",
            client_secret="s\u00e9cret",
        ).SerializeToString(),
        "good-assertion": IssueTokenRequest(
            grant_type="refresh_token",
            refresh_token="gdr_x",
            client_assertion_type=ASSERTION_TYPE,
            client_assertion=_ASSERTION.decode(),
        ).SerializeToString(),
        "good-introspect": IntrospectTokenRequest(
            token=_TOKEN.decode(), client_id="billing", client_secret="s"
        ).SerializeToString(),
        "not-utf-8": b"\n\x02\xff\xfe",
        "group": b"\x0b" * 200,
        "length": b"\n\xff\xff\xff\xff\x0f",
    },
    "admin_message": {
        "good": CreateClientRequest(
            client=AdministeredClient(
                client_id="billing",
                name="Billing",
                auth_methods=["private_key_jwt"],
                grant_types=["client_credentials"],
                scopes=["a", "b"],
                subject="client",
                jwks=JWKS,
                access_token_ttl=timedelta(minutes=5),
            ),
            client_secret="s\u00e9cret",
            client_secret_expire_time=NOW,
        ).SerializeToString(),
        "good-page": ListClientsRequest(
            page_size=7, page_token="Z3JhbnRkLjEAYmlsbGluZw=="
        ).SerializeToString(),
        "good-resource": CreateResourceRequest(
            resource=AdministeredResource(
                resource_id="https://a.example",
                token_format="opaque",
                signing_algorithm="EdDSA",
                access_token_ttl=timedelta(days=1),
            )
        ).SerializeToString(),
        "never": CreateClientRequest(
            client=AdministeredClient(jwks="[" * 5_000, jwks_uri="https://[", subject="nobody"),
            client_secret_expire_time=Timestamp(seconds=2**63 - 1, nanos=-1),
        ).SerializeToString(),
    },
    "metadata": {
        "good": _json(_METADATA),
        "good-least": b"{}",
        "good-never": b'{"client_secret":"s","client_secret_expires_at":0}',
        "types": b'{"client_id":1,"scope":[],"jwks":"","grant_types":{}}',
        "expires": b'{"client_secret_expires_at":1e400}',
        "surrogate": b'{"client_id":"\\ud800","jwks_uri":"https://\\ud800"}',
        "uri": b'{"jwks_uri":"https://[","token_endpoint_auth_method":"private_key_jwt"}',
        "unhashable": b'{"auth_methods":[[]],"token_endpoint_auth_method":{}}',
    },
    "client_keys": {
        "good": JWKS.encode(),
        "good-kinds": _json({"keys": [_EC, _OKP, {**_RSA, "alg": "PS256", "use": "sig"}]}),
        "off-curve": _json({"keys": [{**_EC, "x": _OKP["x"]}]}),
        "private": _json({"keys": [{**_EC, "d": "AQ"}]}),
        "padded": _json({"keys": [{**_EC, "x": _EC["x"] + "="}]}),
        "even": _json({"keys": [{**_RSA, "e": "Ag"}]}),
        "types": b'{"keys":[{"kty":[],"crv":{},"alg":[],"kid":[],"use":[],"key_ops":{}}]}',
    },
    "jwks_uri": {
        "good": b"https://client.example/jwks.json",
        "good-loopback": b"http://127.0.0.1:8000/jwks",
        "user": b"https://a:b@client.example/",
        "bracket": b"http://[::1",
    },
    "published_keys": {
        "good": b"public, max-age=600\n" + JWKS.encode(),
        "good-least": b'\n{"keys":[{}]}',
        "digits": b'max-age=\xb2, max-age="9", MAX-AGE = 1_0, s-maxage=-1\n{"keys":[]}',
        "surrogate": b'no-store\n{"keys":[{"kid":"\\ud800"},{"kid":[]}]}',
    },
    "masking": {
        "good": b"gds_0badcafe_" + b"A" * 43 + b"_00000000 gdr_mac.0abx." + b"B" * 43,
    },
}


def write(folder: Path = CORPUS) -> None:
    for target, seeds in SEEDS.items():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for name, data in seeds.items():
            (folder / target / name).write_bytes(data)


if __name__ == "__main__":
    write()
