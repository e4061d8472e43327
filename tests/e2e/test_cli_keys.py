"""`grantd keys`: the life of signing keys from the command line, on both stores."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)

from support.grantd_process import GRANTD, GrantdProcess
from support.transcripts import Step, play, require_one_line

PASSPHRASE = b"correct horse"


def states(grantd: GrantdProcess, algorithm: str = "ES256") -> dict[str, str]:
    listed: list[dict[str, Any]] = grantd.require("keys", "list")
    return {key["kid"]: key["state"] for key in listed if key.get("alg") == algorithm}


def write_key(path: Path, encryption: KeySerializationEncryption | None = None) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    )
    return path


def test_a_key_lives_from_its_announcement_to_its_end(grantd: GrantdProcess) -> None:
    """Announced, hastened, retired by its successor, revoked."""
    successor = grantd.require("keys", "rotate")
    assert (successor["alg"], successor["state"]) == ("ES256", "announced")
    [first] = states(grantd).keys() - {successor["kid"]}

    again = grantd.run("keys", "rotate")
    assert again.returncode == 1
    assert f"key {successor['kid']} is announced already and signs from" in again.stderr

    hastened = grantd.require("keys", "rotate", "--now", "--yes")
    assert (hastened["kid"], hastened["state"]) == (successor["kid"], "active")
    revoked = grantd.require("keys", "revoke", successor["kid"], "--yes")
    assert revoked["kid"] == successor["kid"]
    signer = revoked["signer"]["kid"]

    play(
        grantd.run,
        Step(
            command=["keys", "retire", signer],
            status=1,
            stderr=[r"last active ES256 key, and the server would be without one: rotate first"],
        ),
        Step(
            command=["keys", "list"],
            stdout=[
                r"KEY ID +ALGORITHM +STATE +ACTIVE FROM",
                rf"{first} +ES256 +retired",
                rf"{signer} +ES256 +active",
            ],
        ),
    )


def test_a_key_made_elsewhere_is_taken_over(embedded: GrantdProcess) -> None:
    """With its passphrase, by its thumbprint, and no second time."""
    path = write_key(embedded.folder / "key.pem", BestAvailableEncryption(PASSPHRASE))
    passphrase = embedded.folder / "passphrase"
    passphrase.write_bytes(PASSPHRASE + b"\n")
    command = ("keys", "import", str(path), "--passphrase-file", str(passphrase))

    imported = embedded.require(*command, "--now", "--yes")

    assert imported["state"] == "active"
    [jwk] = embedded.require("keys", "export-public", imported["kid"])["keys"]
    assert jwt.PyJWK(jwk).key_id == imported["kid"]
    again = embedded.run(*command)
    assert again.returncode == 1
    assert f"key {imported['kid']} is here already" in again.stderr
    assert PASSPHRASE.decode() not in again.stderr


def test_what_cannot_sign_is_not_imported(embedded: GrantdProcess) -> None:
    """One line that names the file and the reason."""
    weak = embedded.folder / "weak.pem"
    key = rsa.generate_private_key(65_537, 1_024)  # noqa: S505  (weak on purpose)
    weak.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    for path, reason in (
        (weak, "RSA of 2048 bits or more"),
        (embedded.folder / "none.pem", "No such file or directory"),
    ):
        done = embedded.run("keys", "import", str(path))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.splitlines()[-1].startswith(f"grantd: {path}: ")
        assert reason in done.stderr
    assert len(states(embedded)) == 1


def test_public_keys_are_exported_as_a_key_set_and_as_pem(embedded: GrantdProcess) -> None:
    """All that is published, an announced key too, and nothing private."""
    announced = embedded.require("keys", "rotate", "--algorithm", "EdDSA")
    exported = embedded.run("keys", "export-public").stdout
    keys = jwt.PyJWKSet.from_json(exported)
    assert {key.algorithm_name for key in keys.keys} == {"ES256", "RS256", "EdDSA"}
    assert '"d"' not in exported

    pem = embedded.run("keys", "export-public", announced["kid"], "--format", "pem").stdout
    assert pem.count("PUBLIC KEY") == 2
    load_pem_public_key(pem.encode())
    unknown = embedded.run("keys", "export-public", "nobody")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr == "grantd: There is no such key. (nobody)\n"


@pytest.mark.parametrize("key_id", ["-Kx3Tcn5CSEGDB1bzw", "--x3Tcn5CSEGDB1bzw"])
@pytest.mark.parametrize("command", [("retire",), ("revoke", "--yes"), ("export-public",)])
def test_a_key_id_may_begin_with_a_hyphen(
    embedded: GrantdProcess, command: Sequence[str], key_id: str
) -> None:
    """As one of 64 does; nobody has to know how to write that in an emergency."""
    done = embedded.run("keys", *command, key_id)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == f"grantd: There is no such key. ({key_id})"


def test_what_takes_verifiers_by_surprise_is_asked_first(embedded: GrantdProcess) -> None:
    """Nobody to ask is wrong usage; what it costs is said either way."""
    [first] = states(embedded)
    for command, cost in (
        (["keys", "rotate", "--now"], "refuse the new key's tokens until they fetch it anew"),
        (["keys", "revoke", first], "is inactive at introspection from now on"),
    ):
        done = embedded.run(*command)
        assert (done.returncode, done.stdout) == (2, "")
        require_one_line(done.stderr)
        assert cost in done.stderr
        assert "for up to 1h" in done.stderr
        assert "--yes" in done.stderr
    assert states(embedded) == {first: "active"}


@pytest.mark.parametrize(("answer", "status", "changed"), [("n", 1, False), ("y", 0, True)])
def test_a_person_decides(
    embedded: GrantdProcess,
    answer: str,
    status: int,
    changed: bool,  # noqa: FBT001  (a parameter of the test)
) -> None:
    """On a terminal the command asks, and does what the answer says."""
    keyboard, terminal = os.openpty()
    os.write(keyboard, f"{answer}\n".encode())
    done = subprocess.run(
        [GRANTD, "keys", "rotate", "--now"],
        cwd=embedded.folder,
        env=embedded.environment,
        stdin=terminal,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(keyboard)
    os.close(terminal)
    assert done.returncode == status, done.stderr
    assert "Go on?" in done.stderr
    assert ("nothing was changed" in done.stderr) is not changed
    assert ("key.rotated" in done.stderr) is changed


def test_a_key_by_file_is_shown_and_left_alone(embedded: GrantdProcess) -> None:
    """It is not rotated beside the stored ones, and moves into the store by an import."""
    path = write_key(embedded.folder / "signing.pem")
    by_file = {"GRANTD_SIGNING_KEY_FILE": str(path)}
    listed = json.loads(embedded.run("keys", "list", "--json", environment=by_file).stdout)
    [pinned] = [key["kid"] for key in listed if key.get("from_file")]
    done = embedded.run("keys", "rotate", environment=by_file)
    assert done.returncode == 1
    assert "the ES256 key comes from signing_key_file" in done.stderr

    assert embedded.require("keys", "import", str(path))["kid"] == pinned
    both = json.loads(embedded.run("keys", "list", "--json", environment=by_file).stdout)
    assert [key["kid"] for key in both].count(pinned) == 1


def test_a_server_without_a_key_of_its_algorithm_says_how_to_make_one(
    embedded: GrantdProcess,
) -> None:
    """And the command that it names can be run with the same settings."""
    embedded.require("keys", "list")
    embedded.environment["GRANTD_SIGNING_ALGORITHM"] = "EdDSA"
    done = embedded.run("serve")
    assert done.returncode == 1
    assert "grantd keys rotate --algorithm EdDSA" in done.stderr.splitlines()[-1]
    made = embedded.require("keys", "rotate", "--now", "--yes")
    assert (made["alg"], made["state"]) == ("EdDSA", "active")
