"""The contract is complete, its stubs are in step, and released parts of it stay."""

import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
BUF = Path(sysconfig.get_path("scripts")) / "buf"
CONTRACT = Path("proto/grantd/v1/token_service.proto")
STUB = Path("src/grantd/v1/token_service_pb2.pyi")
SECRETS = {"access_token", "client_assertion", "client_secret", "refresh_token", "token"}

# Where FileDescriptorProto and DescriptorProto keep their parts: the numbers that
# SourceCodeInfo.Location.path is made of.
MESSAGE, SERVICE, FIELD, METHOD = 4, 6, 2, 2


def run(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def comments(file: FileDescriptorProto) -> dict[tuple[int, ...], str]:
    return {tuple(place.path): place.leading_comments for place in file.source_code_info.location}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[FileDescriptorProto]:
    """Our contracts as buf reads them, with their comments."""
    image = tmp_path_factory.mktemp("image") / "image.binpb"
    built = run(BUF, "build", "-o", image)
    assert built.returncode == 0, built.stderr
    found = FileDescriptorSet.FromString(image.read_bytes()).file
    return [file for file in found if file.package.startswith("grantd.")]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the contract, its stubs and its tooling, to be broken."""
    for folder in ("proto", "scripts", "src/grantd"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def request_fields(files: list[FileDescriptorProto]) -> Iterator[tuple[str, str]]:
    for file in files:
        said = comments(file)
        for m, message in enumerate(file.message_type):
            if message.name.endswith("Request"):
                for f, field in enumerate(message.field):
                    yield f"{message.name}.{field.name}", said[MESSAGE, m, FIELD, f]


def method_comments(files: list[FileDescriptorProto]) -> Iterator[tuple[str, str]]:
    for file in files:
        said = comments(file)
        for s, service in enumerate(file.service):
            for m, method in enumerate(service.method):
                yield f"{service.name}.{method.name}", said[SERVICE, s, METHOD, m]


class TestContract:
    def test_buf_has_nothing_to_object_to(self) -> None:
        """STANDARD, COMMENTS and UNARY_RPC hold, and the file is formatted."""
        for command in (["lint"], ["format", "--diff", "--exit-code"]):
            checked = run(BUF, *command)
            assert checked.returncode == 0, checked.stdout + checked.stderr

    def test_a_request_field_says_whether_it_is_required(
        self, files: list[FileDescriptorProto]
    ) -> None:
        """Proto3 cannot say it, so the comment does, first thing."""
        fields = dict(request_fields(files))

        assert fields
        assert [
            name for name, said in fields.items() if not re.match(r" (Required|Optional)\. ", said)
        ] == []

    def test_a_method_says_who_may_call_it(self, files: list[FileDescriptorProto]) -> None:
        """The last paragraph of its comment names the callers."""
        methods = dict(method_comments(files))

        assert methods
        assert [
            name
            for name, said in methods.items()
            if not said.rstrip().rpartition("\n\n")[2].startswith(" Callers: ")
        ] == []

    def test_a_secret_field_is_marked_for_redaction(self, files: list[FileDescriptorProto]) -> None:
        """What opens something is marked, and nothing else is."""
        marked = {
            field.name
            for file in files
            for message in file.message_type
            for field in message.field
            if field.options.debug_redact
        }
        unmarked = {
            field.name
            for file in files
            for message in file.message_type
            for field in message.field
            if not field.options.debug_redact
        }

        assert marked == SECRETS
        assert unmarked.isdisjoint(SECRETS)


class TestBaseline:
    def test_nothing_released_is_broken(self) -> None:
        """Every client of the committed baseline can go on."""
        compared = run(BUF, "breaking", "--against", "proto/baseline.binpb")

        assert compared.returncode == 0, compared.stdout + compared.stderr

    def test_a_break_is_caught(self, copy: Path) -> None:
        """A field with another number is found, by name."""
        edit(copy / CONTRACT, "string client_id = 5;", "string client_id = 17;")

        compared = run(BUF, "breaking", "--against", "proto/baseline.binpb", cwd=copy)

        assert compared.returncode != 0
        assert '"client_id"' in compared.stdout


class TestStubs:
    def test_stubs_are_in_step_with_the_contract(self) -> None:
        """What is committed is what the generator makes."""
        checked = run(sys.executable, "scripts/build_protos.py", "--check")

        assert checked.returncode == 0, checked.stderr

    def test_a_stub_edited_by_hand_is_caught(self, copy: Path) -> None:
        """The difference is shown, and nothing is repaired unasked."""
        edit(copy / STUB, "grant_type: str", "grant_type: int")

        checked = run(sys.executable, "scripts/build_protos.py", "--check", cwd=copy)

        assert checked.returncode == 1
        assert f"{STUB}: out of step" in checked.stderr
        assert "grant_type: int" in (copy / STUB).read_text(encoding="utf-8")

    def test_a_stub_left_over_or_missing_is_caught_and_repaired(self, copy: Path) -> None:
        """A stub without a contract goes, a contract without a stub gets one."""
        left_over = copy / STUB.with_name("gone_pb2.py")
        left_over.touch()
        (copy / STUB).unlink()

        before = run(sys.executable, "scripts/build_protos.py", "--check", cwd=copy)
        run(sys.executable, "scripts/build_protos.py", "--write", cwd=copy)
        after = run(sys.executable, "scripts/build_protos.py", "--check", cwd=copy)

        assert "gone_pb2.py: no contract has it any more" in before.stderr
        assert f"{STUB}: missing" in before.stderr
        assert not left_over.exists()
        assert after.returncode == 0, after.stderr

    def test_no_runtime_that_may_be_installed_is_older_than_the_generator(self) -> None:
        """Stubs refuse an older runtime at import, so our floors are not below them."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        required = {
            requirement.name: requirement.specifier
            for requirement in map(Requirement, project["project"]["dependencies"])
        }
        stubs = (ROOT / "src/grantd/v1/token_service_pb2.py").read_text(encoding="utf-8")
        grpc_stubs = (ROOT / "src/grantd/v1/token_service_pb2_grpc.py").read_text(encoding="utf-8")
        [protobuf] = re.findall(r"^# Protobuf Python Version: (.+)$", stubs, re.MULTILINE)
        [grpcio] = re.findall(r"^GRPC_GENERATED_VERSION = '(.+)'$", grpc_stubs, re.MULTILINE)

        for name, generated in (("protobuf", protobuf), ("grpcio", grpcio)):
            [floor] = [bound.version for bound in required[name] if bound.operator == ">="]
            assert Version(floor) >= Version(generated)
