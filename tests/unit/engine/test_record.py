"""What the monitor makes of a program. The semantics are the real engine's: tests/engine compares them with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi import ComponentResource, CustomResource, Output, ProviderResource, ResourceOptions
from pulumi.runtime.proto import resource_pb2

from meshwright.engine.given import Given, Invoke
from meshwright.engine.graph import UNKNOWN, Asset, Log, Note, ResourceReference, Secret
from meshwright.engine.record import record
from meshwright.engine.stack import UNKNOWN_TEXT
from meshwright.errors import ProgramError

STACK = "urn:pulumi:dev::test::pulumi:pulumi:Stack::test-dev"


def urn(chain: str) -> str:
    return f"urn:pulumi:dev::test::{chain}"


class Thing(CustomResource):
    size: Output[Any]
    made: Output[Any]

    def __init__(self, name: str, opts: ResourceOptions | None = None, **inputs: Any) -> None:
        super().__init__("shop:index:Thing", name, {"made": None, **inputs}, opts)


class Box(ComponentResource):
    def __init__(self, name: str, opts: ResourceOptions | None = None, remote: bool = False) -> None:
        super().__init__("shop:index:Box", name, {}, opts, remote)


def inputs_of(program: Callable[[], Thing]) -> Any:
    graph = record(lambda: program() and None)
    return graph.of_type("shop:index:Thing")[-1].inputs


def test_urns_and_parents() -> None:
    def program() -> None:
        box = Box("box")
        inner = Box("inner", ResourceOptions(parent=box))
        Thing("a::b", ResourceOptions(parent=inner))

    graph = record(program)
    assert [(resource.urn, resource.parent, resource.custom) for resource in graph] == [
        (STACK, "", False),
        (urn("shop:index:Box::box"), STACK, False),
        (urn("shop:index:Box$shop:index:Box::inner"), urn("shop:index:Box::box"), False),
        (
            urn("shop:index:Box$shop:index:Box$shop:index:Thing::a::b"),
            urn("shop:index:Box$shop:index:Box::inner"),
            True,
        ),
    ]
    assert (graph.project, graph.stack, graph.organization) == ("test", "dev", "organization")


def test_values() -> None:
    def program() -> Thing:
        first = Thing("first", size=3)
        return Thing(
            "second",
            plain=[1, 2.5, "text", True, None, {"a": []}],
            known=first.size,
            unknown=first.made,
            id=first.id,
            text=Output.concat("x-", first.id),
            secret=Output.secret({"a": Output.secret("b")}),
            secret_unknown=Output.secret(first.id),
            nested={"deep": [first.made]},
            asset=pulumi.StringAsset("hi"),
            archive=pulumi.AssetArchive({"a": pulumi.FileAsset("b")}),
            thing=first,
            big=2.0**60,
        )

    assert inputs_of(program) == {
        "plain": [1, 2.5, "text", True, None, {"a": []}],
        "known": 3,
        "unknown": UNKNOWN,
        "id": UNKNOWN,
        "text": UNKNOWN,
        "secret": Secret({"a": "b"}),
        "secret_unknown": Secret(UNKNOWN),
        "nested": {"deep": [UNKNOWN]},
        "asset": Asset("asset", {"text": "hi"}),
        "archive": Asset("archive", {"assets": {"a": Asset("asset", {"path": "b"})}}),
        "thing": ResourceReference(urn("shop:index:Thing::first")),
        "big": 2.0**60,
    }


def test_dependencies() -> None:
    def program() -> None:
        box = Box("box")
        inside = Thing("inside", ResourceOptions(parent=box), size=1)
        outside = Thing("outside", size=1)
        Thing("all", ResourceOptions(depends_on=[box]), a=inside.size, b=Output.all(inside.size, outside.made), c=1)

    graph = record(program)
    inside, outside = urn("shop:index:Box$shop:index:Thing::inside"), urn("shop:index:Thing::outside")
    last = graph.resources[-1]
    assert last.dependencies == (inside, outside)
    assert last.property_dependencies == {"a": (inside,), "b": (inside, outside)}


def test_a_failing_resource_fails_the_program_with_its_own_error() -> None:
    with pytest.raises(ZeroDivisionError):
        record(lambda: Thing("a", size=Output.from_input(1).apply(lambda one: one / 0)) and None)


def test_options() -> None:
    def program() -> None:
        box = Box("box")
        other = Thing("other")
        Thing(
            "thing",
            ResourceOptions(
                protect=False,
                ignore_changes=["a"],
                replace_on_changes=["b"],
                additional_secret_outputs=["size"],
                aliases=[
                    "urn:pulumi:dev::test::shop:index:Thing::old",
                    pulumi.Alias(name="older", type_="t:t:t", stack="s", project="p"),
                    pulumi.Alias(parent=box),
                    pulumi.Alias(parent=None),
                ],
                retain_on_delete=True,
                delete_before_replace=False,
                deleted_with=other,
                import_="some-id",
                custom_timeouts=pulumi.CustomTimeouts(create="5m", delete="1h"),
                version="1.2.3",
                plugin_download_url="https://plugins",
            ),
            size=1,
        )
        pulumi.export("size", box.urn)

    options = record(program).resources[-1].options
    assert options.aliases == (
        "urn:pulumi:dev::test::shop:index:Thing::old",
        "name=older,type=t:t:t,stack=s,project=p",
        f"parent={urn('shop:index:Box::box')}",
        "parent=none",
    )
    assert (options.protect, options.retain_on_delete, options.delete_before_replace) == (False, True, False)
    assert (options.ignore_changes, options.replace_on_changes) == (("a",), ("b",))
    assert options.additional_secret_outputs == ("size",)
    assert (options.deleted_with, options.import_id) == (urn("shop:index:Thing::other"), "some-id")
    assert options.custom_timeouts == {"create": "5m", "delete": "1h"}
    assert (options.version, options.plugin_download_url) == ("1.2.3", "https://plugins")


def test_additional_secret_outputs_are_secret_for_the_program() -> None:
    def program() -> Thing:
        first = Thing("first", ResourceOptions(additional_secret_outputs=["size", "made"]), size=3)
        return Thing("second", size=first.size)

    assert inputs_of(program) == {"size": Secret(3)}


def test_what_the_engine_inherits_from_the_parent() -> None:
    def program() -> None:
        other = Thing("other")
        parent = Thing("parent", ResourceOptions(protect=True, retain_on_delete=True, deleted_with=other))
        Thing("child", ResourceOptions(parent=parent))
        Thing("free", ResourceOptions(parent=parent, protect=False, retain_on_delete=False))

    graph = record(program)
    child, free = graph.resources[-2:]
    assert (child.options.protect, child.options.retain_on_delete, free.options.protect) == (True, True, False)
    assert child.options.deleted_with == urn("shop:index:Thing::other")
    assert not free.options.retain_on_delete


def test_providers() -> None:
    def program() -> None:
        shop = ProviderResource("shop", "own", {"token": "x"}, ResourceOptions(version="1.2.3"))
        other = ProviderResource("other", "other", {})
        box = Box("box", ResourceOptions(providers=[shop, other]))
        Thing("inherits", ResourceOptions(parent=Box("inner", ResourceOptions(parent=box))))
        explicit = Thing("explicit", ResourceOptions(provider=shop))
        Thing("below", ResourceOptions(parent=explicit))
        Thing("default")

    graph = record(program)
    own = urn("pulumi:providers:shop::own")
    assert {resource.name: resource.provider for resource in graph} == {
        "test-dev": "",
        "own": "",
        "other": "",
        "box": "",
        "inner": "",
        "inherits": own,
        "explicit": own,
        "below": own,
        "default": "",
    }
    assert graph.by_urn(own).inputs == {"token": "x", "version": "1.2.3"}


def test_component_outputs_stack_outputs_and_logs() -> None:
    def program() -> None:
        box = Box("box")
        box.register_outputs({"a": 1, "secret": Output.secret("x")})
        pulumi.export("out", {"size": Thing("thing", size=[1]).size})
        pulumi.log.debug("nobody reads this")
        pulumi.info("hello")
        pulumi.warn("careful", box)
        pulumi.log.info("gone", ephemeral=True)

    graph = record(program)
    assert graph.by_urn(urn("shop:index:Box::box")).outputs == {"a": 1, "secret": Secret("x")}
    assert graph.outputs == {"out": {"size": [1]}}
    assert graph.by_urn(STACK).outputs == graph.outputs
    assert graph.logs == (Log("info", "hello"), Log("warning", "careful", urn("shop:index:Box::box")))


def test_source_positions_are_the_callers() -> None:
    def program() -> None:
        Box("box")
        ComponentResource("shop:index:Plain", "plain")
        Thing("thing")

    root, *resources = record(program).resources
    first = program.__code__.co_firstlineno
    assert root.source is None
    assert [(resource.source.file, resource.source.line) for resource in resources if resource.source] == [
        (__file__, first + 1),
        (__file__, first + 2),
        (__file__, first + 3),
    ]


def test_duplicate_urns() -> None:
    def program() -> None:
        Thing("same")
        Thing("same")

    with pytest.raises(ProgramError) as caught:
        record(program)
    line = program.__code__.co_firstlineno
    assert str(caught.value) == (
        f"{__file__}:{line + 2}: Duplicate resource URN '{urn('shop:index:Thing::same')}' "
        f"(the first is at {__file__}:{line + 1}); try giving it a unique name (MW-E061)"
    )


def test_a_type_that_is_none() -> None:
    with pytest.raises(ProgramError, match="Type 'thing' is not a valid type token; it must have the format package:"):
        record(lambda: CustomResource("thing", "a") and None)


def test_config() -> None:
    def program() -> None:
        config = pulumi.Config()
        pulumi.export("name", config.require("name"))
        pulumi.export("count", config.require_int("count"))
        pulumi.export("other", pulumi.Config("aws").require("region"))
        pulumi.export("token", config.require_secret("token"))
        pulumi.export("object", config.require_object("object"))

    values = {"name": "a", "count": 3, "aws:region": "eu", "token": "t", "object": {"a": [1]}}
    assert record(program, config=values, secret_keys=["token"]).outputs == {
        "name": "a",
        "count": 3,
        "other": "eu",
        "token": Secret("t"),
        "object": {"a": [1]},
    }


def test_secrets_that_nobody_decrypted() -> None:
    def program() -> None:
        config = pulumi.Config()
        pulumi.export("secret", config.require_secret("token"))
        pulumi.export("integer", config.get_secret_int("token"))
        pulumi.export("upper", config.require_secret("token").apply(str.upper))
        pulumi.export("object", config.require_secret_object("object"))
        pulumi.export("plain", config.require("token"))
        pulumi.export("part", config.require_object("object"))
        assert config.get_secret("absent") is None
        pulumi.export("open", config.get_secret("open"))

    values = {"token": UNKNOWN_TEXT, "object": {"user": "bob", "token": UNKNOWN_TEXT}, "open": "o"}
    assert record(program, config=values, secret_keys=["token", "object"]).outputs == {
        "secret": Secret(UNKNOWN),
        "integer": Secret(UNKNOWN),
        "upper": Secret(UNKNOWN),
        "object": Secret(UNKNOWN),
        "plain": UNKNOWN,
        "part": {"user": "bob", "token": UNKNOWN},
        "open": Secret("o"),
    }


def test_a_read_resource() -> None:
    def program() -> None:
        thing = Thing("thing", ResourceOptions(id="thing-1"), size=1)
        pulumi.export("id", thing.id)
        pulumi.export("size", thing.size)

    graph = record(program)
    thing = graph.resources[-1]
    assert (thing.urn, thing.read, thing.inputs) == (urn("shop:index:Thing::thing"), True, {"size": 1})
    assert graph.outputs == {"id": "thing-1", "size": UNKNOWN}
    assert graph.notes == (Note(thing.urn, "it is read from the cloud, so its properties are unknown offline"),)


def references() -> None:
    reference = pulumi.StackReference("acme/network/prod")
    pulumi.export("vpc", reference.require_output("vpc"))
    pulumi.export("token", reference.get_output("token"))


def test_a_stack_reference_without_values() -> None:
    graph = record(references)
    assert graph.outputs == {"vpc": UNKNOWN, "token": UNKNOWN}
    text = "the outputs of stack acme/network/prod are unknown offline; give them under `stacks` in a file for --with"
    assert graph.notes == (Note(urn("pulumi:pulumi:StackReference::acme/network/prod"), text),)


def test_a_stack_reference_with_values() -> None:
    given = Given(stacks={"acme/network/prod": {"vpc": "vpc-1", "token": Secret("t")}})
    graph = record(references, given=given)
    assert (graph.outputs, graph.notes) == ({"vpc": "vpc-1", "token": Secret("t")}, ())


TOKEN = "aws:index/getRegion:getRegion"


def invokes(**args: Any) -> Callable[[], None]:
    def program() -> None:
        pulumi.export("result", pulumi.runtime.invoke_output(TOKEN, args))

    return program


def test_an_invoke_without_a_result() -> None:
    graph = record(invokes())
    text = "its result is unknown offline; give it under `invokes` in a file for --with"
    assert (graph.outputs, graph.notes) == ({"result": UNKNOWN}, (Note(TOKEN, text),))


def test_an_invoke_with_a_result() -> None:
    given = Given(
        invokes=(
            Invoke("another:index:token", {"id": "no"}),
            Invoke(TOKEN, {"id": "eu"}, {"name": "eu", "flags": [1, True]}),
            Invoke(TOKEN, {"id": "rest", "key": Secret("k")}),
        )
    )
    assert record(invokes(name="eu", flags=[1, True], more=1), given=given).outputs == {"result": {"id": "eu"}}
    assert record(invokes(name="us"), given=given).outputs == {"result": Secret({"id": "rest", "key": "k"})}


def test_an_invoke_that_depends_on_what_is_not_made_yet() -> None:
    def program() -> None:
        box = Box("box")
        Thing("inside", ResourceOptions(parent=Box("inner", ResourceOptions(parent=box))), size=1)
        known = pulumi.runtime.invoke_output(TOKEN, {}, pulumi.InvokeOutputOptions(depends_on=[Box("empty")]))
        pulumi.export("known", known)
        opts = pulumi.InvokeOutputOptions(depends_on=[box])
        pulumi.export("pending", pulumi.runtime.invoke_output(TOKEN, {}, opts))
        pulumi.export("size", pulumi.runtime.invoke_output(TOKEN, {"size": Thing("thing", size=1).size}))

    outputs = record(program, given=Given(invokes=(Invoke(TOKEN, {"id": "eu"}),))).outputs
    assert outputs == {"known": {"id": "eu"}, "pending": UNKNOWN, "size": UNKNOWN}


def test_a_plain_invoke() -> None:
    def program() -> None:
        pulumi.export("result", pulumi.runtime.invoke(TOKEN, {}).value)

    assert record(program, given=Given(invokes=(Invoke(TOKEN, {"id": "eu"}),))).outputs == {"result": {"id": "eu"}}
    with pytest.raises(ProgramError) as caught:
        record(program)
    assert str(caught.value) == (
        f"the program needs the result of {TOKEN} at once, and an offline run can't know it; "
        f"give it under `invokes` in a file for --with, or use {TOKEN} as an output (MW-E070)"
    )


def test_a_method() -> None:
    def program() -> None:
        thing = Thing("thing")
        pulumi.export("url", pulumi.runtime.call("shop:index:Thing/url", {"__self__": thing}, thing))

    graph = record(program)
    text = "its result is unknown offline; give it under `invokes` in a file for --with"
    assert (graph.outputs, graph.notes) == ({"url": UNKNOWN}, (Note("shop:index:Thing/url", text),))
    given = Given(invokes=(Invoke("shop:index:Thing/url", {"url": "https://x"}),))
    assert record(program, given=given).outputs == {"url": {"url": "https://x"}}


def test_a_remote_component() -> None:
    def program() -> None:
        box = Box("box", remote=True)
        Thing("thing", ResourceOptions(depends_on=[box]))

    graph = record(program)
    box = graph.by_urn(urn("shop:index:Box::box"))
    assert (box.remote, box.custom) == (True, False)
    text = "its provider makes this component's children, so they are not in an offline graph"
    assert graph.notes == (Note(box.urn, text),)


def test_whether_something_exists_is_unknown() -> None:
    def program() -> None:
        found = pulumi.runtime.resource.exists_resource(None, "shop:index:Thing", "thing-1", {}, ResourceOptions())
        pulumi.export("found", found)

    graph = record(program)
    assert graph.outputs == {"found": UNKNOWN}
    assert graph.notes == (Note("shop:index:Thing", "whether thing-1 exists in the cloud is unknown offline"),)


def test_hooks_are_known_and_not_run() -> None:
    def never(_: object) -> None:
        raise AssertionError

    def program() -> None:
        hook = pulumi.ResourceHook("check", never, pulumi.ResourceHookOptions(on_dry_run=True))
        quiet = pulumi.ResourceHook("quiet", never)
        error = pulumi.ErrorHook("again", lambda _: True)
        hooks = pulumi.ResourceHookBinding(before_create=[hook, quiet], on_error=[error])
        Thing("thing", ResourceOptions(hooks=hooks))

    graph = record(program)
    assert [resource.name for resource in graph] == ["test-dev", "thing"]
    assert graph.notes == (Note("check", "this hook runs at preview, but not offline"),)


def test_packages_and_versions() -> None:
    async def program() -> None:
        pulumi.require_pulumi_version(">=99.0.0")
        register = pulumi.runtime.settings.register_package
        for name, version in (("a", "1.0.0"), ("b", "2.0.0")):
            pulumi.export(name, await register("base", "1.0.0", "", "shop", version, ""))
        monitor = pulumi.runtime.settings.get_monitor()
        assert monitor is not None
        request = resource_pb2.RegisterPackageRequest(name="base")
        pulumi.export("same", [monitor.RegisterPackage(request).ref for _ in range(2)])

    assert record(program).outputs == {"a": "package-0", "b": "package-1", "same": ["package-2", "package-2"]}


def test_transforms_run_from_the_resource_to_the_stack() -> None:
    def named(name: str) -> Callable[[pulumi.ResourceTransformArgs], pulumi.ResourceTransformResult]:
        def transform(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult:
            before: Any = args.props.get("by", [])
            return pulumi.ResourceTransformResult({**args.props, "by": [*before, name]}, args.opts)

        return transform

    def program() -> None:
        pulumi.runtime.register_resource_transform(named("stack"))
        box = Box("box", ResourceOptions(transforms=[named("box")]))
        Thing("thing", ResourceOptions(parent=box, transforms=[named("own")]), size=1)
        Thing("other")

    graph = record(program)
    assert {resource.name: resource.inputs for resource in graph} == {
        "test-dev": {},
        "box": {"by": ["box", "stack"]},
        "thing": {"by": ["own", "box", "stack"], "size": 1},
        "other": {"by": ["stack"]},
    }


def test_a_transform_keeps_secrets_unknowns_and_dependencies() -> None:
    def same(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult:
        return pulumi.ResourceTransformResult(args.props, args.opts)

    def program() -> None:
        first = Thing("first", size=3)
        values = {"a": first.size, "b": [first.made, Output.secret("x")], "c": Output.secret(first.size), "d": {"e": 1}}
        Thing("own", ResourceOptions(transforms=[same], depends_on=[first]), **values)
        pulumi.runtime.register_resource_transform(same)
        Thing("stack", None, **values)
        Thing("nothing", ResourceOptions(delete_before_replace=True, aliases=[pulumi.Alias(name="x")]), d={})

    graph = record(program)
    first = urn("shop:index:Thing::first")
    expected = {"a": 3, "b": [UNKNOWN, Secret("x")], "c": Secret(3), "d": {"e": 1}}
    own = graph.by_urn(urn("shop:index:Thing::own"))
    stack = graph.by_urn(urn("shop:index:Thing::stack"))
    assert own.inputs == stack.inputs == expected
    assert own.dependencies == stack.dependencies == (first,)
    assert stack.property_dependencies == {"a": (first,), "b": (first,), "c": (first,)}
    assert own.property_dependencies == {}  # as under the real engine: this SDK's transforms return no output values
    nothing = graph.by_urn(urn("shop:index:Thing::nothing"))
    assert (nothing.options.delete_before_replace, nothing.options.aliases) == (True, ("name=x",))
    assert nothing.source is not None


def test_a_transform_changes_options() -> None:
    def guarded(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult:
        opts = ResourceOptions.merge(args.opts, ResourceOptions(protect=True, ignore_changes=["size"]))
        return pulumi.ResourceTransformResult(args.props, opts)

    graph = record(lambda: Thing("thing", ResourceOptions(transforms=[guarded])) and None)
    options = graph.resources[-1].options
    assert (options.protect, options.ignore_changes) == (True, ("size",))


def test_a_transform_that_raises() -> None:
    def fails(args: pulumi.ResourceTransformArgs) -> None:
        raise ValueError(f"no {args.name} here")

    with pytest.raises(ProgramError) as caught:
        record(lambda: Thing("thing", ResourceOptions(transforms=[fails])) and None)
    place = f"{__file__}:{fails.__code__.co_firstlineno + 1}"
    assert str(caught.value) == f"{place}: a transform failed: no thing here; correct it (MW-E060)"


def test_invoke_transforms() -> None:
    def eu(args: pulumi.InvokeTransformArgs) -> pulumi.InvokeTransformResult:
        return pulumi.InvokeTransformResult({**args.args, "name": "eu"}, args.opts)

    def program() -> None:
        pulumi.runtime.register_invoke_transform(eu)
        pulumi.export("result", pulumi.runtime.invoke_output(TOKEN, {"name": "us"}))

    given = Given(invokes=(Invoke(TOKEN, {"id": "eu"}, {"name": "eu"}),))
    assert record(program, given=given).outputs == {"result": {"id": "eu"}}


def test_resource_references_are_hydrated() -> None:
    def program() -> None:
        thing = Thing("thing", size=3)
        box = Box("box")
        box.register_outputs({"thing": thing})

        async def look_up() -> dict[str, Any]:
            monitor = pulumi.runtime.settings.get_monitor()
            assert monitor is not None
            request = resource_pb2.ResourceInvokeRequest(tok="pulumi:pulumi:getResource")
            request.args.fields["urn"].string_value = await thing.urn.future() or ""
            found = getattr(monitor.Invoke(request), "return")
            request.args.fields["urn"].string_value = "urn:nothing"
            failures = [failure.reason for failure in monitor.Invoke(request).failures]
            return {"urn": found["urn"], "size": found["state"]["size"], "failures": failures}

        pulumi.export("found", Output.from_input(look_up()))

    assert record(program).outputs == {
        "found": {"urn": urn("shop:index:Thing::thing"), "size": 3, "failures": ["unknown resource urn:nothing"]}
    }


def test_a_run_leaves_the_process_as_it_was() -> None:
    debug = pulumi.log.debug
    record(lambda: pulumi.runtime.set_config("test:a", "1"))
    assert record(lambda: pulumi.export("a", str(pulumi.Config().get("a")))).outputs == {"a": "None"}
    assert pulumi.log.debug is debug
    assert pulumi.runtime.get_root_resource() is None
