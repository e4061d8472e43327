import base64
import subprocess
import sys
from threading import Thread

from adapters.system.entropy import SystemEntropy
from domain.model.identifiers import bucket_in, bucket_of, is_made_for_a_client


def test_a_token_has_the_bytes_asked_for_without_padding() -> None:
    """32 bytes by default."""
    entropy = SystemEntropy()
    assert len(entropy.token()) == 43
    assert len(base64.urlsafe_b64decode(entropy.token(12))) == 12
    assert len(entropy.octets(7)) == 7


def test_an_identifier_begins_with_its_bucket() -> None:
    """And is of the shape that the core takes for its own."""
    identifier = SystemEntropy().identifier(bucket_of("billing"))
    assert is_made_for_a_client(identifier)
    assert bucket_in(identifier) == bucket_of("billing")


def test_nothing_comes_twice() -> None:
    """As far as a thousand draws can tell."""
    entropy = SystemEntropy()
    bucket = bucket_of("billing")
    assert len({entropy.identifier(bucket) for _ in range(1_000)}) == 1_000
    assert len({entropy.token() for _ in range(1_000)}) == 1_000


def test_nothing_comes_twice_to_threads_that_draw_at_once() -> None:
    """What one has taken no other finds."""
    entropy = SystemEntropy()
    bucket = bucket_of("billing")
    drawn: list[str] = []

    def draw() -> None:
        drawn.extend([entropy.identifier(bucket) for _ in range(1_000)])

    threads = [Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(drawn)) == 4_000


_FORK = """
import os
from adapters.system.entropy import SystemEntropy
entropy = SystemEntropy()
entropy.identifier("000")
child = os.fork()
os.write(1, "".join(entropy.identifier("000") + "\\n" for _ in range(100)).encode())
if child:
    os.waitpid(child, 0)
"""


def test_nothing_comes_twice_to_a_process_and_the_one_it_forked() -> None:
    """What was drawn before the fork is the parent's."""
    run = subprocess.run([sys.executable, "-c", _FORK], capture_output=True, text=True, check=True)

    assert len(set(run.stdout.split())) == 200
