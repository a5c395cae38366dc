"""Resources for the tables of verdicts about Linkerd."""

from typing import Any

import yaml

from meshwright_policy.linkerd.fragments import certificate, chart, deployment, namespace, obj
from meshwright_policy.record import Subject

from ..cases import Case, subject

__all__ = ["PLANE", "Case", "case", "certificate", "chart", "deployment", "namespace", "obj"]

PLANE = "linkerd-control-plane"


def case(rule: int, verdict: str, says: str, *texts: str, **config: Any) -> Case:
    """A case of a rule, MW-LNK-<rule>."""
    return Case(f"MW-LNK-{rule:03}", verdict, _subjects("".join(texts)), says, config)


def _subjects(text: str) -> tuple[Subject, ...]:
    resources = yaml.safe_load(text) or {}
    return tuple(
        subject(made["type"], yaml.safe_dump(made["properties"]), name, made.get("parents", ""))
        for name, made in resources.items()
    )
