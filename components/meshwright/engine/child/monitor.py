"""Pulumi's engine, as far as a preview without a cloud needs it: the objects that a program's SDK talks to.

`Monitor` and `Engine` are handed to ``pulumi.runtime.Settings`` as they are, without a server between. They emit what
they learn as dictionaries with a ``kind``: ``resource``, ``outputs``, ``log`` and ``note``.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf import empty_pb2
from google.protobuf.struct_pb2 import Struct, Value
from pulumi.runtime.proto import callback_pb2, engine_pb2, provider_pb2, resource_pb2

from . import values
from .registry import (
    STACK,
    Refusal,
    Registered,
    Registry,
    check_type,
    options,
    package,
    place,
    provider_urn,
    switch,
    unanswered,
)
from .transforms import Callbacks, transform_invoke, transform_resource

Emit = Callable[[dict[str, Any]], None]

_FEATURES = (  # as an SDK before 3.260 asks for them, one by one; a later one asks for all, in capitals
    "secrets",
    "resourceReferences",
    "outputValues",
    "aliasSpecs",
    "replacementTrigger",
    "deletedWith",
    "replaceWith",
    "transforms",
    "invokeTransforms",
    "parameterization",
    "resourceHooks",
    "errorHooks",
    "stateMigrations",
    "invokeDependsOn",
)
_STACK_REFERENCE = "pulumi:pulumi:StackReference"
_PROVIDER = "pulumi:providers:"
_UNKNOWN = Value(string_value=values.UNKNOWN)
_InvokeResponse: type[resource_pb2.ResourceInvokeResponse] = getattr(  # before 3.260, it was the provider's
    resource_pb2, "ResourceInvokeResponse", provider_pb2.InvokeResponse
)


class Monitor:
    """``ResourceMonitor`` for one program: it accepts what the program registers and answers what it can know.

    Args:
        project: Name of the project.
        stack: Name of the stack.
        organization: Name of the organization.
        given: What the user knows: ``stacks`` (full stack name to outputs) and ``invokes`` (a list of ``token``,
            optional ``args`` and ``result``); values may carry Pulumi's secret signature.
        emit: Takes each message. It is called by one thread at a time.
    """

    def __init__(
        self, project: str, stack: str, organization: str, given: Mapping[str, Any] | None, emit: Emit
    ) -> None:
        self.organization = organization
        self.unanswered: set[str] = set()
        """Tokens of the invokes that nobody gave a result for."""
        self._registry = Registry(project, stack)
        self._stacks: Mapping[str, Mapping[str, Any]] = (given or {}).get("stacks", {})
        self._invokes: list[Mapping[str, Any]] = (given or {}).get("invokes", [])
        self._emit = emit
        self._lock = threading.Lock()
        self._callbacks = Callbacks()
        self._transforms: list[callback_pb2.Callback] = []
        self._invoke_transforms: list[callback_pb2.Callback] = []
        self._packages: list[bytes] = []

    def close(self) -> None:
        """Closes the channels to the program's callbacks."""
        self._callbacks.close()

    # Resources

    def RegisterResource(  # noqa: N802
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        """Accepts a resource: an id and computed outputs are unknown, so only its inputs come back."""
        if request.custom or request.remote:
            check_type(request.type)
        with self._lock:
            self._registry.inherit(request)
            transforms = self._transforms_of(request)
        if request.custom or request.remote:
            request.provider = self._registry.provider_for(
                request.provider, request.providers, request.parent, package(request.type)
            )
        own = list(request.transforms)
        if transforms:
            transform_resource(request, transforms, self._callbacks)
        if request.type.startswith(_PROVIDER) and request.version:
            request.object.fields["version"].string_value = request.version
        with self._lock:
            urn = self._admit(request, own)
        response = resource_pb2.RegisterResourceResponse(urn=urn)
        if request.custom:
            response.object.CopyFrom(request.object)
            for name in request.additionalSecretOutputs:
                if name in response.object.fields:
                    response.object.fields[name].CopyFrom(values.secret(response.object.fields[name]))
        return response

    def _transforms_of(self, request: resource_pb2.RegisterResourceRequest) -> list[callback_pb2.Callback]:
        inherited = [item for above in self._registry.ancestors(request.parent) for item in above.transforms]
        return [*request.transforms, *inherited, *self._transforms]

    def _admit(self, request: resource_pb2.RegisterResourceRequest, transforms: list[callback_pb2.Callback]) -> str:
        parent = self._registry.resources.get(request.parent)
        providers = dict(request.providers)
        if not request.custom and parent is not None and not parent.custom:
            providers = {**parent.providers, **providers}
        position = place(request.sourcePosition) if request.parent else None
        urn = self._registry.urn(request.parent, request.type, request.name)
        self._registry.admit(
            urn,
            Registered(
                parent=request.parent,
                type=request.type,
                custom=request.custom,
                place=":".join(map(str, position)) if position else "",
                pending=request.custom or request.remote,
                protect=switch(request, "protect"),
                retain_on_delete=switch(request, "retainOnDelete"),
                deleted_with=request.deletedWith,
                provider=request.provider if request.custom or request.remote else "",
                providers={} if request.custom else providers,
                transforms=transforms,
                state=request.object,
            ),
        )
        self._emit(
            {
                "kind": "resource",
                "urn": urn,
                "type": request.type,
                "name": request.name,
                "parent": request.parent,
                "custom": request.custom,
                "remote": request.remote,
                "read": False,
                "inputs": values.to_message(request.object),
                "dependencies": sorted(request.dependencies),
                "property_dependencies": {
                    key: sorted(item.urns) for key, item in sorted(request.propertyDependencies.items())
                },
                "provider": provider_urn(request.provider) if request.custom or request.remote else "",
                "options": options(request),
                "source": position,
            }
        )
        if request.remote:
            self._note(urn, "its provider makes this component's children, so they are not in an offline graph")
        return urn

    def RegisterResourceOutputs(  # noqa: N802
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        """Takes the outputs of a component or of the stack."""
        with self._lock:
            resource = self._registry.resources[request.urn]
            if resource.type != STACK:
                resource.state.MergeFrom(request.outputs)
            self._emit({"kind": "outputs", "urn": request.urn, "outputs": values.to_message(request.outputs)})
        return empty_pb2.Empty()

    def ReadResource(  # noqa: N802
        self, request: resource_pb2.ReadResourceRequest
    ) -> resource_pb2.ReadResourceResponse:
        """Accepts a resource that is read: its state is unknown, but for a stack reference whose outputs were given."""
        check_type(request.type)
        with self._lock:
            position = place(request.sourcePosition)
            urn = self._registry.urn(request.parent, request.type, request.name)
            state = self._stack_outputs(urn, request) if request.type == _STACK_REFERENCE else None
            self._registry.admit(
                urn,
                Registered(
                    parent=request.parent,
                    type=request.type,
                    custom=True,
                    place=":".join(map(str, position)) if position else "",
                    pending=request.id == values.UNKNOWN,
                    id=request.id,
                    provider=request.provider,
                    state=request.properties if state is None else state,
                ),
            )
            self._emit(
                {
                    "kind": "resource",
                    "urn": urn,
                    "type": request.type,
                    "name": request.name,
                    "parent": request.parent,
                    "custom": True,
                    "remote": False,
                    "read": True,
                    "inputs": values.to_message(request.properties),
                    "dependencies": sorted(request.dependencies),
                    "property_dependencies": {},
                    "provider": provider_urn(request.provider),
                    "options": {
                        "additional_secret_outputs": list(request.additionalSecretOutputs),
                        "version": request.version,
                        "plugin_download_url": request.pluginDownloadURL,
                    },
                    "source": position,
                }
            )
            if state is None and request.type != _STACK_REFERENCE:
                self._note(urn, "it is read from the cloud, so its properties are unknown offline")
        response = resource_pb2.ReadResourceResponse(urn=urn, properties=state)
        if "id" in response.DESCRIPTOR.fields_by_name and request.id != values.UNKNOWN:  # since SDK 3.26x
            response.id = request.id
        return response

    def _stack_outputs(self, urn: str, request: resource_pb2.ReadResourceRequest) -> Struct | None:
        name = request.properties.fields["name"].string_value if "name" in request.properties.fields else request.id
        outputs = self._stacks.get(name)
        if outputs is None:
            text = f"the outputs of stack {name} are unknown offline; give them under `stacks` in a file for --with"
            self._note(urn, text)
            return None
        secrets = [key for key, value in sorted(outputs.items()) if values.SECRET in str(value)]
        return values.to_struct({"name": name, "outputs": dict(outputs), "secretOutputNames": secrets})

    def ExistsResource(  # noqa: N802
        self, request: resource_pb2.ExistsResourceRequest
    ) -> resource_pb2.ExistsResourceResponse:
        """Whether something exists in the cloud is unknown."""
        with self._lock:
            self._note(request.type, f"whether {request.id} exists in the cloud is unknown offline")
        return resource_pb2.ExistsResourceResponse(unknown=True)

    # Functions

    def Invoke(  # noqa: N802
        self, request: resource_pb2.ResourceInvokeRequest
    ) -> resource_pb2.ResourceInvokeResponse:
        """Answers a function with the result that was given for it, or with unknown."""
        if request.tok == "pulumi:pulumi:getResource":
            return self._get_resource(request.args.fields["urn"].string_value)
        with self._lock:
            transforms = list(self._invoke_transforms)
        if transforms:
            transform_invoke(request, transforms, self._callbacks)
        with self._lock:
            if self._registry.is_pending(getattr(request, "dependsOn", ())):
                return _InvokeResponse(unknown=True)
            result = self._given_result(request.tok, request.args)
            if result is None:
                self.unanswered.add(request.tok)
                self._note(request.tok, "its result is unknown offline; give it under `invokes` in a file for --with")
                if "unknown" not in _InvokeResponse.DESCRIPTOR.fields_by_name:
                    raise unanswered(request.tok)  # an SDK before 3.260 has no way to be told
                return _InvokeResponse(unknown=True)
        return _InvokeResponse(**{"return": result})

    def Call(self, request: resource_pb2.ResourceCallRequest) -> provider_pb2.CallResponse:  # noqa: N802
        """Answers a method of a resource with the result that was given for it, or with unknown."""
        with self._lock:
            result = self._given_result(request.tok, request.args)
            if result is None:
                self._note(request.tok, "its result is unknown offline; give it under `invokes` in a file for --with")
                result = Struct(fields={"result": _UNKNOWN})
        return provider_pb2.CallResponse(**{"return": result})

    def _given_result(self, token: str, args: Struct) -> Struct | None:
        plain: dict[str, Any] | None = None
        for given in self._invokes:
            if given["token"] != token:
                continue
            if plain is None:
                downgraded = values.downgrade(Value(struct_value=args)).struct_value
                plain = values.to_plain(downgraded)
            if all(key in plain and plain[key] == value for key, value in given.get("args", {}).items()):
                return values.to_struct(given["result"])
        return None

    def _get_resource(self, urn: str) -> resource_pb2.ResourceInvokeResponse:
        with self._lock:
            found = self._registry.resources.get(urn)
            if found is None:
                failure = provider_pb2.CheckFailure(property="urn", reason=f"unknown resource {urn}")
                return _InvokeResponse(failures=[failure])
            state = Struct()
            state.fields["urn"].string_value = urn
            state.fields["id"].string_value = found.id
            state.fields["state"].struct_value.CopyFrom(found.state)
        return _InvokeResponse(**{"return": state})

    # Registrations that concern the whole run

    def RegisterStackTransform(self, request: callback_pb2.Callback) -> empty_pb2.Empty:  # noqa: N802
        """Adds a transform for every later resource."""
        with self._lock:
            self._transforms.append(request)
        return empty_pb2.Empty()

    def RegisterStackInvokeTransform(self, request: callback_pb2.Callback) -> empty_pb2.Empty:  # noqa: N802
        """Adds a transform for every later invoke."""
        with self._lock:
            self._invoke_transforms.append(request)
        return empty_pb2.Empty()

    def RegisterResourceHook(self, request: resource_pb2.RegisterResourceHookRequest) -> empty_pb2.Empty:  # noqa: N802
        """Knows a hook; none is run."""
        if request.on_dry_run:
            with self._lock:
                self._note(request.name, "this hook runs at preview, but not offline")
        return empty_pb2.Empty()

    def RegisterErrorHook(self, request: resource_pb2.RegisterErrorHookRequest) -> empty_pb2.Empty:  # noqa: N802
        """Knows an error hook; none is run."""
        del request
        return empty_pb2.Empty()

    def RegisterPackage(  # noqa: N802
        self, request: resource_pb2.RegisterPackageRequest
    ) -> resource_pb2.RegisterPackageResponse:
        """Gives a parameterized package a reference; the same package gets the same one."""
        key = request.SerializeToString(deterministic=True)
        with self._lock:
            if key not in self._packages:
                self._packages.append(key)
            return resource_pb2.RegisterPackageResponse(ref=f"package-{self._packages.index(key)}")

    def GetDeploymentInfo(self, request: empty_pb2.Empty) -> resource_pb2.DeploymentInfo:  # noqa: N802
        """The features of this engine, as far as the program's SDK knows them."""
        del request
        known = dict(resource_pb2.ResourceMonitorFeature.items())
        names = ("RESOURCE_MONITOR_FEATURE_" + re.sub("([A-Z])", r"_\1", name).upper() for name in _FEATURES)
        return resource_pb2.DeploymentInfo(
            project=self._registry.project,
            stack=self._registry.stack,
            organization=self.organization,
            dryRun=True,
            supportedFeatures=[known[name] for name in names if name in known],
        )

    def SupportsFeature(  # noqa: N802
        self, request: resource_pb2.SupportsFeatureRequest
    ) -> resource_pb2.SupportsFeatureResponse:
        """Whether this engine has a feature."""
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in _FEATURES)

    def SignalAndWaitForShutdown(self, request: empty_pb2.Empty) -> empty_pb2.Empty:  # noqa: N802
        """The program is done: there is nothing to wait for."""
        del request
        return empty_pb2.Empty()

    def _note(self, subject: str, text: str) -> None:
        self._emit({"kind": "note", "subject": subject, "text": text})


class Engine:
    """``Engine`` for one program: what it logs, without debug messages."""

    _SEVERITIES = {engine_pb2.INFO: "info", engine_pb2.WARNING: "warning", engine_pb2.ERROR: "error"}  # noqa: RUF012

    def __init__(self, emit: Emit) -> None:
        self._emit = emit

    def Log(self, request: engine_pb2.LogRequest) -> empty_pb2.Empty:  # noqa: N802
        """Takes a message."""
        severity = self._SEVERITIES.get(request.severity)
        if severity and not request.ephemeral:
            self._emit({"kind": "log", "severity": severity, "message": request.message, "urn": request.urn})
        return empty_pb2.Empty()

    def RequirePulumiVersion(  # noqa: N802
        self, request: engine_pb2.RequirePulumiVersionRequest
    ) -> engine_pb2.RequirePulumiVersionResponse:
        """Accepts every version: there is no Pulumi CLI here to compare."""
        del request
        return engine_pb2.RequirePulumiVersionResponse()


__all__ = ["Emit", "Engine", "Monitor", "Refusal"]
