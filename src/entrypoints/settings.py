"""The settings: one frozen tree, from four places.

A flag goes before an environment variable `GRANTD_…`, that before a key of
the TOML file, that before the default. Nothing here opens what a path names.
"""

import os
from collections import ChainMap
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from domain.model.clients import GrantType
from domain.model.key_rotation import ANNOUNCEMENT_MARGIN
from domain.model.keys import SigningAlgorithm
from domain.model.lifetimes import format_duration
from domain.model.limits import FailureLimits
from domain.model.tokens import TokenFormat
from entrypoints.setting_forms import (
    OFF,
    REDIS_STREAM,
    SQLITE,
    STORE,
    Address,
    AnyLifetime,
    AuditLog,
    Count,
    Expected,
    FailureBudget,
    File,
    Files,
    Lifetime,
    Listener,
    Networks,
    OptionalUrl,
    Share,
    Switch,
    Wait,
    WholeNumber,
    Workers,
    require_audit_places,
    require_issuer_url,
    require_store_url,
    require_tracing_url,
    split_list,
    split_map,
)
from entrypoints.setting_problems import (
    PREFIX,
    InvalidSettings,
    nearest,
    problem_of,
    read_file,
    variable,
)

CONFIG: Final = "config"


class Settings(BaseSettings):
    """Everything that can be set.

    Made by `load` from all four places; made any other way, only of what is
    handed over, so that a worker has exactly its supervisor's settings.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        enable_decoding=False,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    http: Listener = Field(
        default=Address("127.0.0.1", 8080), description="Where HTTP is served, or `off`."
    )
    grpc: Listener = Field(
        default=Address("127.0.0.1", 50051),
        description="Where gRPC is served, or `off`. One of the two has to be on.",
    )
    admin: Listener = Field(
        default=Address("127.0.0.1", 8081),
        description=(
            "Where `/metrics` is served, for Prometheus and for nobody else, or `off`: "
            "it asks for no credentials."
        ),
    )
    http_certificate_file: File = Field(
        default=None,
        description="The certificate chain in PEM, its own first: with it HTTP is served over TLS.",
        examples=["/run/secrets/tls.crt"],
    )
    http_certificate_key_file: File = Field(
        default=None,
        description="The private key of `http_certificate_file` in PEM.",
        examples=["/run/secrets/tls.key"],
    )
    http_client_ca_file: File = Field(
        default=None,
        description=(
            "The CA certificates in PEM that vouch for clients: with it every connection has to "
            "bring a certificate of theirs (mutual TLS)."
        ),
        examples=["/run/secrets/clients-ca.crt"],
    )
    grpc_certificate_file: File = Field(
        default=None,
        description="The same for gRPC.",
        examples=["/run/secrets/tls.crt"],
    )
    grpc_certificate_key_file: File = Field(
        default=None,
        description="The private key of `grpc_certificate_file` in PEM.",
        examples=["/run/secrets/tls.key"],
    )
    grpc_client_ca_file: File = Field(
        default=None,
        description="The same as `http_client_ca_file` for gRPC.",
        examples=["/run/secrets/clients-ca.crt"],
    )

    issuer: Annotated[str, Expected("a URL without query and fragment", "URL")] = Field(
        default="",
        description=(
            "The URL that every token names as `iss` and that verifiers look up (RFC 8414 §2): "
            "https, or http on loopback. Taken from `http` if that is on loopback; elsewhere it "
            "has to be given. A trailing slash is kept."
        ),
        examples=["https://id.example.com"],
    )
    workers: Workers = Field(
        default=1,
        description=(
            "Worker processes per protocol, which share its port; `auto` is one for each core that "
            "this process may use."
        ),
        examples=["auto"],
    )
    shutdown_timeout: Wait = Field(
        default=timedelta(seconds=30),
        description="How long calls in flight may take when it is stopped.",
    )
    drain_delay: Wait = Field(
        default=timedelta(),
        description=(
            "How long it goes on taking calls when it is stopped, not ready any more by its "
            "health checks, so that load balancers can leave it first."
        ),
        examples=["10s"],
    )

    trusted_proxies: Networks = Field(
        default=(),
        description=(
            "Proxies whose word on the source address is taken; "
            "without any, it is the address of the socket."
        ),
        examples=[["10.0.0.0/8"]],
    )
    proxy_header: Annotated[
        Literal["x-forwarded-for", "forwarded"],
        Expected("x-forwarded-for or forwarded", "x-forwarded-for|forwarded"),
    ] = Field(
        default="x-forwarded-for",
        description=(
            "The one header field in which trusted proxies name the source address; "
            "the other is not read. `forwarded` is that of RFC 7239."
        ),
    )

    store: Annotated[str, STORE] = Field(
        default="sqlite:///grantd.db",
        description=(
            "Where clients, keys and revocations live: `sqlite:///relative.db`, "
            "`sqlite:////absolute.db`, `redis://USER@HOST:PORT/DB`, "
            "`redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DB` (the Sentinels) or "
            "`redis+cluster://HOST:PORT,HOST:PORT` (some of its nodes); over TLS `rediss` "
            "instead of `redis`. A password stands in `store_password_file`, never here."
        ),
    )
    store_password_file: File = Field(
        default=None,
        description="The file with the password of Redis.",
        examples=["/run/secrets/redis"],
    )
    store_ca_file: File = Field(
        default=None,
        description="The CA certificates in PEM that vouch for Redis; unset: those of the system.",
        examples=["/run/secrets/redis-ca.crt"],
    )
    store_certificate_file: File = Field(
        default=None,
        description="The certificate that grantd shows to Redis, if that asks for one.",
        examples=["/run/secrets/redis-client.crt"],
    )
    store_certificate_key_file: File = Field(
        default=None,
        description="The private key of `store_certificate_file` in PEM.",
        examples=["/run/secrets/redis-client.key"],
    )
    sentinel_username: Annotated[str, Expected("the name of a user", "USER")] = Field(
        default="",
        description="Who grantd is to the Sentinels; the user in the URL is for Redis itself.",
        examples=["grantd"],
    )
    sentinel_password_file: File = Field(
        default=None,
        description="The file with the password of the Sentinels.",
        examples=["/run/secrets/sentinel"],
    )
    wait_replicas: WholeNumber = Field(
        default=0,
        description=(
            "How many replicas of Redis have to have a revocation, a rotation or a change before "
            "it is acknowledged. With as many as there are, a failover loses none."
        ),
    )
    strict_store: Switch = Field(
        default=False,
        description="Refuse to start on a store that may lose revocations, not only warn.",
    )

    master_key_file: Files = Field(
        default=(),
        description=(
            "The files with the master keys, newest first: 32 random bytes in base64, mode 0600. "
            "With SQLite and none given, `<database>.key` is made beside the database. "
            "With Redis one has to be given: `grantd master-key new master.key`."
        ),
        examples=[["master.key"]],
    )
    signing_key_file: File = Field(
        default=None,
        description="A private key in PEM that signs instead of the stored one of its algorithm.",
        examples=["signing.pem"],
    )
    signing_key_passphrase_file: File = Field(
        default=None,
        description="The file with the passphrase of `signing_key_file`.",
        examples=["signing.passphrase"],
    )

    grants: Annotated[
        tuple[GrantType, ...],
        Field(min_length=1),
        BeforeValidator(split_list),
        Expected(f"one or more of {', '.join(GrantType)}", "GRANT"),
    ] = Field(default=tuple(GrantType), description="The grant types that are switched on.")
    access_token_ttl: AnyLifetime = Field(
        default=None,
        description=(
            "How long access tokens live. The shortest of what server, grant, resource and client "
            "set is taken, and 1h if none sets anything."
        ),
        examples=["1h"],
    )
    grant_access_token_ttl: Annotated[
        dict[GrantType, Lifetime],
        BeforeValidator(split_map),
        Expected(f"a table of durations by grant type ({', '.join(GrantType)})", "GRANT=DURATION"),
    ] = Field(
        default={},
        description="How long access tokens of one grant type live.",
        examples=[{"client_credentials": "15m"}],
    )
    refresh_token_ttl: AnyLifetime = Field(
        default=None,
        description=(
            "How long a refresh token lives; each refresh begins it anew. "
            "The shorter of server and client is taken, and 30d if neither sets anything."
        ),
        examples=["30d"],
    )
    refresh_token_max_age: AnyLifetime = Field(
        default=None,
        description="When refreshing ends for good, counted from the first token. Unset: never.",
        examples=["365d"],
    )
    refresh_grace: Wait = Field(
        default=timedelta(),
        description=(
            "How long a client that lost the reply to a refresh may repeat it and get the same "
            "successor. 0s is strict."
        ),
    )
    token_format: Annotated[TokenFormat, Expected("jwt or opaque", "jwt|opaque")] = Field(
        default=TokenFormat.JWT,
        description="The form of access tokens, unless the resource or the client sets it.",
    )
    signing_algorithm: Annotated[
        SigningAlgorithm, Expected("ES256, RS256 or EdDSA", "|".join(SigningAlgorithm))
    ] = Field(
        default=SigningAlgorithm.ES256,
        description="What signs access tokens, unless the resource or the client sets it.",
    )
    jwks_max_age: Lifetime = Field(
        default=timedelta(hours=1),
        description=(
            "How long verifiers may keep a copy of the key set (`Cache-Control` of "
            "`/.well-known/jwks.json`). The same on every node of one store."
        ),
    )
    key_announcement: Lifetime = Field(
        default=timedelta(hours=24),
        description=(
            "How long a new signing key is in the key set before it signs; "
            "`jwks_max_age` and a minute at least."
        ),
    )
    key_rotation_interval: AnyLifetime = Field(
        default=None,
        description=(
            "How long a signing key signs before the server rotates it by itself; longer than "
            "`key_announcement`, and 90d is a good choice. Unset: `grantd keys rotate` does it."
        ),
        examples=["90d"],
    )
    require_scope: Switch = Field(
        default=False, description="Refuse a token without any scope (RFC 6749 §3.3)."
    )
    revoke_access_token_on_refresh: Switch = Field(
        default=False, description="End the old access token when a refresh gives a new one."
    )
    max_families_per_client: Count = Field(
        default=1_000,
        description="Live refresh families of one client; beyond it the oldest is ended.",
    )

    allow_credentials_in_request_body: Switch = Field(
        default=True,
        description="Accept `client_id` and `client_secret` in the body (RFC 6749 §2.3.1).",
    )
    allow_public_client_credentials: Switch = Field(
        default=False,
        description=(
            "Let public clients use the client credentials grant, which RFC 6749 §4.4 forbids: "
            "whoever knows such a client's id gets its tokens."
        ),
    )

    failures_per_client_and_source: FailureBudget = Field(
        default=FailureLimits().per_client_and_source,
        description=(
            "Failed authentications of one client from one source address before it is refused "
            "unheard for the rest of the window; an IPv6 source is its /64."
        ),
    )
    failures_per_client: FailureBudget = Field(
        default=FailureLimits().per_client,
        description=(
            "The same for one client from everywhere. It does not concern a source from which "
            "the client has succeeded in the last 30 days."
        ),
    )
    failures_per_source: FailureBudget = Field(
        default=FailureLimits().per_source,
        description="The same for one source, whichever clients it names.",
    )

    log_format: Annotated[
        Literal["auto", "json", "console"],
        Expected("auto, json or console", "auto|json|console"),
    ] = Field(default="auto", description="How logs are written; `auto` is console on a terminal.")
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Expected("debug, info, warning or error", "debug|info|warning|error"),
    ] = Field(default="info", description="The least severity that is logged.")

    request_log: Switch = Field(
        default=True, description="Write one line for each request into the log."
    )
    tracing_endpoint: OptionalUrl = Field(
        default=None,
        description=(
            "Where traces are sent, by OTLP over HTTP; `off` or unset: there are none, "
            "and they cost nothing."
        ),
        examples=["http://127.0.0.1:4318/v1/traces"],
    )
    tracing_sample_ratio: Share = Field(
        default=1.0,
        description=(
            "The share of requests that are traced, unless the caller's trace context decides it."
        ),
    )

    audit_log: AuditLog = Field(
        default=("stderr",),
        description=(
            "Where the audit trail goes: `stderr`, `stdout`, a file by a path with a `/` in it, "
            "`redis` for a stream in the Redis store, several of these, or `off`. Of a command "
            "other than `serve`, `stdout` goes to standard error."
        ),
        examples=[["/var/log/grantd/audit.jsonl"]],
    )
    audit_stream_length: Count = Field(
        default=1_000_000,
        description="How many events the stream in Redis keeps; beyond it the oldest go.",
    )
    audit_required: Switch = Field(
        default=False,
        description=(
            "Refuse what cannot be written to the audit trail (503 or UNAVAILABLE), "
            "not only say that events are missing."
        ),
    )

    target: Listener = Field(
        default=None,
        description=(
            "A running server whose gRPC takes the commands under `clients`, `scopes`, "
            "`resources` and `keys`, instead of the store; `off` is the store."
        ),
        examples=["127.0.0.1:50051"],
    )
    target_client: Annotated[str, Expected("the id of a client", "CLIENT_ID")] = Field(
        default="",
        description=(
            "The client that these commands are sent as; it has the scopes `grantd.admin.read` "
            "and `grantd.admin.write`, or the first alone to look around."
        ),
        examples=["operator"],
    )
    target_secret_file: File = Field(
        default=None,
        description="The file with its secret.",
        examples=["operator.secret"],
    )
    target_tls: Switch = Field(
        default=False,
        description="Speak TLS to the target. `grantd token` does where the URL is https.",
    )
    target_ca_file: File = Field(
        default=None,
        description="The CA certificates in PEM that vouch for the target; unset: public ones.",
        examples=["grantd-ca.crt"],
    )
    target_certificate_file: File = Field(
        default=None,
        description="The certificate to show to a target with mutual TLS.",
        examples=["operator.crt"],
    )
    target_certificate_key_file: File = Field(
        default=None,
        description="The private key of `target_certificate_file` in PEM.",
        examples=["operator.key"],
    )
    target_insecure: Switch = Field(
        default=False,
        description=(
            "Send secret and tokens in the clear to a target that is not on loopback, "
            "since something else keeps that way private."
        ),
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  (the hook's signature)
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (likewise)
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (likewise)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (likewise)
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)

    @classmethod
    def load(cls, flags: Mapping[str, object]) -> Self:
        """Gather the settings.

        Args:
            flags: What was typed, by setting; None is what was not. `config`
                names the TOML file.

        Raises:
            InvalidSettings: With every problem at once.
        """
        typed = {name: value for name, value in flags.items() if value not in (None, [])}
        path = typed.pop(CONFIG, None) or os.environ.get(variable(CONFIG))
        environment = EnvSettingsSource(cls)()
        written = read_file(Path(str(path))) if path else {}
        places = {"flag": typed, "environment": environment, "file": written}
        try:
            return cls.model_validate(dict(ChainMap(typed, environment, written)))
        except ValidationError as error:
            details = error.errors(include_url=False)
            forms = {name: expected(name).form for name in cls.model_fields}
            raise InvalidSettings(
                tuple(dict.fromkeys(problem_of(detail, places, forms) for detail in details)),
                typed=any(detail["loc"][0] in typed for detail in details),
            ) from None  # its text may show a value

    @property
    def store_kind(self) -> Literal["sqlite", "redis"]:
        return "sqlite" if self.store.startswith(SQLITE) else "redis"

    @property
    def sqlite_path(self) -> Path:
        """The file of the embedded store; meaningless with another one."""
        return Path(self.store.removeprefix(SQLITE))

    @property
    def sqlite_key_path(self) -> Path:
        """The file beside it with the master key that is made if none is given (D4)."""
        return self.sqlite_path.with_name(f"{self.sqlite_path.name}.key")

    @field_validator("grpc")
    @classmethod
    def _require_a_listener(cls, value: Address | None, info: ValidationInfo) -> Address | None:
        if value is None and info.data.get("http", value) is None and "http" in info.data:
            raise ValueError("an address, since http is off too: nothing would be served")
        return value

    @field_validator("issuer")
    @classmethod
    def _require_issuer(cls, value: str, info: ValidationInfo) -> str:
        if value:
            return require_issuer_url(value)
        http = info.data.get("http")
        if isinstance(http, Address) and not http.is_loopback:
            raise ValueError("given, since http is not on loopback: the URL that clients know")
        if http is None and "http" in info.data:
            raise ValueError("given, since http is off: the URL that clients know")
        scheme = "http" if info.data.get("http_certificate_file") is None else "https"
        return f"{scheme}://{http}"

    @field_validator("store")
    @classmethod
    def _require_store(cls, value: str) -> str:
        return require_store_url(value)

    @field_validator(
        "http_certificate_key_file",
        "grpc_certificate_key_file",
        "store_certificate_key_file",
        "target_certificate_key_file",
    )
    @classmethod
    def _require_both_halves(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        certificate = str(info.field_name).replace("_key_file", "_file")
        if (value is None) != (info.data.get(certificate) is None):
            raise ValueError(f"given with {certificate}, or neither of the two")
        return value

    @field_validator("http_client_ca_file", "grpc_client_ca_file")
    @classmethod
    def _require_tls(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        certificate = str(info.field_name).replace("client_ca", "certificate")
        if value is not None and info.data.get(certificate) is None:
            raise ValueError(f"left out, or {certificate} given with it")
        return value

    @field_validator("wait_replicas")
    @classmethod
    def _require_replicas(cls, value: int, info: ValidationInfo) -> int:
        if value and str(info.data.get("store", "")).startswith(SQLITE):
            raise ValueError("0, since the store is not in Redis")
        return value

    @field_validator("tracing_endpoint")
    @classmethod
    def _require_tracing_url(cls, value: str | None) -> str | None:
        return value if value is None else require_tracing_url(value)

    @field_validator("grants")
    @classmethod
    def _require_distinct(cls, value: tuple[GrantType, ...]) -> tuple[GrantType, ...]:
        if len(set(value)) < len(value):
            raise ValueError("a list without repetitions")
        return value

    @field_validator("key_announcement")
    @classmethod
    def _require_time_to_be_seen(cls, value: timedelta, info: ValidationInfo) -> timedelta:
        max_age = info.data.get("jwks_max_age")
        if max_age is not None and value < max_age + ANNOUNCEMENT_MARGIN:
            needed = format_duration(max_age + ANNOUNCEMENT_MARGIN)
            raise ValueError(f"{needed} or more, which is jwks_max_age and a minute")
        return value

    @field_validator("key_rotation_interval")
    @classmethod
    def _require_time_to_sign(
        cls, value: timedelta | None, info: ValidationInfo
    ) -> timedelta | None:
        announcement = info.data.get("key_announcement")
        if value is not None and announcement is not None and value <= announcement:
            raise ValueError(f"more than key_announcement, {format_duration(announcement)}")
        return value

    @field_validator("audit_log")
    @classmethod
    def _require_audit_places(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        require_audit_places(value)
        store = info.data.get("store")
        if REDIS_STREAM in value and store is not None and store.startswith(SQLITE):
            raise ValueError("without `redis`, since the store is not in Redis")
        return value

    @field_validator("audit_required")
    @classmethod
    def _require_something_to_write(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001  (the hook's signature)
        if value and info.data.get("audit_log") == (OFF,):
            raise ValueError("false, since audit_log is off")
        return value

    @field_validator("signing_key_passphrase_file")
    @classmethod
    def _require_its_key(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None and info.data.get("signing_key_file") is None:
            raise ValueError("left out, or signing_key_file given with it")
        return value


def expected(name: str) -> Expected:
    """Return how a setting is written."""
    return next(it for it in Settings.model_fields[name].metadata if isinstance(it, Expected))


def unknown_variables(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each `GRANTD_…` variable that sets nothing.

    It is no error: orchestrators put variables of their own making there.
    """
    known = [variable(name) for name in (*Settings.model_fields, CONFIG)]
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            yield f"{name} sets nothing{nearest(name, known)}"
