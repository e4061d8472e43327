"""What operations.md says of the request log is what there is."""

import re
from pathlib import Path

from adapters.request_record import Ending, Endpoint
from adapters.telemetry.request_log import MEMBERS

PAGE = (Path(__file__).resolve().parents[2] / "docs/operations.md").read_text()


def section(title: str) -> str:
    (found,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def rows(title: str) -> dict[str, str]:
    """Return what the tables of a section say, by what stands in their first column."""
    found = re.findall(r"^\| (`.+`) \| (.+) \|$", section(title), re.MULTILINE)
    return {name: text for names, text in found for name in re.findall(r"`([^`]+)`", names)}


def test_every_member_of_a_line_is_explained() -> None:
    """In the order in which a line has them."""
    assert list(rows("The request log")) == list(MEMBERS)


def test_every_endpoint_and_every_ending_is_named() -> None:
    explained = rows("The request log")

    named = set(re.findall(r"`(\w+)`", explained["endpoint"] + explained["outcome"]))
    assert {*Endpoint, *Ending} == named
