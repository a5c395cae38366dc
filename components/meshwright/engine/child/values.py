"""Property values on the wire: ``google.protobuf.Struct`` with Pulumi's signatures for what JSON can't say.

Signatures and sentinels: sdk/go/common/resource/sig and sdk/go/common/resource/plugin/rpc.go.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from google.protobuf import json_format
from google.protobuf.struct_pb2 import ListValue, Struct, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  (a public constant of the protocol)
OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def to_message(struct: Struct) -> str:
    """A Struct as text that survives JSON."""
    return base64.b64encode(struct.SerializeToString()).decode("ascii")


def to_struct(properties: Mapping[str, Any]) -> Struct:
    """A Struct of plain values; a dictionary with a signature is passed on as it is."""
    return json_format.ParseDict(dict(properties), Struct())


def to_plain(struct: Struct) -> dict[str, Any]:
    """The plain values of a Struct; numbers are floats, signatures stay."""
    plain: dict[str, Any] = json_format.MessageToDict(struct)
    return plain


def signature(value: Value) -> str:
    """The signature of a value, or the empty string."""
    if value.WhichOneof("kind") != "struct_value" or SIGNATURE not in value.struct_value.fields:
        return ""
    return str(value.struct_value.fields[SIGNATURE].string_value)


def _record(kind: str, **fields: Value) -> Value:
    return Value(struct_value=Struct(fields={SIGNATURE: Value(string_value=kind), **fields}))


def secret(value: Value) -> Value:
    """The value as a secret; a secret stays as it is."""
    return value if signature(value) == SECRET else _record(SECRET, value=value)


def output(value: Value, dependencies: Iterable[str] = ()) -> Value:
    """The value as an output value that depends on these URNs too."""
    fields: dict[str, Value] = {}
    if signature(value) == OUTPUT:
        fields = dict(value.struct_value.fields)
        dependencies = {*dependencies, *_urns(value)}
        del fields[SIGNATURE]
    elif signature(value) == SECRET:
        inner = output(value.struct_value.fields["value"])
        fields = {**inner.struct_value.fields, "secret": Value(bool_value=True)}
        dependencies = {*dependencies, *_urns(inner)}
        del fields[SIGNATURE]
    elif not (value.WhichOneof("kind") == "string_value" and value.string_value == UNKNOWN):
        fields = {"value": value}
    urns = [Value(string_value=urn) for urn in sorted(dependencies)]
    if urns:
        fields["dependencies"] = Value(list_value=ListValue(values=urns))
    return _record(OUTPUT, **fields)


def upgrade(value: Value) -> Value:
    """The value with every secret and unknown in it as an output value: so the engine hands it to a transform."""
    kind = value.WhichOneof("kind")
    if kind == "list_value":
        return Value(list_value=ListValue(values=[upgrade(item) for item in value.list_value.values]))
    if kind == "struct_value" and signature(value) not in (SECRET, OUTPUT):
        fields = {key: upgrade(item) for key, item in value.struct_value.fields.items()}
        return Value(struct_value=Struct(fields=fields))
    if kind == "struct_value" or (kind == "string_value" and value.string_value == UNKNOWN):
        return output(value)
    return value


def downgrade(value: Value) -> Value:
    """The value with every output value in it as what it stands for: a plain value, a secret, or an unknown."""
    kind = value.WhichOneof("kind")
    if kind == "list_value":
        return Value(list_value=ListValue(values=[downgrade(item) for item in value.list_value.values]))
    if kind != "struct_value":
        return value
    fields = value.struct_value.fields
    if signature(value) != OUTPUT:
        return Value(struct_value=Struct(fields={key: downgrade(item) for key, item in fields.items()}))
    element = downgrade(fields["value"]) if "value" in fields else Value(string_value=UNKNOWN)
    is_secret = "secret" in fields and fields["secret"].bool_value
    return secret(element) if is_secret else element


def dependencies_in(value: Value) -> Iterator[str]:
    """The URNs on which the output values in a value depend."""
    kind = value.WhichOneof("kind")
    if kind == "list_value":
        for item in value.list_value.values:
            yield from dependencies_in(item)
    elif kind == "struct_value":
        if signature(value) == OUTPUT:
            yield from _urns(value)
        for item in value.struct_value.fields.values():
            yield from dependencies_in(item)


def _urns(value: Value) -> list[str]:
    fields = value.struct_value.fields
    return [urn.string_value for urn in fields["dependencies"].list_value.values] if "dependencies" in fields else []
