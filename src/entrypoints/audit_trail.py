"""The audit trail that the settings want: which places it is written to."""

import sys
from pathlib import Path
from typing import TextIO

from adapters.audit_lines import NearPlace
from adapters.telemetry.audit import AuditCounts, WrittenAuditTrail
from adapters.telemetry.audit_places import FilePlace, StreamPlace
from domain.ports.clock import Clock
from entrypoints.setting_forms import OFF, REDIS_STREAM, STDERR, STDOUT
from entrypoints.settings import Settings
from entrypoints.stores import Stores


def audit_trail(
    settings: Settings, stores: Stores, clock: Clock, *, counts: AuditCounts, stdout: TextIO
) -> WrittenAuditTrail:
    streams = {STDERR: ("standard error", sys.stderr), STDOUT: ("standard output", stdout)}
    here: list[NearPlace] = []
    for place in settings.audit_log:
        if place in streams:
            name, stream = streams[place]
            here.append(StreamPlace(name, stream, log_format=settings.log_format))
        elif place not in (OFF, REDIS_STREAM):
            here.append(FilePlace(Path(place)))
    return WrittenAuditTrail(
        here,
        gathered=stores.audit if REDIS_STREAM in settings.audit_log else (),
        required=settings.audit_required,
        clock=clock,
        counts=counts,
    )
