"""Resources in the form of Pulumi YAML, for the tables of verdicts."""

from typing import Any

import yaml

from meshwright_policy.istio.fragments import chart, namespace, resource, service, waypoint
from meshwright_policy.record import Subject

from ..cases import Case, subject

__all__ = [
    "AMBIENT",
    "PODS",
    "SHOP",
    "USES",
    "Case",
    "case",
    "chart",
    "namespace",
    "of",
    "resource",
    "service",
    "waypoint",
]

USES = "istio.io/use-waypoint: waypoint"
AMBIENT = namespace()
SHOP = namespace(labels=USES) + waypoint()
"""An ambient namespace with its waypoint."""


def of(kind: str, name: str, spec: str, where: str = "shop", more: str = "") -> str:
    """An object with a spec, in a namespace."""
    return resource(name, kind, f"metadata: {{name: {name}, namespace: {where}{more}}}", f"spec: {spec}")


PODS = of("apps/v1:Deployment", "pods", "{template: {metadata: {labels: {app: cart}}}}")
"""A workload of the namespace."""


def case(rule: int, verdict: str, says: str, *texts: str, **config: Any) -> Case:
    """A case of a rule, MW-IST-<rule>."""
    return Case(f"MW-IST-{rule:03}", verdict, _subjects("".join(texts)), says, config)


def _subjects(text: str) -> tuple[Subject, ...]:
    resources = yaml.safe_load(text) or {}
    return tuple(
        subject(made["type"], yaml.safe_dump(made["properties"]), name, made.get("parents", ""))
        for name, made in resources.items()
    )
