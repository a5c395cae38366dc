"""Objects held against the CRDs that will judge them, strictly: a field that the API server would drop is a mistake."""

from __future__ import annotations

from functools import cache
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from tests.servers.programs import data_file

FILES = (
    "argo-cd-3.5.1.yaml",
    "flux-helm-controller-1.6.3.yaml",
    "flux-kustomize-controller-1.9.4.yaml",
    "flux-source-controller-1.9.1.yaml",
)
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def faults(body: dict[str, Any], files: tuple[str, ...] = FILES) -> list[str]:
    """What the CRD of an object, in one of the files, has against it, in words."""
    schema = _schemas(files)[(body["apiVersion"], body["kind"])]
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(body)]


def has_crd(body: dict[str, Any]) -> bool:
    return (body.get("apiVersion"), body.get("kind")) in _schemas(FILES)


@cache
def _schemas(files: tuple[str, ...]) -> dict[tuple[str, str], dict[str, Any]]:
    found = {}
    for name in files:
        for crd in yaml.load_all(data_file("crds", name).read_bytes(), _LOADER):
            if not crd or crd.get("kind") != "CustomResourceDefinition":
                continue
            for version in crd["spec"]["versions"]:
                api_version = f"{crd['spec']['group']}/{version['name']}"
                schema = _closed(version["schema"]["openAPIV3Schema"])
                schema["properties"] |= {"metadata": {"type": "object"}, "apiVersion": {}, "kind": {}}
                found[(api_version, crd["spec"]["names"]["kind"])] = schema
    return found


def _closed(schema: Any) -> Any:
    """A structural schema that refuses what the API server prunes."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    properties = closed.get("properties")
    if isinstance(properties, dict) and "type" in closed and not closed.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    return closed
