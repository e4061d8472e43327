"""`grantd doctor`: everything that could keep the service from working, and what to do."""

import os
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from adapters.findings import Severity
from adapters.server_certificate import CertificateFiles, CertificateUnusable
from adapters.system.clock import SystemClock
from adapters.system.master_key import permission_finding
from domain.errors import Unavailable
from domain.model.keys import Keyring, SigningAlgorithm
from domain.usecases.current_catalogue import KeysMissing
from entrypoints.certificates import PROTOCOLS, certificate_files, usable_certificate
from entrypoints.cli import output
from entrypoints.cli.core import with_core
from entrypoints.cli.exits import ExitStatus, Refused
from entrypoints.cli.options import AsJson, takes_settings
from entrypoints.setting_forms import Address
from entrypoints.settings import Settings

if TYPE_CHECKING:
    from entrypoints.container import Core


class Verdict(StrEnum):
    GOOD = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at.

    Attributes:
        remedy: What to do about it, as far as it can be said.
    """

    subject: str
    verdict: Verdict
    sentence: str
    remedy: str = ""


@takes_settings(*Settings.model_fields)
def doctor(*, settings: Settings, as_json: AsJson = False) -> int:
    """Look for what could keep the service from working.

    It looks at settings, master key, store, keys, clock, audit trail,
    certificates and ports, says what to do, and makes no database and no
    keys. The exit status is 1 if there is an error, 3 if the store is down.
    """
    status, store_checks = _examine_store(settings)
    checks = [
        Check("settings", Verdict.GOOD, f"they hold; the issuer is {settings.issuer}"),
        *_examine_master_key(settings),
        *store_checks,
        *_examine_audit_files(settings),
        *_examine_certificates(settings),
        *_examine_ports(settings),
    ]
    if status is ExitStatus.DONE and any(check.verdict is Verdict.ERROR for check in checks):
        status = ExitStatus.REFUSED
    if as_json:
        output.document([asdict(check) for check in checks])
    else:
        output.table(
            ("SUBJECT", "VERDICT", "FINDING"),
            (row for check in checks for row in _rows(check)),
            empty="",
        )
    return status


def _rows(check: Check) -> Iterator[tuple[str, str, str]]:
    yield (check.subject, check.verdict, check.sentence)
    if check.remedy:
        yield ("", "", f"-> {check.remedy}")


def _examine_master_key(settings: Settings) -> Iterator[Check]:
    paths = settings.master_key_file
    if not paths and settings.store_kind == "sqlite":
        beside = settings.sqlite_key_path
        if not settings.sqlite_path.exists() and not beside.exists():
            yield Check("master key", Verdict.GOOD, f"the first start makes {beside}")
            return
        paths = (beside,)
    for path in paths:
        yield _examine_master_key_file(path)


def _examine_master_key_file(path: Path) -> Check:
    try:
        finding = permission_finding(path)
    except OSError as error:
        return Check("master key", Verdict.ERROR, f"{path} cannot be read: {error.strerror}")
    if finding is not None:
        return Check("master key", Verdict.WARNING, finding, f"chmod 600 {path}")
    return Check("master key", Verdict.GOOD, f"{path} is its owner's alone; keep a copy elsewhere")


def _examine_store(settings: Settings) -> tuple[ExitStatus, list[Check]]:
    if settings.store_kind == "sqlite" and not settings.sqlite_path.exists():
        sentence = f"the first start makes {settings.sqlite_path}"
        return ExitStatus.DONE, [Check("store", Verdict.GOOD, sentence)]
    try:
        # What `strict_store` refuses to start over is to be read as one finding among others.
        lenient = settings.model_copy(update={"strict_store": False})
        return ExitStatus.DONE, with_core(
            lenient, lambda core: _examine_core(core, settings), makes_keys=False
        )
    except Unavailable as error:
        return ExitStatus.UNAVAILABLE, [Check("store", Verdict.ERROR, str(error))]
    except Refused as error:
        return error.status, [Check("store", Verdict.ERROR, str(error))]


async def _examine_core(core: "Core", settings: Settings) -> list[Check]:
    checks = [
        Check("store", _verdict(finding.severity, settings), finding.sentence, finding.remedy)
        for finding in core.findings
    ]
    for probe in core.probes:
        try:
            await probe.check()
        except KeysMissing:
            checks.append(Check(probe.name, Verdict.WARNING, "it holds no keys"))
        except Unavailable as error:
            checks.append(Check(probe.name, Verdict.ERROR, str(error)))
        else:
            checks.append(Check(probe.name, Verdict.GOOD, "it answers, reads and writes"))
    now = core.clock.now()
    try:
        keyring = (await core.catalogue.read()).keyring
    except KeysMissing:
        sentence = "there are none: the first start makes them, and so does any other command"
        return [*checks, Check("keys", Verdict.WARNING, sentence)]
    keys = _examine_keys(keyring, settings.signing_algorithm, now)
    return [*checks, keys, _examine_clock(keyring, now)]


def _verdict(severity: Severity, settings: Settings) -> Verdict:
    match severity:
        case Severity.GOOD:
            return Verdict.GOOD
        case Severity.NOTE:
            return Verdict.WARNING
        case Severity.RISK:
            return Verdict.ERROR if settings.strict_store else Verdict.WARNING
        case Severity.FAULT:
            return Verdict.ERROR


def _examine_keys(keyring: Keyring, algorithm: SigningAlgorithm, now: datetime) -> Check:
    key = keyring.signer(algorithm, now=now)
    if key is None:
        return Check("keys", Verdict.ERROR, f"no {algorithm} key is active", "grantd keys list")
    return Check("keys", Verdict.GOOD, f"{key.key_id} ({key.algorithm}) signs")


def _examine_clock(keyring: Keyring, now: datetime) -> Check:
    made = keyring.pepper.created_at
    shown = now.isoformat(timespec="seconds")
    if now < made:
        sentence = f"{shown} is before the keys were made"
        return Check("clock", Verdict.ERROR, sentence, "set the clock right")
    return Check("clock", Verdict.GOOD, f"it is {shown} here")


def _examine_audit_files(settings: Settings) -> Iterator[Check]:
    for path in (Path(place) for place in settings.audit_log if "/" in place):
        if path.is_file():
            possible = os.access(path, os.R_OK | os.W_OK)
        else:
            possible = not path.is_dir() and os.access(path.parent, os.W_OK | os.X_OK)
        if possible:
            yield Check("audit trail", Verdict.GOOD, f"{path} can be written")
        else:
            verdict = Verdict.ERROR if settings.audit_required else Verdict.WARNING
            yield Check("audit trail", verdict, f"{path} cannot be written")


def _examine_certificates(settings: Settings) -> Iterator[Check]:
    for protocol in PROTOCOLS:
        files = certificate_files(settings, protocol)
        if files is not None:
            verdict, sentence = _examine_certificate(settings, files)
            yield Check(f"{protocol} TLS", verdict, sentence)


def _examine_certificate(settings: Settings, files: CertificateFiles) -> tuple[Verdict, str]:
    try:
        certificate = usable_certificate(files)
    except CertificateUnusable as error:
        return Verdict.ERROR, str(error)
    now = SystemClock().now()
    if (concern := certificate.concern(now)) is not None:
        return (Verdict.WARNING if certificate.is_valid(now) else Verdict.ERROR), concern
    if not certificate.is_for(host := urlsplit(settings.issuer).hostname or ""):
        sentence = (
            f"{files.certificate} is not for {host}, the issuer's host:"
            " that is well if clients know this listener by another name"
        )
        return Verdict.WARNING, sentence
    names, days = ", ".join(certificate.names), (certificate.not_after - now).days
    return Verdict.GOOD, f"{files.certificate} is for {names}, and good for {days} days"


def _examine_ports(settings: Settings) -> Iterator[Check]:
    for name, address in (
        ("http", settings.http),
        ("grpc", settings.grpc),
        ("admin", settings.admin),
    ):
        if address is not None:
            yield _examine_port(name, address)


def _examine_port(name: str, address: Address) -> Check:
    try:
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((address.host, address.port))
    except OSError as error:
        sentence = f"{address}: {error.strerror}; that is well if this grantd is serving now"
        return Check(name, Verdict.WARNING, sentence)
    return Check(name, Verdict.GOOD, f"{address} is free")
