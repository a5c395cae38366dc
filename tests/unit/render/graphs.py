"""Small graphs, built by hand, for the tests of rendering."""

from __future__ import annotations

from typing import Any

from meshwright.engine.graph import Graph, Resource, Value

STACK_URN = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"


def resource(type_: str, name: str, inputs: dict[str, Value] | None = None, **fields: Any) -> Resource:
    """A custom resource under the stack, unless `fields` say otherwise."""
    fields.setdefault("parent", STACK_URN)
    fields.setdefault("custom", True)
    return Resource(urn=urn(type_, name), type=type_, name=name, inputs=inputs or {}, **fields)


def urn(type_: str, name: str) -> str:
    return f"urn:pulumi:dev::shop::{type_}::{name}"


def component(type_: str, name: str, **fields: Any) -> Resource:
    return resource(type_, name, custom=False, **fields)


def kubernetes(api_version: str, kind: str, name: str, namespace: str = "", **fields: Any) -> Resource:
    """A Kubernetes object as the Pulumi SDK registers it; `body` is merged into its inputs."""
    group = api_version if "/" in api_version else f"core/{api_version}"
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    inputs = {"apiVersion": api_version, "kind": kind, "metadata": metadata} | fields.pop("body", {})
    return resource(f"kubernetes:{group}:{kind}", fields.pop("logical", name), inputs, **fields)


def release(name: str, **fields: Any) -> Resource:
    """A Helm release of the chart of that name."""
    inputs = {
        "chart": name,
        "name": name,
        "namespace": "istio-system",
        "version": "1.31.1",
        "repositoryOpts": {"repo": "https://charts.example"},
    } | fields.pop("inputs", {})
    return resource("kubernetes:helm.sh/v3:Release", fields.pop("logical", name), inputs, **fields)


def graph(*resources: Resource) -> Graph:
    stack = Resource(urn=STACK_URN, type="pulumi:pulumi:Stack", name="shop-dev")
    return Graph(project="shop", stack="dev", organization="acme", resources=(stack, *resources))
