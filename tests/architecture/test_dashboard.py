"""Every query of the dashboard and of the alerts asks for something that there is."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from support.metrics import VALUES, declared_series

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = json.loads((ROOT / "conf/grafana/grantd.json").read_text())
ALERTS = yaml.safe_load((ROOT / "conf/prometheus/alerts.yml").read_text())
PAGE = (ROOT / "docs/operations.md").read_text()

SERIES = declared_series()
SCRAPED = frozenset({"job", "instance"})
"""Labels that Prometheus adds."""

VARIABLES = {"$__rate_interval": "5m", "$instance": ".+"}


def panels() -> Iterator[dict[str, Any]]:
    for panel in DASHBOARD["panels"]:
        yield panel
        yield from panel.get("panels", ())


def queries() -> dict[str, str]:
    """Return every expression, by where it stands."""
    found: dict[str, str] = {}
    for panel in panels():
        for target in panel.get("targets", ()):
            found[f"{panel['title']} {target['refId']}"] = target["expr"]
    for group in ALERTS["groups"]:
        for rule in group["rules"]:
            found[rule["alert"]] = rule["expr"]
    return found


QUERIES = queries()


def parsed(query: str) -> promql_parser.Expr:
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    return promql_parser.parse(query)


def selectors(expr: Any) -> Iterator[Any]:  # noqa: ANN401  (the parser has no types)
    """Yield every selector below an expression."""
    found: list[Any] = []
    promql_parser.walk(expr, found.append)
    for one in found:
        if isinstance(one, promql_parser.VectorSelector):
            yield one


@pytest.mark.parametrize("where", QUERIES)
def test_a_query_names_series_labels_and_values_that_there_are(where: str) -> None:
    """A slip of the pen shows nothing, and an alert with one never fires."""
    expr = parsed(QUERIES[where])

    found = list(selectors(expr))
    assert found
    for selector in found:
        labels = SERIES[selector.name]
        for matcher in selector.matchers.matchers:
            assert matcher.name in labels | SCRAPED, selector.name
            if matcher.name in VALUES and matcher.op == promql_parser.MatchOp.Equal:
                assert matcher.value in VALUES[matcher.name]
            elif matcher.name in VALUES:
                assert set(re.split(r"\|", matcher.value)) <= VALUES[matcher.name]


@pytest.mark.parametrize("where", QUERIES)
def test_a_query_groups_by_labels_that_there_are(where: str) -> None:
    expr = parsed(QUERIES[where])
    known = {label for one in selectors(expr) for label in SERIES[one.name]} | SCRAPED

    grouped = re.findall(r"\bby\s*\(([^)]*)\)", QUERIES[where])

    assert {label.strip() for group in grouped for label in group.split(",")} <= known
    legends = [
        target.get("legendFormat", "")
        for panel in panels()
        for target in panel.get("targets", ())
        if f"{panel['title']} {target['refId']}" == where
    ]
    for legend in legends:
        assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= known


def test_every_panel_says_what_it_shows_and_asks_the_chosen_source() -> None:
    shown = [panel for panel in panels() if panel["type"] != "row"]

    assert all(panel["title"] and panel["description"] for panel in shown)
    assert {panel["datasource"]["uid"] for panel in shown} == {"${datasource}"}
    ids = [panel["id"] for panel in panels()]
    assert len(ids) == len(set(ids))


def test_every_alert_says_what_to_do() -> None:
    for group in ALERTS["groups"]:
        for rule in group["rules"]:
            assert set(rule["annotations"]) == {"summary", "description"}, rule["alert"]
            assert rule["labels"]["severity"] in {"page", "ticket"}


def test_every_metric_is_looked_at_and_explained() -> None:
    """One that nobody looks at is not worth its cost; histograms are named without endings."""
    used = {one.name for query in QUERIES.values() for one in selectors(parsed(query))}
    metrics = {re.sub(r"_(bucket|count|sum)$", "", name) for name in SERIES}
    section = PAGE.split("\n## Metrics\n", 1)[1].split("\n## ", 1)[0]

    assert metrics == {re.sub(r"_(bucket|count|sum)$", "", name) for name in used}
    assert metrics == set(re.findall(r"^\| `(\w+)", section, re.MULTILINE))
