"""The tables of the gRPC edge leave nothing out."""

from google.protobuf import descriptor_pool

from adapters.grpc.errors import STATUS_CODES
from adapters.grpc.methods import CALLERS, NEEDED_SCOPES, Callers, is_offered
from adapters.grpc.server import SERVICE_NAMES
from domain.errors import ErrorCode, concrete_errors


def test_every_error_code_has_a_grpc_status() -> None:
    """And every code is somebody's: the table holds none too many."""
    assert set(STATUS_CODES) == set(ErrorCode) == {error.code for error in concrete_errors()}


def test_every_method_of_every_service_served_has_a_policy() -> None:
    """A method is in the table or it is not offered; the table names none that is not there."""
    pool = descriptor_pool.Default()
    described = {
        f"/{name}/{method.name}"
        for name in SERVICE_NAMES
        for method in pool.FindServiceByName(name).methods
    }

    assert set(CALLERS) == described


def test_only_what_tells_nothing_is_open_to_anybody() -> None:
    """Every method of ours authenticates its caller."""
    ours = {callers for method, callers in CALLERS.items() if "/grantd.v1." in method}

    assert ours == {Callers.CLIENTS}


def test_administration_is_for_who_may_administer_and_what_only_reads_says_so() -> None:
    """A method that shows needs the right to read, any other the right to write."""
    administrative = {
        method.rpartition("/")[2]: callers
        for method, callers in CALLERS.items()
        if "/grantd.admin." in method
    }

    assert administrative
    assert administrative == {
        method: Callers.READERS if method.startswith(("Get", "List")) else Callers.WRITERS
        for method in administrative
    }
    assert set(NEEDED_SCOPES) == {Callers.READERS, Callers.WRITERS}


def test_an_unlisted_method_is_not_offered() -> None:
    """Forgetting a method refuses it."""
    assert not is_offered("/grantd.v1.TokenService/MintGold")
