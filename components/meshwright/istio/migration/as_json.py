"""A migration as plain values for JSON: the report and the plan, each whole."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from meshwright.istio.migration.files import path_of
from meshwright.istio.migration.objects import identity
from meshwright.istio.migration.report import ORDER

if TYPE_CHECKING:
    from meshwright.istio.migration.migrate import Migration
    from meshwright.istio.migration.objects import Identity
    from meshwright.istio.migration.plan import Step
    from meshwright.istio.migration.report import Finding


def report(migration: Migration) -> dict[str, Any]:
    """What becomes of each object, and in what the mesh will differ."""
    counted = Counter(each.verdict for each in migration.findings)
    return {
        "counts": {verdict.value: counted[verdict] for verdict in ORDER},
        "objects": [_finding(each) for each in migration.findings],
    }


def plan(migration: Migration) -> dict[str, Any]:
    """The namespaces in their order, and the steps."""
    return {
        "namespaces": [
            {
                "name": each.name,
                "waypoint": bool(each.waypoint),
                "services": [
                    {"name": service, "because": [_object(one) for one in why]} for service, why in each.waypoint
                ],
            }
            for each in migration.namespaces
        ],
        "kept": list(migration.kept),
        "steps": [_step(each) for each in migration.steps],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        **_object(finding.identity),
        "place": finding.place,
        "verdict": finding.verdict.value,
        "reason": finding.reason,
        "hint": finding.hint,
        "becomes": [_object(each) for each in finding.becomes],
        "differences": [
            {
                "topic": each.topic.value,
                "namespace": each.namespace,
                "service": each.service,
                "effect": each.effect,
                "text": each.text,
            }
            for each in finding.differences
        ],
    }


def _object(found: Identity) -> dict[str, str]:
    return {"kind": found.kind, "group": found.group, "namespace": found.namespace, "name": found.name}


def _step(step: Step) -> dict[str, Any]:
    return {
        "number": step.number,
        "title": step.title,
        "why": step.why,
        "namespace": step.namespace,
        "decide": list(step.decide),
        "before": list(step.before),
        "commands": list(step.commands),
        "apply": [f"{step.folder}/apply/{path_of(identity(body))}" for body in step.new],
        "replace": [f"{step.folder}/replace/{path_of(identity(body))}" for body in step.changed],
        "delete": [_object(each) for each in step.deleted],
        "restart": list(step.restart),
        "after": list(step.after),
        "undo": list(step.undo),
    }
