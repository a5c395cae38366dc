"""Graphs made by hand, and small packs of somebody else's."""

from pathlib import Path
from textwrap import dedent
from typing import Any

from meshwright.engine.graph import Graph, Resource

STACK = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:dev::shop::{kind}::{name}"


def resource(kind: str, name: str, inputs: dict[str, Any], **rest: Any) -> Resource:
    custom = not kind.startswith("meshwright:")
    return Resource(urn(kind, name), kind, name, **{"parent": STACK, "custom": custom, "inputs": inputs, **rest})


def graph(*resources: Resource) -> Graph:
    root = Resource(STACK, "pulumi:pulumi:Stack", "shop-dev")
    return Graph("shop", "dev", "organization", (root, *resources))


def pack(folder: Path, code: str, *, runtime: str = "python") -> Path:
    """A pack in a folder. ``code`` defines ``policies``; names of the SDK are imported."""
    (folder / "PulumiPolicy.yaml").write_text(f"name: theirs\nruntime: {runtime}\n")
    head = "from pulumi_policy import *\nimport os, sys, time, json\n"
    tail = '\nPolicyPack("theirs", policies)\n'
    (folder / "__main__.py").write_text(head + dedent(code) + tail)
    return folder
