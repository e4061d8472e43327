"""`grantd revoke`: an operator ends what was issued, without any client's secret."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from support.grantd_process import GrantdProcess, RegisteredClient
from support.oauth_replies import granted, introspected, refused
from support.transcripts import Step, play, require_one_line

REFRESHING = ("--grant", "client_credentials", "--grant", "refresh_token", "--issue-refresh-token")


@pytest.fixture(scope="module")
def grantd(start_grantd: Any, store: str) -> GrantdProcess:  # noqa: ANN401  (a fixture's function)
    grantd: GrantdProcess = start_grantd(store, settings={"workers": "2"})
    return grantd


@pytest.fixture(scope="module")
def holder(grantd: GrantdProcess) -> RegisteredClient:
    return grantd.create_client("holder", *REFRESHING)


@pytest.fixture(scope="module")
def opaque(grantd: GrantdProcess) -> RegisteredClient:
    return grantd.create_client("opaque", "--token-format", "opaque")


def is_active(grantd: GrantdProcess, caller: RegisteredClient, token: str) -> bool:
    return bool(introspected(grantd.introspect(caller, token))["active"])


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return claims


class TestByToken:
    def test_an_access_token_ends_alone(
        self, grantd: GrantdProcess, holder: RegisteredClient, tmp_path: Path
    ) -> None:
        """What else its client holds lives on; the file may come by standard input too."""
        kept, leaked = granted(grantd.issue(holder)), granted(grantd.issue(holder))
        file = tmp_path / "leaked"
        file.write_text(leaked["access_token"] + "\n")
        jti = claims_of(leaked["access_token"])["jti"]

        play(
            grantd.run,
            Step(
                command=["revoke", "--token-file", str(file)],
                stderr=[rf"^The access token {jti} of holder has ended\.$"],
            ),
        )

        assert not is_active(grantd, holder, leaked["access_token"])
        assert is_active(grantd, holder, kept["access_token"])
        granted(grantd.refresh(holder, leaked["refresh_token"]))

    def test_an_opaque_token_ends(self, grantd: GrantdProcess, opaque: RegisteredClient) -> None:
        """It is read from standard input."""
        token = granted(grantd.issue(opaque))["access_token"]

        play(grantd.run, Step(command=["revoke", "--token-file", "-"], stdin=token))

        assert not is_active(grantd, opaque, token)

    def test_a_refresh_token_takes_its_family_along(
        self, grantd: GrantdProcess, holder: RegisteredClient
    ) -> None:
        """Whichever generation was found: its family ends, access tokens and all."""
        first = granted(grantd.issue(holder))
        second = granted(grantd.refresh(holder, first["refresh_token"]))

        play(
            grantd.run,
            Step(
                command=["revoke", "--token-file", "-"],
                stdin=first["refresh_token"],
                stderr=[r"^The refresh family \S+ of holder has ended"],
            ),
        )

        refused(grantd.refresh(holder, second["refresh_token"]), 400, "invalid_grant")
        for answer in (first, second):
            assert not is_active(grantd, holder, answer["access_token"])

    @pytest.mark.parametrize("store", ["sqlite"], indirect=True)
    def test_what_is_no_live_token_is_refused_without_being_shown(
        self, grantd: GrantdProcess, holder: RegisteredClient
    ) -> None:
        """A stranger's JWT, one that has ended, any text: one sentence and no token in it."""
        ended = granted(grantd.issue(holder))["refresh_token"]
        play(grantd.run, Step(command=["revoke", "--token-file", "-"], stdin=ended))
        for token in (ended, "eyJhbGciOiJub25lIn0.e30.", "gda_000" + 43 * "x", "anything"):
            done = grantd.run("revoke", "--token-file", "-", stdin=token)
            assert done.returncode == 1
            assert "There is no such token" in done.stderr
            assert token not in done.stderr
            require_one_line(done.stderr)


class TestById:
    @pytest.mark.parametrize("form", ["jwt", "opaque"])
    def test_a_jti_ends_its_token(
        self,
        grantd: GrantdProcess,
        holder: RegisteredClient,
        opaque: RegisteredClient,
        form: str,
    ) -> None:
        """In either format: the jti is what logs and the audit trail name."""
        caller = holder if form == "jwt" else opaque
        token = granted(grantd.issue(caller))["access_token"]
        jti = introspected(grantd.introspect(caller, token))["jti"]

        ended = grantd.require("revoke", "--jti", jti)

        assert ended == {"client_id": None, "jti": jti, "family_id": None}
        assert not is_active(grantd, caller, token)

    def test_a_family_ends_by_its_id(self, grantd: GrantdProcess, holder: RegisteredClient) -> None:
        """The access token names it in the private claim."""
        issued = granted(grantd.issue(holder))
        family = claims_of(issued["access_token"])["grantd"]["family"]

        assert grantd.require("revoke", "--family", family)["client_id"] == "holder"

        refused(grantd.refresh(holder, issued["refresh_token"]), 400, "invalid_grant")
        assert not is_active(grantd, holder, issued["access_token"])
        play(
            grantd.run,
            Step(command=["revoke", "--family", family], status=1, stderr=[f"{family}"]),
        )

    def test_all_of_a_client_ends(self, grantd: GrantdProcess) -> None:
        """As `clients revoke-all` does it; the client may ask anew."""
        leaver = grantd.create_client("leaver", *REFRESHING)
        issued = granted(grantd.issue(leaver))

        play(grantd.run, Step(command=["revoke", "--client", "leaver"]))

        refused(grantd.refresh(leaver, issued["refresh_token"]), 400, "invalid_grant")
        assert not is_active(grantd, leaver, issued["access_token"])
        granted(grantd.issue(leaver))

    @pytest.mark.parametrize("store", ["sqlite"], indirect=True)
    @pytest.mark.parametrize(
        ("flags", "status"),
        [
            pytest.param([], 2, id="nothing"),
            pytest.param(["--jti", "a", "--client", "b"], 2, id="two things"),
            pytest.param(["--family", "../../x"], 1, id="a foreign family"),
        ],
    )
    def test_what_names_nothing_is_refused(
        self, grantd: GrantdProcess, flags: list[str], status: int
    ) -> None:
        """In one line, and nothing ends."""
        done = grantd.run("revoke", *flags)
        assert done.returncode == status
        require_one_line(done.stderr)
