"""Parts of the child that the Python SDK of today reaches only in part: other SDKs send other requests."""

from __future__ import annotations

import asyncio
import sys
import threading
import types
from typing import Any

import pulumi
import pytest
from google.protobuf.struct_pb2 import Struct, Value
from pulumi.runtime.proto import callback_pb2, provider_pb2, resource_pb2, source_pb2

from meshwright.engine.child import values
from meshwright.engine.child.monitor import Monitor
from meshwright.engine.child.registry import Registered, Registry, place, switch
from meshwright.engine.child.transforms import Callbacks, transform_invoke, transform_resource
from meshwright.engine.child.tuning import InlineExecutor, tuned
from meshwright.engine.decode import decode_properties
from meshwright.engine.graph import UNKNOWN, Secret
from meshwright.engine.record import record
from meshwright.errors import ProgramError


def registered(parent: str = "", **fields: Any) -> Registered:
    about: dict[str, Any] = {"type": "shop:index:Box", "custom": False, "place": "", "pending": False}
    return Registered(parent=parent, **about | fields)


def test_the_engine_inherits_what_an_sdk_does_not_send() -> None:
    registry = Registry("shop", "dev")
    reference = "urn:pulumi:dev::shop::pulumi:providers:shop::own::id"
    registry.admit(
        "urn:parent",
        registered(custom=True, protect=True, retain_on_delete=False, deleted_with="urn:other", provider=reference),
    )
    child = resource_pb2.RegisterResourceRequest(parent="urn:parent", type="shop:index:Thing", custom=True)
    registry.inherit(child)
    assert (child.protect, child.retainOnDelete, child.deletedWith) == (True, False, "urn:other")
    assert child.provider == reference
    stranger = resource_pb2.RegisterResourceRequest(parent="urn:parent", type="other:index:Thing", custom=True)
    registry.inherit(stranger)
    assert stranger.provider == ""


def test_the_provider_of_a_package() -> None:
    registry = Registry("shop", "dev")
    registry.admit("urn:parent", registered(providers={"shop": "urn:above::id"}))
    assert registry.provider_for("urn:own::id", {"shop": "urn:x::id"}, "urn:parent", "shop") == "urn:own::id"
    assert registry.provider_for("", {"shop": "urn:map::id"}, "urn:parent", "shop") == "urn:map::id"
    assert registry.provider_for("", {}, "urn:parent", "shop") == "urn:above::id"
    assert registry.provider_for("", {}, "urn:parent", "other") == ""
    assert registry.provider_for("", {}, "urn:nothing", "shop") == ""


def test_what_is_pending() -> None:
    registry = Registry("shop", "dev")
    registry.admit("urn:box", registered())
    registry.admit("urn:inner", registered("urn:box"))
    registry.admit("urn:empty", registered())
    registry.admit("urn:thing", registered("urn:inner", custom=True, pending=True))
    registry.admit("urn:read", registered("urn:box", custom=True))
    assert registry.is_pending(["urn:thing"])
    assert registry.is_pending(["urn:box"])
    assert not registry.is_pending(["urn:read", "urn:empty", "urn:nothing"])
    assert not registry.is_pending([])


def test_places() -> None:
    assert place(source_pb2.SourcePosition(uri="file:///a%20b/c.py", line=3)) == ("/a b/c.py", 3)
    assert place(source_pb2.SourcePosition()) is None


def output(value: Any = None, **fields: Any) -> dict[str, Any]:
    made = {values.SIGNATURE: values.OUTPUT, **fields}
    return made if value is None else {**made, "value": value}


def wrap(value: Any) -> Value:
    made = Struct()
    made.update({"value": value})
    return made.fields["value"]


def plain(value: Value) -> Any:
    return values.to_plain(Struct(fields={"value": value}))["value"]


def test_upgrading_values() -> None:
    secret = {values.SIGNATURE: values.SECRET, "value": "x"}
    inner = output("x", dependencies=["urn:a"])
    upgraded = values.upgrade(wrap({"list": [1, values.UNKNOWN], "secret": secret, "output": inner}))
    assert plain(upgraded) == {"list": [1, output()], "secret": output("x", secret=True), "output": inner}
    merged = values.output(wrap(inner), ["urn:b"])
    assert plain(merged) == output("x", dependencies=["urn:a", "urn:b"])
    nested = {values.SIGNATURE: values.SECRET, "value": inner}
    assert plain(values.output(wrap(nested))) == output("x", dependencies=["urn:a"], secret=True)


def test_downgrading_values() -> None:
    deep = [output("x", secret=True), output(), {"a": output([output(1)], dependencies=["urn:a"])}]
    downgraded = values.downgrade(wrap(deep))
    assert decode_properties(Struct(fields={"value": downgraded}))["value"] == [Secret("x"), UNKNOWN, {"a": [1]}]
    assert sorted(values.dependencies_in(wrap(deep))) == ["urn:a"]
    assert plain(values.secret(values.secret(wrap(1)))) == {values.SIGNATURE: values.SECRET, "value": 1}


def test_an_sdk_without_the_places_that_are_tuned(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("resource", "invoke", "stack"):
        monkeypatch.setitem(sys.modules, f"pulumi.runtime.{name}", types.ModuleType(name))
    debug = pulumi.log.debug
    with tuned(Monitor("shop", "dev", "acme", None, print)):
        assert pulumi.log.debug is not debug
    assert pulumi.log.debug is debug


def test_the_executor_runs_the_calls_of_a_program_in_threads() -> None:
    async def program() -> None:
        thread = await asyncio.to_thread(threading.get_ident)
        pulumi.export("other", thread != threading.get_ident())

    assert record(program).outputs == {"other": True}


def test_the_executor_carries_errors() -> None:
    def fails() -> None:
        raise ValueError("no")

    fails.__module__ = "pulumi.runtime._context"
    with InlineExecutor() as executor:
        assert str(executor.submit(fails).exception()) == "no"


def test_a_resource_made_by_generated_code() -> None:
    def program() -> None:
        code = "import pulumi\npulumi.ComponentResource('a:b:C', 'c')"
        exec(code, {"__name__": "pulumi_made"})  # noqa: S102

    source = record(program).resources[-1].source
    assert source is not None
    assert source.file == __file__
    scope: dict[str, Any] = {}
    exec("import pulumi\ndef program():\n  pulumi.ComponentResource('a:b:C', 'c')", scope)  # noqa: S102
    assert record(scope["program"]).resources[-1].source is None


def test_an_older_sdk_asks_for_each_feature() -> None:
    monitor = Monitor("shop", "dev", "acme", None, print)
    asked = {name: resource_pb2.SupportsFeatureRequest(id=name) for name in ("outputValues", "transforms", "teleport")}
    supported = {name: monitor.SupportsFeature(request).hasSupport for name, request in asked.items()}
    assert supported == {"outputValues": True, "transforms": True, "teleport": False}


def test_an_older_sdk_can_not_be_told_that_a_result_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshwright.engine.child.monitor._InvokeResponse", provider_pb2.InvokeResponse)
    with pytest.raises(ProgramError, match=r"the program needs the result of a:b:c at once, .* \(MW-E070\)"):
        record(lambda: pulumi.export("a", pulumi.runtime.invoke_output("a:b:c", {})))


def test_an_older_sdk_has_no_third_state_for_a_switch() -> None:
    class Old:
        protect, retainOnDelete = False, True  # noqa: N815
        no_presence = types.SimpleNamespace(has_presence=False)
        DESCRIPTOR = types.SimpleNamespace(fields_by_name={"protect": no_presence, "retainOnDelete": no_presence})

    request: Any = Old()
    assert (switch(request, "protect"), switch(request, "retainOnDelete")) == (None, True)


def test_a_transform_may_answer_with_nothing() -> None:
    class Silent(Callbacks):
        def invoke(self, callback: callback_pb2.Callback, request: bytes) -> bytes:
            return b""

    callback = callback_pb2.Callback(token="t")
    registration = resource_pb2.RegisterResourceRequest(type="a:b:C", name="c", dependencies=["urn:a"], remote=True)
    registration.object.update({"a": 1})
    transform_resource(registration, [callback], Silent())
    assert (values.to_plain(registration.object), list(registration.dependencies)) == ({"a": 1}, ["urn:a"])
    invoke = resource_pb2.ResourceInvokeRequest(tok="a:b:c", version="1")
    invoke.args.update({"a": 1})
    transform_invoke(invoke, [callback], Silent())
    assert (values.to_plain(invoke.args), invoke.version) == ({"a": 1}, "1")
