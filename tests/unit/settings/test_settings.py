"""Where settings come from, what is refused, and how it is said."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from domain.model.clients import GrantType
from domain.model.keys import SigningAlgorithm
from domain.model.tokens import TokenFormat
from entrypoints.setting_forms import Address
from entrypoints.setting_problems import InvalidSettings
from entrypoints.settings import Settings, unknown_variables

SECRET = "hunter2hunter2"
ANY_TEXT_WILL_DO = {
    "grpc_certificate_file",
    "http_certificate_file",
    "master_key_file",
    "sentinel_password_file",
    "sentinel_username",
    "signing_key_file",
    "store_ca_file",
    "store_certificate_file",
    "store_password_file",
    "target_ca_file",
    "target_certificate_file",
    "target_client",
    "target_secret_file",
}


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GRANTD_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def write(tmp_path: Path) -> "Write":
    return Write(tmp_path / "grantd.toml")


class Write:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, text: str) -> dict[str, object]:
        """Write the file and return the flag that names it."""
        self.path.write_text(text, encoding="utf-8")
        return {"config": self.path}


def problems(flags: dict[str, object]) -> str:
    with pytest.raises(InvalidSettings) as refusal:
        Settings.load(flags)
    return "\n".join(refusal.value.problems)


class TestPrecedence:
    def test_the_defaults_are_those_of_the_architecture(self) -> None:
        """With nothing set, one command runs the whole service on loopback."""
        settings = Settings.load({})
        assert str(settings.http) == "127.0.0.1:8080"
        assert str(settings.grpc) == "127.0.0.1:50051"
        assert settings.issuer == "http://127.0.0.1:8080"
        assert settings.store == "sqlite:///grantd.db"
        assert settings.sqlite_path == Path("grantd.db")
        assert settings.grants == tuple(GrantType)
        assert settings.access_token_ttl is None
        assert settings.shutdown_timeout == timedelta(seconds=30)

    def test_a_file_goes_before_a_default(self, write: Write) -> None:
        """What the file says is in force, and what it leaves out is the default."""
        settings = Settings.load(write("workers = 2\nstrict_store = true"))
        assert (settings.workers, settings.strict_store) == (2, True)
        assert settings.token_format is TokenFormat.JWT

    def test_a_variable_goes_before_the_file(
        self, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The environment overrides what is written."""
        monkeypatch.setenv("GRANTD_WORKERS", "3")
        assert Settings.load(write("workers = 2")).workers == 3

    def test_a_flag_goes_before_a_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What was typed overrides all else, even what would not hold."""
        monkeypatch.setenv("GRANTD_WORKERS", "many")
        assert Settings.load({"workers": "4"}).workers == 4

    def test_a_flag_that_was_not_typed_sets_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """None and the empty list are how the parser says so."""
        monkeypatch.setenv("GRANTD_WORKERS", "3")
        assert Settings.load({"workers": None, "grants": []}).workers == 3

    def test_a_switch_typed_as_off_goes_before_the_file(self, write: Write) -> None:
        """False is a value, not the lack of one."""
        assert not Settings.load(
            {**write("strict_store = true"), "strict_store": False}
        ).strict_store

    def test_a_table_is_replaced_and_not_merged(
        self, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody has to look at two places to know what one setting is."""
        monkeypatch.setenv("GRANTD_GRANT_ACCESS_TOKEN_TTL", "refresh_token=5m")
        settings = Settings.load(write('grant_access_token_ttl = { client_credentials = "1h" }'))
        assert settings.grant_access_token_ttl == {GrantType.REFRESH_TOKEN: timedelta(minutes=5)}

    def test_the_file_may_be_named_by_a_variable(
        self, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """GRANTD_CONFIG is what --config is."""
        write("workers = 7")
        monkeypatch.setenv("GRANTD_CONFIG", str(write.path))
        assert Settings.load({}).workers == 7

    def test_an_empty_variable_counts_as_unset(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Compose files pass on variables that nobody has set."""
        monkeypatch.setenv("GRANTD_ISSUER", "")
        monkeypatch.setenv("GRANTD_WORKERS", "")
        assert Settings.load({}) == Settings()

    def test_a_worker_has_exactly_its_supervisors_settings(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Handed over as JSON, they take nothing from the environment."""
        settings = Settings.load(
            {
                "http": "off",
                "grpc": "[::1]:50051",
                "issuer": "https://id.example/",
                "access_token_ttl": "PT5M",
                "grant_access_token_ttl": ["client_credentials=90s"],
                "master_key_file": ["new.key", "old.key"],
                "signing_algorithm": "EdDSA",
            }
        )
        handed_over = settings.model_dump_json()
        monkeypatch.setenv("GRANTD_WORKERS", "9")
        monkeypatch.setenv("GRANTD_GRANT_ACCESS_TOKEN_TTL", "refresh_token=5m")
        assert Settings.model_validate_json(handed_over) == settings


class TestForms:
    @pytest.mark.parametrize(
        ("text", "address"),
        [
            ("127.0.0.1:8080", Address("127.0.0.1", 8080)),
            ("[::1]:8080", Address("::1", 8080)),
            ("id.internal:1", Address("id.internal", 1)),
            ("off", None),
        ],
    )
    def test_an_address_is_read_and_written_alike(self, text: str, address: Address | None) -> None:
        """Host and port, IPv6 in brackets, or off."""
        settings = Settings.load({"http": text, "issuer": "https://id.example"})
        assert settings.http == address
        assert settings.model_dump(mode="json")["http"] == text

    @pytest.mark.parametrize(
        "text",
        [
            "8080",
            ":8080",
            "host",
            "::1:8080",
            "[host]:80",
            "a:0",
            "a:65536",
            "a:\uff18\uff10",
            "a:-1",
        ],
    )
    def test_anything_else_is_no_address(self, text: str) -> None:
        """The line says what an address is."""
        assert problems({"http": text, "issuer": "https://id.example"}).startswith("--http: ")

    @pytest.mark.parametrize("text", ["90s", "PT90S"])
    def test_a_duration_is_read_as_everywhere(self, text: str) -> None:
        """ISO 8601 or the short form."""
        assert Settings.load({"refresh_grace": text}).refresh_grace == timedelta(seconds=90)

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("access_token_ttl", "0s"),
            ("refresh_token_ttl", "PT0S"),
            ("refresh_token_max_age", "0d"),
        ],
    )
    def test_a_lifetime_is_a_second_or_more(self, name: str, text: str) -> None:
        """A token that is born expired is a mistake."""
        assert "a second or more" in problems({name: text})

    @pytest.mark.parametrize("text", ["client_credentials", '["client_credentials"]'])
    def test_a_list_in_a_variable_is_json_or_has_commas(
        self, text: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One text has room for either."""
        monkeypatch.setenv("GRANTD_GRANTS", text)
        assert Settings.load({}).grants == (GrantType.CLIENT_CREDENTIALS,)

    @pytest.mark.parametrize("text", ["client_credentials=15m", '{"client_credentials": "15m"}'])
    def test_a_table_in_a_variable_is_json_or_pairs(
        self, text: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One text has room for either."""
        monkeypatch.setenv("GRANTD_GRANT_ACCESS_TOKEN_TTL", text)
        expected = {GrantType.CLIENT_CREDENTIALS: timedelta(minutes=15)}
        assert Settings.load({}).grant_access_token_ttl == expected

    def test_a_path_given_as_a_flag_may_have_commas(self) -> None:
        """A flag is repeated, so its text is taken as it is."""
        settings = Settings.load({"master_key_file": ["a,b", "c"]})
        assert settings.master_key_file == (Path("a,b"), Path("c"))

    @pytest.mark.parametrize("algorithm", list(SigningAlgorithm))
    def test_every_algorithm_can_be_set(self, algorithm: SigningAlgorithm) -> None:
        """By its JWS name."""
        settings = Settings.load({"signing_algorithm": algorithm.value})
        assert settings.signing_algorithm is algorithm


class TestIssuer:
    @pytest.mark.parametrize("http", ["127.0.0.1:9000", "localhost:9000", "[::1]:9000"])
    def test_it_defaults_to_http_on_loopback(self, http: str) -> None:
        """On one machine nothing needs to be said."""
        assert Settings.load({"http": http}).issuer == f"http://{http}"

    @pytest.mark.parametrize("http", ["0.0.0.0:8080", "192.0.2.1:8080", "[::]:8080", "off"])
    def test_it_has_to_be_given_elsewhere(self, http: str) -> None:
        """Never guessed, never taken from a request."""
        assert "issuer: empty; it has to be given" in problems({"http": http})

    @pytest.mark.parametrize(
        "issuer",
        ["https://id.example", "https://id.example/", "https://id.example/a/b", "http://[::1]:80"],
    )
    def test_it_is_kept_as_given(self, issuer: str) -> None:
        """Issuers are compared as strings (RFC 8414 §3.3), so the slash stays."""
        assert Settings.load({"issuer": issuer}).issuer == issuer

    @pytest.mark.parametrize(
        "issuer",
        [
            "http://id.example",
            "https://id.example?",
            "https://id.example/?a=b",
            "https://id.example#",
            "https://user@id.example",
            "https://",
            "https://id.example:port",
            "https://id.example/a b",
            "ftp://127.0.0.1",
            "id.example",
        ],
    )
    def test_it_is_https_without_query_and_fragment(self, issuer: str) -> None:
        """RFC 8414 §2; http is for loopback."""
        assert problems({"issuer": issuer}).startswith("--issuer: ")


class TestStore:
    @pytest.mark.parametrize(
        ("store", "path"), [("sqlite:///a/b.db", "a/b.db"), ("sqlite:////var/a.db", "/var/a.db")]
    )
    def test_three_slashes_are_relative_and_four_absolute(self, store: str, path: str) -> None:
        """As everybody writes such URLs."""
        settings = Settings.load({"store": store})
        assert (settings.store_kind, settings.sqlite_path) == ("sqlite", Path(path))

    @pytest.mark.parametrize(
        "store",
        ["redis://127.0.0.1:6379/0", "rediss://redis.internal", "redis://grantd@redis:6379/1"],
    )
    def test_redis_is_taken_with_and_without_tls(self, store: str) -> None:
        """A user name is no secret."""
        settings = Settings.load({"store": store})
        assert (settings.store_kind, settings.store) == ("redis", store)

    @pytest.mark.parametrize(
        "store",
        ["redis+sentinel://a:1,b:2/main/0", "redis+cluster://grantd@a:1,b", "rediss+cluster://a"],
    )
    def test_redis_may_have_many_nodes(self, store: str) -> None:
        """Sentinels, or some nodes of a cluster."""
        settings = Settings.load({"store": store})
        assert (settings.store_kind, settings.store) == ("redis", store)

    def test_replicas_are_waited_for_in_redis_alone(self) -> None:
        """A promise that cannot be kept is refused."""
        assert "not in Redis" in problems({"wait_replicas": "1"})
        assert Settings.load({"wait_replicas": "1", "store": "redis://a"}).wait_replicas == 1

    @pytest.mark.parametrize(
        "store",
        [
            "sqlite://",
            "sqlite:///",
            "sqlite:////",
            "sqlite:///:memory:",
            "sqlite:///a.db?mode=ro",
            "redis://",
            "redis://h/x",
            "redis://h:port/0",
            "postgres://h/x",
            "grantd.db",
        ],
    )
    def test_anything_else_is_refused(self, store: str) -> None:
        """The line says how a store is written."""
        assert problems({"store": store}).startswith("--store: ")

    @pytest.mark.parametrize(
        "store",
        [
            f"redis://:{SECRET}@127.0.0.1:6379/0",
            f"rediss://user:{SECRET}@redis.internal",
            f"redis://127.0.0.1?password={SECRET}",
            f"redis+sentinel://:{SECRET}@a:1",
            f"mysql://root:{SECRET}@h/x",
        ],
    )
    def test_a_password_in_the_url_is_refused_and_not_shown(self, store: str) -> None:
        """Passwords come from files."""
        with pytest.raises(InvalidSettings) as refusal:
            Settings.load({"store": store})
        error: BaseException | None = refusal.value
        while error is not None:
            assert SECRET not in f"{error} {error!r}"
            error = error.__cause__


class TestTls:
    @pytest.mark.parametrize("whose", ["http", "grpc", "store", "target"])
    def test_a_certificate_and_its_key_come_together(self, whose: str) -> None:
        """Half of the pair serves nobody."""
        certificate, key = f"{whose}_certificate_file", f"{whose}_certificate_key_file"
        assert "neither of the two" in problems({certificate: "tls.crt"})
        assert "neither of the two" in problems({key: "tls.key"})
        assert Settings.load({certificate: "tls.crt", key: "tls.key"})

    @pytest.mark.parametrize("listener", ["http", "grpc"])
    def test_mutual_tls_needs_tls(self, listener: str) -> None:
        """A CA for clients means nothing to a listener without a certificate."""
        assert "given with it" in problems({f"{listener}_client_ca_file": "ca.crt"})

    def test_the_issuer_on_loopback_follows_the_certificate(self) -> None:
        """Its scheme is the listener's."""
        pair = {"http_certificate_file": "tls.crt", "http_certificate_key_file": "tls.key"}
        assert Settings.load(pair).issuer == "https://127.0.0.1:8080"


class TestRefusals:
    def test_every_problem_is_told_at_once(
        self, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One line each, each with where it was set."""
        monkeypatch.setenv("GRANTD_LOG_LEVEL", "loud")
        flags = {**write('token_format = "paper"\nstrict_store = "perhaps"'), "workers": "0"}
        lines = problems(flags).splitlines()
        assert sorted(line.split(":")[0] for line in lines) == [
            "--workers",
            "GRANTD_LOG_LEVEL",
            "strict_store",
            "token_format",
        ]

    @pytest.mark.parametrize("name", sorted(Settings.model_fields.keys() - ANY_TEXT_WILL_DO))
    def test_no_line_shows_a_value(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever was put there by mistake may be a secret."""
        monkeypatch.setenv(f"GRANTD_{name.upper()}", SECRET)
        said = problems({})
        assert SECRET not in said
        assert f"GRANTD_{name.upper()}: " in said

    def test_an_unknown_key_is_told_with_the_nearest_name(self, write: Write) -> None:
        """A misspelt setting must not be a silent default."""
        assert problems(write('stroe = "x"')) == "stroe is not a setting; did you mean store?"

    def test_both_listeners_off_is_refused(self) -> None:
        """There would be nothing to do."""
        off = {"http": "off", "grpc": "off", "issuer": "https://id.example"}
        assert "nothing would be served" in problems(dict(off))

    def test_a_passphrase_without_a_key_is_refused(self) -> None:
        """It would open nothing."""
        assert "signing_key_file" in problems({"signing_key_passphrase_file": "a"})

    @pytest.mark.parametrize("grants", [["device_code"], ["refresh_token", "refresh_token"]])
    def test_grants_are_known_ones_and_each_once(self, grants: list[str]) -> None:
        """The line names those there are."""
        assert problems({"grants": grants}).startswith("--grants: ")

    def test_no_grant_at_all_is_refused(self, write: Write) -> None:
        """A token service that issues none is a mistake."""
        assert problems(write("grants = []")).startswith("grants: empty")

    def test_a_file_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        """Never passed over: somebody counted on it."""
        assert "cannot be read" in problems({"config": tmp_path / "no.toml"})

    def test_a_file_that_is_not_toml_is_told_with_the_line(self, write: Write) -> None:
        """So that one finds it."""
        assert "line 2" in problems(write("workers = 1\nworkers = 2 3\n"))

    def test_it_is_known_whether_a_flag_was_wrong(self, write: Write) -> None:
        """Wrong usage and a wrong configuration end differently."""
        for flags, typed in (({"workers": "x"}, True), (write("workers = 0"), False)):
            with pytest.raises(InvalidSettings) as refusal:
                Settings.load(dict(flags))
            assert refusal.value.typed is typed


def test_unknown_variables_are_told_with_the_nearest_name() -> None:
    """They are no error: orchestrators put some there."""
    environment = {"GRANTD_STROE": "x", "GRANTD_CONFIG": "y", "GRANTD_HTTP": "off", "HOME": "/"}
    assert list(unknown_variables(environment)) == [
        "GRANTD_STROE sets nothing; did you mean GRANTD_STORE?"
    ]
