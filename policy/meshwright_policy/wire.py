"""Property values as Pulumi's engine sends them: protobuf Structs with marks for secrets, assets and unknown values.

A Struct is read straight into plain values. The way over ``json_format.MessageToDict``, which the SDK takes once for
each rule, costs three times as much.
"""

from typing import Any, Final

from meshwright_policy.values import UNKNOWN

# sdk/go/common/resource/sig and sdk/go/common/resource/plugin/rpc.go: constants of the protocol.
SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105
_UNKNOWN: Final = frozenset(
    (
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # a string, and most others
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # a bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # a number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # a list
        "030794c1-ac77-496b-92df-f27374a8bd58",  # an asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # an archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # an object
    )
)


def properties(struct: Any) -> dict[str, Any]:
    """A resource's properties as plain values: numbers are floats, secrets are bare, assets stay as they were sent."""
    return {key: _plain(value) for key, value in struct.fields.items()}


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return UNKNOWN if text in _UNKNOWN else text
    if kind == "struct_value":
        fields = value.struct_value.fields
        if SIGNATURE in fields and fields[SIGNATURE].string_value == SECRET:
            return _plain(fields["value"])
        return {key: _plain(element) for key, element in fields.items()}
    if kind == "list_value":
        return [_plain(element) for element in value.list_value.values]
    return None if kind == "null_value" else getattr(value, kind)


def annotations(struct: Any, prefix: str) -> dict[str, Any]:
    """The annotations of a Kubernetes object whose keys begin so. Nothing else of it is read."""
    found = _field(_field(struct, "metadata"), "annotations")
    if found is None:
        return {}
    return {key: _plain(value) for key, value in found.fields.items() if key.startswith(prefix)}


def _field(struct: Any, key: str) -> Any:
    """The Struct under a key, bare of the mark of a secret; ``None`` where there is none."""
    if struct is None or key not in struct.fields:
        return None
    value = struct.fields[key]
    if value.WhichOneof("kind") != "struct_value":
        return None
    inner = value.struct_value
    if SIGNATURE in inner.fields and inner.fields[SIGNATURE].string_value == SECRET:
        value = inner.fields["value"]
        return value.struct_value if value.WhichOneof("kind") == "struct_value" else None
    return inner
