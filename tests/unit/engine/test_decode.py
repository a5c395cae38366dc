"""The child is not trusted: what it sends is checked."""

from __future__ import annotations

import base64
import copy
import pickle
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct

from meshwright.engine.decode import decode, decode_properties
from meshwright.engine.graph import UNKNOWN, Graph, Log, Note, ResourceReference, Secret, Unknown
from meshwright.errors import ProgramError

STACK = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"
SIGNATURE = "4dabf18193072939515e22adb298388d"
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"


def struct(**properties: Any) -> Struct:
    made = Struct()
    made.update(properties)
    return made


def encoded(**properties: Any) -> str:
    return base64.b64encode(struct(**properties).SerializeToString()).decode()


def resource(**changes: Any) -> dict[str, Any]:
    message: dict[str, Any] = {
        "kind": "resource",
        "urn": STACK,
        "type": "pulumi:pulumi:Stack",
        "name": "shop-dev",
        "parent": "",
        "custom": False,
        "remote": False,
        "read": False,
        "inputs": encoded(),
        "dependencies": [],
        "property_dependencies": {},
        "provider": "",
        "options": {},
        "source": ["/a.py", 3],
    }
    return message | changes


def graph_of(*messages: object) -> Graph:
    return decode(messages, "shop", "dev", "acme")


def test_output_values_and_sentinels() -> None:
    unknown_number = "3eeb2bf0-c639-47a8-9e75-3b44932eb421"
    properties = struct(
        known={SIGNATURE: OUTPUT, "value": 1},
        unknown={SIGNATURE: OUTPUT, "dependencies": ["urn:a"]},
        secret={SIGNATURE: OUTPUT, "value": "x", "secret": True},
        number=f"a {unknown_number} b",
        reference={SIGNATURE: "5cf8f73096256a8f31e491e813e4eb8e", "urn": "urn:a"},
    )
    assert decode_properties(properties) == {
        "known": 1,
        "unknown": UNKNOWN,
        "secret": Secret("x"),
        "number": UNKNOWN,
        "reference": ResourceReference("urn:a"),
    }


def test_unknown_is_one_value() -> None:
    assert Unknown() is UNKNOWN
    assert copy.deepcopy({"a": UNKNOWN})["a"] is UNKNOWN
    assert pickle.loads(pickle.dumps(UNKNOWN)) is UNKNOWN  # noqa: S301
    assert repr([UNKNOWN, Secret("x")]) == "[UNKNOWN, Secret()]"
    assert str(Secret("x")) == "[secret]"


def test_messages_make_a_graph() -> None:
    note = {"kind": "note", "subject": STACK, "text": "b"}
    log = {"kind": "log", "severity": "info", "message": "a", "urn": ""}
    graph = graph_of(resource(), {"kind": "outputs", "urn": STACK, "outputs": encoded(a=1)}, log, note, note)
    assert (graph.outputs, graph.logs, graph.notes) == ({"a": 1}, (Log("info", "a"),), (Note(STACK, "b"),))
    assert graph.by_urn(STACK).outputs == {"a": 1}
    with pytest.raises(KeyError):
        graph.by_urn("urn:nothing")


CHILD = {"urn": "urn:pulumi:dev::shop::a:b:C::c", "type": "a:b:C", "name": "c", "parent": STACK}


@pytest.mark.parametrize(
    ("messages", "what"),
    [
        ([], "no root stack"),
        ([resource(**CHILD | {"parent": ""})], "no root stack"),
        ([resource(), resource()], f"ValueError: {STACK} is registered twice, or before its parent"),
        ([resource(), resource(**CHILD | {"parent": "urn:x"})], "is registered twice, or before its parent"),
        ([None], "TypeError: "),
        ([{}], "KeyError: 'kind'"),
        ([{"kind": "virus"}], "ValueError: a message of kind 'virus'"),
        ([{"kind": "outputs", "urn": "urn:x", "outputs": ""}], "KeyError: 'urn:x'"),
        ([{"kind": "log", "severity": "info", "message": 5, "urn": ""}], "TypeError: 5 is not a string"),
        ([resource(inputs="%%%")], "ValueError: "),
        ([resource(inputs=base64.b64encode(b"\xff\xff").decode())], "DecodeError: "),
        ([resource(name=None)], "TypeError: None is not a string"),
        ([resource(dependencies=[1])], "TypeError: 1 is not a string"),
        ([resource(property_dependencies=[])], "AttributeError: "),
        ([resource(options={"speed": 1})], "KeyError: 'speed'"),
        ([resource(options={"protect": "yes"})], "TypeError: the option protect is 'yes'"),
        ([resource(options={"version": 1})], "TypeError: 1 is not a string"),
        ([resource(options={"custom_timeouts": {"create": 5}})], "TypeError: 5 is not a string"),
        ([resource(source=["/a.py", "x"])], "ValueError: "),
    ],
)
def test_what_no_program_sends(messages: list[object], what: str) -> None:
    with pytest.raises(ProgramError) as caught:
        graph_of(*messages)
    assert str(caught.value).startswith(f"the program's process sent what no Pulumi program sends ({what}") or (
        what.startswith("is registered") and what in str(caught.value)
    )
    assert str(caught.value).endswith("); check what the program does to the Pulumi SDK (MW-E072)")
