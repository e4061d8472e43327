"""The pages lead to one another, and long ones say at their head what is in them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))

LINK = re.compile(r"\]\((?!https?://|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def text_of(page: Path) -> str:
    return FENCED.sub("", page.read_text())


def anchors(page: Path) -> list[str]:
    """Return what its headings are linked by, as GitHub makes it."""
    headings = HEADING.findall(text_of(page))
    return [re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings]


def links(page: Path) -> Iterator[tuple[Path, str]]:
    for target, anchor in LINK.findall(text_of(page)):
        yield (page.parent / target if target else page), anchor


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in links(page):
        assert target.exists(), target
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), (target, anchor)


@pytest.mark.parametrize("name", ["operations.md", "administration.md"])
def test_a_long_page_tells_at_its_head_what_is_in_it(name: str) -> None:
    """In its own order, with nothing left out."""
    page = ROOT / "docs" / name
    head = page.read_text().partition("\n## ")[0]
    sections = re.findall(r"^## (.+)$", text_of(page), re.MULTILINE)

    told = [words for words, _ in re.findall(r"\[([^]]+)\]\(#([^)]+)\)", head)]

    assert [one.lower() for one in told] == [one.lower() for one in sections]
