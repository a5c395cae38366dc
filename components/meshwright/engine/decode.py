"""What a child process says about a program, made into a `Graph`.

The child is not trusted: a message of another form is an error, and so is a graph that isn't whole.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Struct
from google.protobuf.struct_pb2 import Value as Wire

from meshwright.engine.graph import (
    UNKNOWN,
    Asset,
    Graph,
    Log,
    Note,
    Options,
    Resource,
    ResourceReference,
    Secret,
    SourcePosition,
    Value,
)
from meshwright.errors import Code, Problem, ProgramError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  (a public constant of the protocol)
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"
_ARCHIVE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
_REFERENCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"

_SENTINELS: Final = (  # one for each type of value: sdk/go/common/resource/plugin/rpc.go
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "030794c1-ac77-496b-92df-f27374a8bd58",
    "e48ece36-62e2-4504-bad9-02848725956a",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
)
_LARGEST_EXACT_INTEGER: Final = 2**53
_ROOT: Final = "pulumi:pulumi:Stack"


def decode_properties(struct: Struct) -> dict[str, Value]:
    """The property values of a Struct as `meshwright.engine.graph` has them; a whole number is an ``int``."""
    return {key: _decode(value) for key, value in sorted(struct.fields.items())}


def _decode(value: Wire) -> Value:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return UNKNOWN if len(text) >= 36 and any(sentinel in text for sentinel in _SENTINELS) else text
    if kind == "struct_value":
        return _decode_struct(value.struct_value)
    if kind == "list_value":
        return [_decode(item) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() and abs(number) <= _LARGEST_EXACT_INTEGER else number
    return value.bool_value if kind == "bool_value" else None


def _decode_struct(struct: Struct) -> Value:
    plain = decode_properties(struct)
    signature = plain.pop(_SIGNATURE, None)
    if signature == _SECRET:
        return _secret(plain.get("value"))
    if signature == _OUTPUT:
        value = plain.get("value", UNKNOWN)
        return _secret(value) if plain.get("secret") else value
    if signature in (_ASSET, _ARCHIVE):
        return Asset("asset" if signature == _ASSET else "archive", plain)
    if signature == _REFERENCE:
        return ResourceReference(str(plain.get("urn", "")))
    return plain


def _secret(value: Value) -> Secret:
    return value if isinstance(value, Secret) else Secret(value)


class Decoder:
    """Collects messages of one run; `graph` is what they add up to."""

    def __init__(self, project: str, stack: str, organization: str) -> None:
        self._about = (project, stack, organization)
        self._resources: dict[str, Resource] = {}
        self._outputs: Mapping[str, Value] = {}
        self._logs: list[Log] = []
        self._notes: dict[Note, None] = {}

    def take(self, message: object) -> None:
        """Takes one message. Raises `ProgramError` (MW-E072) for one that no monitor sends."""
        try:
            self._take(message)
        except (KeyError, TypeError, ValueError, AttributeError, DecodeError) as error:
            raise _broken(f"{type(error).__name__}: {error}") from None

    def _take(self, message: Any) -> None:
        kind = message["kind"]
        if kind == "resource":
            resource = _resource(message)
            if resource.urn in self._resources or (resource.parent and resource.parent not in self._resources):
                raise ValueError(f"{resource.urn} is registered twice, or before its parent")
            self._resources[resource.urn] = resource
        elif kind == "outputs":
            resource = self._resources[message["urn"]]
            outputs = _properties(message["outputs"])
            if resource.type == _ROOT:
                self._outputs = outputs
            self._resources[resource.urn] = replace(resource, outputs=outputs)
        elif kind == "log":
            self._logs.append(Log(_text(message["severity"]), _text(message["message"]), _text(message["urn"])))
        elif kind == "note":
            self._notes[Note(_text(message["subject"]), _text(message["text"]))] = None
        else:
            raise ValueError(f"a message of kind {kind!r}")

    def graph(self) -> Graph:
        """The graph. Raises `ProgramError` (MW-E072) when the program registered no stack."""
        resources = tuple(self._resources.values())
        if not resources or resources[0].type != _ROOT:
            raise _broken("no root stack")
        return Graph(*self._about, resources, self._outputs, tuple(self._logs), tuple(self._notes))

    @property
    def errors(self) -> tuple[str, ...]:
        """The errors that the program logged so far."""
        return tuple(log.message for log in self._logs if log.severity == "error")


def decode(messages: Iterable[object], project: str, stack: str, organization: str) -> Graph:
    """The graph of all messages of a run that ended well. Raises `ProgramError` (MW-E072)."""
    decoder = Decoder(project, stack, organization)
    for message in messages:
        decoder.take(message)
    return decoder.graph()


_OPTION_KINDS: Final = {option.name: type(getattr(Options(), option.name)) for option in fields(Options)}


def _resource(message: Mapping[str, Any]) -> Resource:
    source = message["source"]
    return Resource(
        urn=_text(message["urn"]),
        type=_text(message["type"]),
        name=_text(message["name"]),
        parent=_text(message["parent"]),
        custom=message["custom"] is True,
        remote=message["remote"] is True,
        read=message["read"] is True,
        inputs=_properties(message["inputs"]),
        dependencies=_texts(message["dependencies"]),
        property_dependencies={
            _text(key): urns for key, value in message["property_dependencies"].items() if (urns := _texts(value))
        },
        provider=_text(message["provider"]),
        options=Options(**{name: _option(name, value) for name, value in message["options"].items()}),
        source=SourcePosition(_text(source[0]), int(source[1])) if source else None,
    )


def _option(name: str, value: Any) -> Any:
    kind = _OPTION_KINDS[name]
    if kind is tuple:
        return _texts(value)
    if kind is dict:
        return {_text(key): _text(item) for key, item in value.items()}
    if kind is str:
        return _text(value)
    if value is None or isinstance(value, bool):
        return value
    raise TypeError(f"the option {name} is {value!r}")


def _properties(encoded: Any) -> Mapping[str, Value]:
    try:
        return decode_properties(Struct.FromString(base64.b64decode(encoded, validate=True)))
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_text(item) for item in value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a string")
    return value


def _broken(what: str) -> ProgramError:
    message = f"the program's process sent what no Pulumi program sends ({what})"
    return ProgramError(Problem(Code.PROGRAM_PROTOCOL, message, "check what the program does to the Pulumi SDK"))
