"""The state of a stack, as `pulumi stack export` writes it and as a backend keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshwright.gate import states
from meshwright.gate.files import foreign, parse_json, read_text

if TYPE_CHECKING:
    from pathlib import Path

    from meshwright.engine.graph import Graph

_REMEDY = "write it with `pulumi stack export --file FILE`"


def read_state(path: Path, root: Path | None = None) -> Graph:
    """The graph of a state: all that the stack has, without what waits for its deletion.

    Args:
        path: JSON of ``pulumi stack export``, or a checkpoint of a file backend; ``-`` for standard input.
        root: Folder of the project, which the state's source positions are relative to.

    Raises:
        ConfigError: MW-E035 it can't be read, MW-E036 it is no state of Pulumi's.
    """
    try:
        content = parse_json(read_text(path))
    except ValueError as error:
        raise foreign(path, f"isn't JSON: {error}", _REMEDY) from None
    resources = _resources(content)
    if resources is None:
        raise foreign(path, f"is {_guess(content)}, not a state of Pulumi's", _REMEDY)
    if not resources:
        raise foreign(path, "is the state of a stack without resources", "deploy the stack first")
    try:
        return states.graph(states.resource(each, root) for each in resources if each.get("delete") is not True)
    except (ValueError, TypeError, AttributeError) as error:
        raise foreign(path, f"isn't a state that Pulumi writes ({error})", _REMEDY) from None


def _resources(content: Any) -> list[Any] | None:
    """The resources of an export, or of a checkpoint; None for what is neither."""
    if not isinstance(content, dict):
        return None
    if isinstance(checkpoint := content.get("checkpoint"), dict):
        deployment = checkpoint.get("latest")
    else:
        deployment = content.get("deployment")
    if not isinstance(deployment, dict) or "manifest" not in deployment:
        return None
    resources = [] if deployment.get("resources") is None else deployment["resources"]
    return resources if isinstance(resources, list) else None


def _guess(content: Any) -> str:
    if not isinstance(content, dict):
        return "other JSON"
    if "terraform_version" in content:
        return "a state of Terraform's or OpenTofu's"
    if "AWSTemplateFormatVersion" in content or "StackResources" in content:
        return "of CloudFormation"
    if "apiVersion" in content and "kind" in content:
        return "a Kubernetes object (see --manifests)"
    return "the JSON of `pulumi preview`" if "steps" in content and "changeSummary" in content else "other JSON"
