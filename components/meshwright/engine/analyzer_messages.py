"""Resources as Pulumi's engine shows them to a policy pack (pkg/resource/plugin/analyzer_plugin.go)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from meshwright.engine.graph import UNKNOWN, Asset, ResourceReference, Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.struct_pb2 import Struct
    from pulumi.runtime.proto.analyzer_pb2 import AnalyzeRequest, AnalyzerResource, AnalyzerResourceOptions

    from meshwright.engine.graph import Resource, Value

# Signatures and sentinels of the wire format: sdk/go/common/resource/sig, sdk/go/common/resource/plugin/rpc.go.
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  (a public constant of the protocol)
_ASSETS: Final = {"asset": "c44067f5952c0a294b673a41bacd8c17", "archive": "0def7320c3a5731c473e5ecbe6d01bc7"}
_UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_GO_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def to_struct(properties: Mapping[str, Value]) -> Struct:
    """Property values as the engine sends them to a pack."""
    from google.protobuf.struct_pb2 import Struct

    struct = Struct()
    for key, value in properties.items():
        # Keys that begin with two underscores are the provider's own: the engine leaves them out.
        if not key.startswith("__"):
            _set(struct.fields[key], value)
    return struct


def _set(target: Any, value: Value) -> None:
    """Give a protobuf Value a value. Written out, because ``Struct.update`` takes twice as long."""
    if isinstance(value, str):
        target.string_value = value
    elif isinstance(value, dict):
        target.struct_value.SetInParent()
        fields = target.struct_value.fields
        for key, element in value.items():
            _set(fields[key], element)
    elif isinstance(value, list | tuple):
        target.list_value.SetInParent()
        values = target.list_value.values
        for element in value:
            _set(values.add(), element)
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    elif value is None:
        target.null_value = 0
    else:
        _set(target, _marked(value))


def _marked(value: Value) -> Any:
    """A value that JSON doesn't have, in the marks of the protocol."""
    if value is UNKNOWN:
        return _UNKNOWN
    if isinstance(value, Secret):
        return {_SIGNATURE: _SECRET, "value": value.value}
    if isinstance(value, ResourceReference):
        return value.urn
    if isinstance(value, Asset):
        return {_SIGNATURE: _ASSETS[value.kind], **value.fields}
    raise TypeError(f"a graph holds no {type(value).__name__}")


def analyze_request(resource: Resource, properties: Struct, provider: Resource | None) -> AnalyzeRequest:
    """A resource as Analyze and Remediate get it. ``provider``: its explicit provider."""
    from pulumi.runtime.proto import analyzer_pb2 as proto

    return proto.AnalyzeRequest(**_common(resource, properties, provider))


def stack_resource(resource: Resource, properties: Struct, provider: Resource | None) -> AnalyzerResource:
    """A resource as AnalyzeStack gets it."""
    from pulumi.runtime.proto import analyzer_pb2 as proto

    return proto.AnalyzerResource(
        **_common(resource, properties, provider),
        parent=resource.parent,
        dependencies=resource.dependencies,
        propertyDependencies={
            key: proto.AnalyzerPropertyDependencies(urns=urns)
            for key, urns in resource.property_dependencies.items()
            if urns
        },
    )


def _common(resource: Resource, properties: Struct, provider: Resource | None) -> dict[str, Any]:
    from pulumi.runtime.proto import analyzer_pb2 as proto

    return {
        "type": resource.type,
        "urn": resource.urn,
        "name": resource.name,
        "properties": properties,
        "options": _options(resource),
        "provider": provider
        and proto.AnalyzerProviderResource(
            urn=provider.urn, type=provider.type, name=provider.name, properties=to_struct(provider.inputs)
        ),
    }


def _options(resource: Resource) -> AnalyzerResourceOptions:
    from pulumi.runtime.proto import analyzer_pb2 as proto

    options = resource.options
    timeouts = {operation: seconds(duration) for operation, duration in options.custom_timeouts.items()}
    return proto.AnalyzerResourceOptions(
        protect=options.protect,
        ignoreChanges=options.ignore_changes,
        deleteBeforeReplace=bool(options.delete_before_replace),
        deleteBeforeReplaceDefined=options.delete_before_replace is not None,
        additionalSecretOutputs=options.additional_secret_outputs,
        aliases=options.aliases,
        customTimeouts=proto.AnalyzerResourceOptions.CustomTimeouts(
            create=timeouts.get("create", 0),
            update=timeouts.get("update", 0),
            delete=timeouts.get("delete", 0),
            read=timeouts.get("read", 0),
        ),
        parent=resource.parent,
    )


def seconds(duration: str) -> float:
    """A Go duration such as ``1h30m`` in seconds; what isn't one is 0."""
    total, number, unit = 0.0, "", ""
    for character in duration + "0":
        if unit and (character.isdigit() or character == "."):
            if unit not in _GO_UNITS or not number:
                return 0.0
            total += float(number) * _GO_UNITS[unit]
            number, unit = "", ""
        if character.isdigit() or character == ".":
            number += character
        else:
            unit += character
    return total
