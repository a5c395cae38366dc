"""Resources as Pulumi writes them in JSON, in a state and in the events of a preview, made into a `Graph`.

The form of property values is that of sdk/go/common/resource/stack; a secret is ciphertext there, or the word
``[secret]``, and so counts as unknown.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from meshwright.engine.graph import (
    UNKNOWN,
    Asset,
    Graph,
    Options,
    Resource,
    ResourceReference,
    Secret,
    SourcePosition,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STACK_TYPE: Final = "pulumi:pulumi:Stack"
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  (a public constant of the protocol)
_ASSETS: Final = {"c44067f5952c0a294b673a41bacd8c17": "asset", "0def7320c3a5731c473e5ecbe6d01bc7": "archive"}
_REFERENCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_SENTINELS: Final = frozenset(  # one for each type of value: sdk/go/common/resource/plugin/rpc.go
    (
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    )
)
_WITHHELD: Final = "[secret]"
_URN: Final = re.compile(r"urn:pulumi:(?P<stack>[^:]+)::(?P<project>[^:]+)::(?P<type>.+?)::(?P<name>.+)", re.DOTALL)
_POSITION: Final = re.compile(r"project:///(?P<file>.+)#(?P<line>\d+)(?:,\d+)?")
_NOT_THE_USERS: Final = ("site-packages", "dist-packages", "node_modules")


@dataclass(frozen=True, slots=True)
class Address:
    """What a URN says."""

    stack: str
    project: str
    name: str


def address(urn: object) -> Address:
    """The parts of a URN. Raises `ValueError` for anything else."""
    match = _URN.fullmatch(urn) if isinstance(urn, str) else None
    if match is None:
        raise ValueError("a resource without a URN")
    return Address(match["stack"], match["project"], match["name"])


def resource(state: Mapping[str, Any], root: Path | None = None) -> Resource:
    """One resource. ``root``: the project's folder, which source positions are relative to.

    Raises:
        ValueError: a form that Pulumi does not write.
    """
    urn = state.get("urn")
    return Resource(
        urn=str(urn),
        type=_text(state, "type"),
        name=address(urn).name,
        parent=_text(state, "parent"),
        custom=state.get("custom") is True,
        read=state.get("external") is True,
        inputs=_properties(state, "inputs"),
        outputs={} if state.get("custom") is True else _properties(state, "outputs"),
        dependencies=tuple(sorted(map(str, state.get("dependencies") or ()))),
        property_dependencies={
            str(key): tuple(map(str, urns)) for key, urns in (state.get("propertyDependencies") or {}).items() if urns
        },
        provider=_text(state, "provider").rpartition("::")[0],
        options=Options(
            protect=state.get("protect") is True,
            retain_on_delete=state.get("retainOnDelete") is True,
            additional_secret_outputs=tuple(map(str, state.get("additionalSecretOutputs") or ())),
            aliases=tuple(map(str, state.get("aliases") or ())),
        ),
        source=_source(state, root),
    )


def graph(resources: Iterable[Resource]) -> Graph:
    """The graph of a stack's resources; a root is made where Pulumi wrote none.

    Raises:
        ValueError: there is no resource, or one URN twice, or resources of two stacks.
    """
    found: dict[str, Resource] = {}
    for each in resources:
        if each.urn in found:
            raise ValueError(f"{each.urn} is there twice")
        found[each.urn] = each
    addresses = {(one.project, one.stack) for one in map(address, found)}
    if len(addresses) != 1:
        raise ValueError(f"resources of {len(addresses)} stacks")
    ((project, stack),) = addresses
    root = next((each for each in found.values() if each.type == STACK_TYPE), None)
    if root is None:
        name = f"{project}-{stack}"
        root = Resource(urn=f"urn:pulumi:{stack}::{project}::{STACK_TYPE}::{name}", type=STACK_TYPE, name=name)
    rest = tuple(each for each in found.values() if each is not root)
    return Graph(project, stack, "organization", (root, *rest))


def value(wire: Any) -> Value:
    """A property value; unknown where only Pulumi can read it."""
    if isinstance(wire, str):
        return UNKNOWN if wire in _SENTINELS or wire == _WITHHELD else wire
    if isinstance(wire, list):
        return [value(item) for item in wire]
    if not isinstance(wire, dict):
        return wire
    signature = wire.get(_SIGNATURE)
    if signature is None:
        return {str(key): value(item) for key, item in wire.items()}
    if signature == _SECRET:
        return _secret(wire)
    if signature in _ASSETS:
        fields = {key: value(item) for key, item in wire.items() if key != _SIGNATURE}
        return Asset(_ASSETS[signature], fields)
    if signature == _REFERENCE:
        return ResourceReference(str(wire.get("urn", "")))
    return value(wire["value"]) if signature == _OUTPUT and "value" in wire else UNKNOWN


def _secret(wire: Mapping[str, Any]) -> Value:
    """A secret that was exported in the clear stays one; any other can't be known here."""
    if isinstance(wire.get("plaintext"), str):
        return Secret(value(json.loads(wire["plaintext"])))
    return UNKNOWN


def _text(state: Mapping[str, Any], key: str) -> str:
    found = state.get(key) or ""
    if not isinstance(found, str):
        raise ValueError(f"a resource whose {key} is no text")
    return found


def _properties(state: Mapping[str, Any], key: str) -> Mapping[str, Value]:
    found = state.get(key) or {}
    if not isinstance(found, dict):
        raise ValueError(f"a resource whose {key} are no mapping")
    return {str(name): value(item) for name, item in found.items()}


def _source(state: Mapping[str, Any], root: Path | None) -> SourcePosition | None:
    """The first line on the way to the resource that is the user's own."""
    frames = [state, *(state.get("stackTrace") or ())]
    for frame in frames:
        position = _POSITION.fullmatch(str(frame.get("sourcePosition") or ""))
        if position and not any(part in _NOT_THE_USERS for part in Path(position["file"]).parts):
            file = Path(position["file"])
            if ".." not in file.parts:
                return SourcePosition(str(root / file if root else file), int(position["line"]))
    return None
