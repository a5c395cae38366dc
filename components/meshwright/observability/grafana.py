"""As much of Grafana's dashboard model as ours need (schema version 39, Grafana 11): rows of panels over Prometheus."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH: Final = 24
_HEIGHT: Final = 8


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression, and how its series are called."""

    expr: str
    legend: str = ""
    """With labels as ``{{node}}``. Default: all labels."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One graph, number or table."""

    title: str
    description: str
    queries: tuple[Query, ...]
    unit: str = "short"
    """One of Grafana's, such as ``reqps``, ``percentunit``, ``ms``, ``bytes``, ``s``."""
    kind: Literal["timeseries", "stat", "table"] = "timeseries"


@dataclass(frozen=True, slots=True)
class Row:
    """Panels beside each other, four at most."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice at the top of a dashboard: the values of a label."""

    name: str
    metric: str
    """The metric, perhaps with a selector, whose label it is."""
    label: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard; `name` is its file's and, with ``meshwright-`` before it, its stable address in Grafana."""

    name: str
    title: str
    description: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...] = ()
    tags: tuple[str, ...] = field(kw_only=True)

    def queries(self) -> Iterator[Query]:
        """All of them, in order."""
        for row in self.rows:
            for panel in row.panels:
                yield from panel.queries

    def model(self) -> dict[str, Any]:
        """What Grafana imports."""
        return {
            "uid": f"meshwright-{self.name}",
            "title": self.title,
            "description": self.description,
            "tags": list(self.tags),
            "schemaVersion": 39,
            "editable": False,
            "refresh": "1m",
            "time": {"from": "now-3h", "to": "now"},
            "templating": {"list": [_data_source(), *map(_variable, self.variables)]},
            "panels": list(self._panels()),
        }

    def _panels(self) -> Iterator[dict[str, Any]]:
        top, number = 0, 0
        for row in self.rows:
            number += 1
            place = {"x": 0, "y": top, "w": _WIDTH, "h": 1}
            yield {"id": number, "type": "row", "title": row.title, "collapsed": False, "gridPos": place, "panels": []}
            width = _WIDTH // len(row.panels)
            for column, panel in enumerate(row.panels):
                number += 1
                place = {"x": column * width, "y": top + 1, "w": width, "h": _HEIGHT}
                yield _panel(number, panel, place)
            top += 1 + _HEIGHT


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _SOURCE,
                "expr": query.expr,
                "legendFormat": query.legend or "__auto",
                # A number or a table is of now; a graph is of the time that is looked at.
                "instant": panel.kind != "timeseries",
                "range": panel.kind == "timeseries",
                **({"format": "table"} if panel.kind == "table" else {}),
            }
            for index, query in enumerate(panel.queries)
        ],
    }


def _data_source() -> dict[str, Any]:
    return {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}


def _variable(variable: Variable) -> dict[str, Any]:
    return {
        "name": variable.name,
        "label": variable.name.capitalize(),
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": f"label_values({variable.metric}, {variable.label})", "refId": variable.name},
        "refresh": 2,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
    }
