"""Transforms: functions of the program that the engine calls, over gRPC, before it takes a resource or an invoke."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import grpc
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc, resource_pb2

from . import values
from .registry import Refusal


class WouldBlock(BaseException):
    """A callback can't be called from the event loop that has to answer it."""


class Callbacks:
    """The callback servers that the program opened, each with one channel."""

    def __init__(self) -> None:
        self._channels: dict[str, grpc.Channel] = {}

    def invoke(self, callback: callback_pb2.Callback, request: bytes) -> bytes:
        """Calls back.

        Raises:
            WouldBlock: In the thread of the event loop.
            Refusal: With what the callback raised.
        """
        if asyncio._get_running_loop() is not None:
            raise WouldBlock
        channel = self._channels.get(callback.target)
        if channel is None:
            channel = self._channels[callback.target] = grpc.insecure_channel(callback.target)
        stub = callback_pb2_grpc.CallbacksStub(channel)
        try:
            answer = stub.Invoke(callback_pb2.CallbackInvokeRequest(token=callback.token, request=request))
        except grpc.RpcError as error:
            raise _failure(str(error.details())) from None
        return bytes(answer.response)

    def close(self) -> None:
        """Closes every channel."""
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()


def _failure(details: str) -> Refusal:
    """What a callback raised; the SDK gives ``Invoke callback TOKEN error: MESSAGE:`` and the frames of the program."""
    text = details.partition(" error: ")[2] or details
    frames = re.findall(r'File "([^"]+)", line (\d+)', text)
    message = text.partition(":\n")[0].strip()
    return Refusal("MW-E060", f"a transform failed: {message}", "correct it", ":".join(frames[-1]) if frames else "")


def transform_resource(
    request: resource_pb2.RegisterResourceRequest, transforms: list[callback_pb2.Callback], callbacks: Callbacks
) -> None:
    """Runs the transforms in order and leaves their result in the request.

    With transforms of its own, a resource's dependencies are rebuilt from what they return; otherwise what the values
    carry is added (``RegisterResource`` in source_eval.go).
    """
    own = len(request.transforms) > 0
    dependencies = {key: set(item.urns) for key, item in request.propertyDependencies.items()}
    if not dependencies and not request.remote:
        dependencies = {key: set(request.dependencies) for key in request.object.fields}
    properties = {key: values.upgrade(value) for key, value in request.object.fields.items()}
    if own:
        for key, urns in dependencies.items():
            if key in properties and not urns <= set(values.dependencies_in(properties[key])):
                properties[key] = values.output(properties[key], urns)
    outcome = resource_pb2.TransformResponse(properties=Struct(fields=properties), options=_options(request))
    for callback in transforms:
        asked = resource_pb2.TransformRequest(
            type=request.type,
            name=request.name,
            custom=request.custom,
            parent=request.parent,
            properties=outcome.properties,
            options=outcome.options,
        )
        answer = resource_pb2.TransformResponse.FromString(callbacks.invoke(callback, asked.SerializeToString()))
        if answer.HasField("properties"):
            outcome.properties.CopyFrom(answer.properties)
        if answer.HasField("options"):
            outcome.options.CopyFrom(answer.options)
    _apply(request, outcome, {} if own else dependencies)


def transform_invoke(
    request: resource_pb2.ResourceInvokeRequest, transforms: list[callback_pb2.Callback], callbacks: Callbacks
) -> None:
    """Runs the stack's invoke transforms in order and leaves their result in the request."""
    for callback in transforms:
        asked = resource_pb2.TransformInvokeRequest(
            token=request.tok,
            args=request.args,
            options=resource_pb2.TransformInvokeOptions(
                provider=request.provider, plugin_download_url=request.pluginDownloadURL, version=request.version
            ),
        )
        answer = resource_pb2.TransformInvokeResponse.FromString(callbacks.invoke(callback, asked.SerializeToString()))
        if answer.HasField("args"):
            request.args.CopyFrom(answer.args)
        if answer.HasField("options"):
            request.provider, request.version = answer.options.provider, answer.options.version
            request.pluginDownloadURL = answer.options.plugin_download_url


# Fields of a registration, and what a transform calls them.
_SAME = {
    "dependencies": "depends_on",
    "protect": "protect",
    "ignoreChanges": "ignore_changes",
    "replaceOnChanges": "replace_on_changes",
    "version": "version",
    "aliases": "aliases",
    "provider": "provider",
    "customTimeouts": "custom_timeouts",
    "pluginDownloadURL": "plugin_download_url",
    "retainOnDelete": "retain_on_delete",
    "deletedWith": "deleted_with",
    "additionalSecretOutputs": "additional_secret_outputs",
    "providers": "providers",
    "hooks": "hooks",
    "importId": "import",
    "hideDiffs": "hide_diff",
    "replace_with": "replace_with",
    "replacement_trigger": "replacement_trigger",
}


def _options(request: resource_pb2.RegisterResourceRequest) -> resource_pb2.TransformResourceOptions:
    fields: dict[str, Any] = {}
    for name, option in _SAME.items():
        if _has(request, name) and option in resource_pb2.TransformResourceOptions.DESCRIPTOR.fields_by_name:
            fields[option] = getattr(request, name)
    if request.deleteBeforeReplaceDefined or request.deleteBeforeReplace:
        fields["delete_before_replace"] = request.deleteBeforeReplace
    options = resource_pb2.TransformResourceOptions(**fields)
    options.aliases.extend(type(options.aliases.add())(urn=urn) for urn in request.aliasURNs)
    return options


def _has(message: Any, name: str) -> bool:
    """Whether a message has a value for a field; an older SDK does not know every field."""
    descriptor = message.DESCRIPTOR.fields_by_name.get(name)
    return descriptor is not None and (not descriptor.has_presence or bool(message.HasField(name)))


def _apply(
    request: resource_pb2.RegisterResourceRequest,
    outcome: resource_pb2.TransformResponse,
    dependencies: dict[str, set[str]],
) -> None:
    kept = resource_pb2.RegisterResourceRequest(
        **{name: getattr(request, name) for name in ("type", "name", "parent", "custom", "remote", "packageRef")}
    )
    kept.sourcePosition.CopyFrom(request.sourcePosition)
    kept.transforms.extend(request.transforms)
    fields = {name: getattr(outcome.options, option) for name, option in _SAME.items() if _has(outcome.options, option)}
    kept.MergeFrom(resource_pb2.RegisterResourceRequest(**fields))
    if outcome.options.HasField("delete_before_replace"):
        kept.deleteBeforeReplace, kept.deleteBeforeReplaceDefined = outcome.options.delete_before_replace, True
    for key, value in outcome.properties.fields.items():
        urns = dependencies.get(key, set()) | set(values.dependencies_in(value))
        kept.propertyDependencies[key].urns.extend(sorted(urns))
        kept.object.fields[key].CopyFrom(values.downgrade(value))
    every = set(kept.dependencies).union(*(item.urns for item in kept.propertyDependencies.values()))
    del kept.dependencies[:]
    kept.dependencies.extend(sorted(every))
    request.CopyFrom(kept)
