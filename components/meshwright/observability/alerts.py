"""Alerting rules, for the Prometheus operator: each has a section in its mesh's page of runbooks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

CRITICAL: Final = "critical"
WARNING: Final = "warning"
INFO: Final = "info"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alerting rule."""

    name: str
    expr: str
    """PromQL; each series that it gives is an alert."""
    wait: str
    """How long it has to hold (``for``)."""
    severity: str
    """`CRITICAL`: traffic or its protection is failing. `WARNING`: it will. `INFO`: for whoever plans the rollout."""
    summary: str
    description: str

    def rule(self, runbooks: str, labels: Mapping[str, str]) -> dict[str, Any]:
        """The rule as a PrometheusRule has it; ``runbooks`` is the address of the page whose sections are alerts."""
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": self.wait,
            "labels": {**labels, "severity": self.severity},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": f"{runbooks}#{self.name.lower()}",
            },
        }
