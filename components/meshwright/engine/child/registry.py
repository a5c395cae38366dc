"""What the engine decides about a registration: its URN, what it inherits, and whether it may stand.

The rules are those of Pulumi's engine: pkg/resource/deploy (source_eval.go, deployment.go, step_generator.go).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlparse

import pulumi
from google.protobuf.struct_pb2 import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pulumi.runtime.proto import alias_pb2, resource_pb2, source_pb2

STACK: Final = "pulumi:pulumi:Stack"


class Refusal(pulumi.RunError):
    """A registration or an invoke that the engine refuses; the program ends with it."""

    def __init__(self, code: str, message: str, remedy: str, place: str = "") -> None:
        super().__init__(f"{message}; {remedy}")
        self.code, self.message, self.remedy, self.place = code, message, remedy, place


def unanswered(token: str) -> Refusal:
    """An invoke whose caller can't wait for a deployment, and that nobody gave a result for."""
    message = f"the program needs the result of {token} at once, and an offline run can't know it"
    return Refusal("MW-E070", message, f"give it under `invokes` in a file for --with, or use {token} as an output")


def not_given(stack: str, output: str, place: str) -> Refusal:
    """An output that the program requires of another stack, and that is not among those that were given for it."""
    message = f"the program requires output {output!r} of stack {stack}, and it is not among those given for it"
    return Refusal("MW-E069", message, f"add `{output}` under `stacks: {stack}:` in the file for --with", place)


@dataclass(slots=True)
class Registered:
    """What is kept of a resource for those that come after it."""

    parent: str
    type: str
    custom: bool
    place: str
    """``file:line`` of the program, or the empty string."""
    pending: bool
    """Made by a deployment, so that nothing can be read from it now."""
    id: str = ""
    protect: bool | None = None
    retain_on_delete: bool | None = None
    deleted_with: str = ""
    provider: str = ""
    """Reference (``urn::id``) of the explicit provider of a custom resource."""
    providers: dict[str, str] = field(default_factory=dict)
    """Package to provider reference: what a component hands to its children."""
    transforms: Sequence[Any] = ()
    state: Struct = field(default_factory=Struct)


@dataclass(slots=True)
class Registry:
    """The resources of one run, by URN."""

    project: str
    stack: str
    resources: dict[str, Registered] = field(default_factory=dict)

    def urn(self, parent: str, type_: str, name: str) -> str:
        """The URN of a resource: the types of its parents stand before its own, without the stack's."""
        parent_type = parent.split("::", 3)[2] if parent else ""
        chain = f"{parent_type}${type_}" if parent_type and parent_type != STACK else type_
        return f"urn:pulumi:{self.stack}::{self.project}::{chain}::{name}"

    def admit(self, urn: str, resource: Registered) -> None:
        """Records a resource. Raises `Refusal` for a URN that is taken."""
        first = self.resources.setdefault(urn, resource)
        if first is not resource:
            where = f" (the first is at {first.place})" if first.place else ""
            message = f"Duplicate resource URN '{urn}'{where}"
            raise Refusal("MW-E061", message, "try giving it a unique name", resource.place)

    def inherit(self, request: resource_pb2.RegisterResourceRequest) -> None:
        """Completes a request with what the engine takes from the parent (``inheritFromParent``)."""
        parent = self.resources.get(request.parent)
        if parent is None:
            return
        request.deletedWith = request.deletedWith or parent.deleted_with
        if switch(request, "protect") is None and parent.protect is not None:
            request.protect = parent.protect
        if switch(request, "retainOnDelete") is None and parent.retain_on_delete is not None:
            request.retainOnDelete = parent.retain_on_delete
        local_component = not (request.custom or request.remote)
        if not request.provider and (local_component or _provider_package(parent.provider) == package(request.type)):
            request.provider = parent.provider

    def provider_for(self, provider: str, providers: Mapping[str, str], parent: str, wanted: str) -> str:
        """The reference of the provider that serves a package here; empty for the default one (``resolveProvider``)."""
        if provider:
            return provider
        if wanted in providers:
            return providers[wanted]
        above = self.resources.get(parent)
        return above.providers.get(wanted, "") if above else ""

    def ancestors(self, urn: str) -> list[Registered]:
        """The resource itself, its parent, and so on to the stack."""
        chain: list[Registered] = []
        while (resource := self.resources.get(urn)) is not None:
            chain.append(resource)
            urn = resource.parent
        return chain

    def is_pending(self, urns: Sequence[str]) -> bool:
        """Whether one of these, or a resource below one of them, is only made by a deployment."""
        roots = set(urns)
        if any((found := self.resources.get(urn)) is not None and found.pending for urn in roots):
            return True
        components = {urn for urn in roots if urn in self.resources and not self.resources[urn].custom}
        return bool(components) and any(
            resource.pending and components.intersection(self._urns_above(resource))
            for resource in self.resources.values()
        )

    def _urns_above(self, resource: Registered) -> list[str]:
        return [resource.parent, *(above.parent for above in self.ancestors(resource.parent))]


def switch(request: resource_pb2.RegisterResourceRequest, name: str) -> bool | None:
    """A switch that may be absent; before SDK 3.160, absent and off were the same."""
    if request.DESCRIPTOR.fields_by_name[name].has_presence:
        return bool(getattr(request, name)) if request.HasField(name) else None  # type: ignore[arg-type]
    return getattr(request, name) or None


def check_type(type_: str) -> None:
    """Raises `Refusal` for the type of a custom or remote resource that isn't ``package:module:member``."""
    if type_.count(":") < 2:
        message = f"Type '{type_}' is not a valid type token"
        raise Refusal("MW-E060", message, "it must have the format package:module:member")


def package(type_: str) -> str:
    """The package of a type token."""
    return type_.split(":", 1)[0]


def provider_urn(reference: str) -> str:
    """The URN in a provider reference."""
    return reference.rpartition("::")[0]


def _provider_package(reference: str) -> str:
    return provider_urn(reference).split("::")[2].rpartition(":")[2] if reference else ""


def place(position: source_pb2.SourcePosition) -> tuple[str, int] | None:
    """File and line of a source position, if it has one."""
    return (unquote(urlparse(position.uri).path), position.line) if position.uri else None


def options(request: resource_pb2.RegisterResourceRequest) -> dict[str, Any]:
    """The options of a request, by the names of `meshwright.engine.graph.Options`."""
    timeouts = request.customTimeouts
    before = request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None
    return {
        "protect": request.protect,
        "ignore_changes": list(request.ignoreChanges),
        "replace_on_changes": list(request.replaceOnChanges),
        "additional_secret_outputs": list(request.additionalSecretOutputs),
        "aliases": [*request.aliasURNs, *map(_alias, request.aliases)],
        "retain_on_delete": request.retainOnDelete,
        "delete_before_replace": before,
        "deleted_with": request.deletedWith,
        "import_id": request.importId,
        "custom_timeouts": {field.name: str(value) for field, value in timeouts.ListFields()},
        "version": request.version,
        "plugin_download_url": request.pluginDownloadURL,
    }


def _alias(alias: alias_pb2.Alias) -> str:
    if alias.urn:
        return alias.urn
    spec = alias.spec
    parts = {
        "name": spec.name,
        "type": spec.type,
        "stack": spec.stack,
        "project": spec.project,
        "parent": spec.parentUrn,
    }
    if spec.noParent:
        parts["parent"] = "none"
    return ",".join(f"{key}={value}" for key, value in parts.items() if value)
