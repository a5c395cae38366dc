"""Telemetry: what waypoints log, count and trace, for the mesh, a namespace, a waypoint or a service.

ztunnel reads no Telemetry (its access log is a value of its chart, `IstioAmbientArgs.ztunnel_access_logs`), and it
makes no spans. A waypoint makes one span a call; whether the spans of several calls are one trace is up to the
applications, which have to pass the trace headers on of the request that they serve (``traceparent``, or ``b3`` for
Zipkin).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NotRequired, TypedDict

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from meshwright.errors import Code, Problem
from meshwright.istio.extension_providers import BUILT_IN
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import ComponentError
from meshwright.kubernetes.providers import require_kubernetes_provider

ACCESS_LOGS: Final = ("off", "errors", "all")
# Envoy sets a flag for what it refused or lost itself: that has no answer, and for TCP no code at all.
_ERRORS = "response.code >= 400 || response.flags > 0"
_TARGETS: Final = {"Gateway": "gateway.networking.k8s.io", "Service": ""}


class MetricsSettings(TypedDict):
    """The waypoints' metrics; ztunnel's are as they are."""

    enabled: NotRequired[bool]
    """Whether there are any. Default: as in the scope around; Istio's is true."""
    remove_labels: NotRequired[list[str]]
    """Labels that all of Istio's metrics go without: each label that is left out divides the number of series."""
    add_labels: NotRequired[dict[str, str]]
    """Name of a label to a CEL expression over Envoy's attributes, such as ``request.host``. Beware of many values."""


class TelemetrySettings(TypedDict):
    """What is logged, counted and traced. What is left out is as in the scope around: namespace, then mesh."""

    access_logs: NotRequired[str]
    """``off``, ``errors`` (answers from 400 on, and what the proxy itself refused or lost) or ``all``."""
    log_provider: NotRequired[str]
    """The extension provider that takes the logs. Default: ``envoy``, the proxy's standard output."""
    metrics: NotRequired[MetricsSettings]
    """The metrics for Prometheus."""
    trace_provider: NotRequired[str]
    """The extension provider that takes the spans."""
    sampling: NotRequired[float]
    """Requests that are traced, in percent: 0 to 100. A caller that has decided already is followed."""


class TelemetryTarget(TypedDict):
    """What a scope is narrowed to."""

    kind: str
    """``Gateway``, a waypoint, or ``Service``."""
    name: str
    """Its name; it stands in the scope's namespace."""


class TelemetryScope(TelemetrySettings):
    """Settings, and what they hold for."""

    namespace: str
    """For Istio's root namespace: the whole mesh."""
    targets: NotRequired[list[TelemetryTarget]]
    """Default: none, all proxies of the namespace."""


class MeshTelemetryArgs(TypedDict):
    """Arguments of `MeshTelemetry`."""

    scopes: list[TelemetryScope]
    """One Telemetry object each."""
    providers: NotRequired[list[str]]
    """Names of the extension providers that the mesh defines (`IstioAmbientArgs.extension_providers`). Istio's own
    needn't be named. Default: none."""


class MeshTelemetry(pulumi.ComponentResource):
    """Telemetry objects that don't get into each other's way.

    Istio takes the settings of the root namespace first, lays those of the proxy's namespace over them, then the ones
    that name the waypoint or service. Of two objects for one scope, which one holds is up to which came first. The
    objects' names go by their scope, so that a second component can't make a second one.

    Raises:
        ComponentError: MW-E050 for arguments that cannot work, MW-E051 without a provider, MW-E140 for two
            scopes that mean the same proxies, MW-E141 for an extension provider that the mesh doesn't define.
    """

    def __init__(self, name: str, args: MeshTelemetryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"MeshTelemetry {name}"
        require_kubernetes_provider(opts, label)
        if problems := [*_conflicts(args["scopes"], label), *_mistakes(args, label)]:
            raise ComponentError(problems)
        super().__init__("meshwright:index:MeshTelemetry", name, {**args}, opts)
        for scope in args["scopes"]:
            object_name = _name(scope)
            CustomResource(
                f"{name}-{scope['namespace']}-{object_name}",
                api_version="telemetry.istio.io/v1",
                kind="Telemetry",
                metadata={"name": object_name, "namespace": scope["namespace"]},
                spec=spec(scope),
                opts=below(self, opts),
            )
        self.register_outputs({})


def spec(scope: TelemetryScope) -> dict[str, Any]:
    """The Telemetry object's spec."""
    made: dict[str, Any] = {}
    if targets := scope.get("targets"):
        made["targetRefs"] = [{"group": _TARGETS.get(each["kind"], ""), **each} for each in targets]
    if logs := scope.get("access_logs"):
        made["accessLogging"] = [_access_logging(logs, scope.get("log_provider", "envoy"))]
    if (metrics := scope.get("metrics")) and (overrides := _overrides(metrics)):
        made["metrics"] = [{"providers": [{"name": "prometheus"}], "overrides": overrides}]
    if tracing := _tracing(scope):
        made["tracing"] = [tracing]
    return made


def _name(scope: TelemetryScope) -> str:
    targets = scope.get("targets") or []
    # A scope of several targets goes by its first: no two scopes have one in common.
    return f"{targets[0]['kind'].lower()}-{targets[0]['name']}" if targets else "default"


def _access_logging(logs: str, provider: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"providers": [{"name": provider}]}
    if logs == "off":
        entry["disabled"] = True
    if logs == "errors":
        entry["filter"] = {"expression": _ERRORS}
    return entry


def _overrides(metrics: MetricsSettings) -> list[dict[str, Any]]:
    override: dict[str, Any] = {"match": {"metric": "ALL_METRICS"}}
    if "enabled" in metrics:
        override["disabled"] = not metrics["enabled"]
    tags = {
        **{label: {"operation": "REMOVE"} for label in metrics.get("remove_labels") or ()},
        **{label: {"value": expression} for label, expression in (metrics.get("add_labels") or {}).items()},
    }
    if tags:
        override["tagOverrides"] = tags
    return [override] if len(override) > 1 else []


def _tracing(scope: TelemetrySettings) -> dict[str, Any]:
    tracing: dict[str, Any] = {}
    if provider := scope.get("trace_provider"):
        tracing["providers"] = [{"name": provider}]
    if (sampling := scope.get("sampling")) is not None:
        tracing["randomSamplingPercentage"] = sampling
    return tracing


def _conflicts(scopes: list[TelemetryScope], label: str) -> Iterator[Problem]:
    """Scopes that mean the same proxies: what istioctl calls IST0160 without a target, and IST0159 with one."""
    seen: set[tuple[str, str, str]] = set()
    for scope in scopes:
        for target in scope.get("targets") or [TelemetryTarget(kind="", name="")]:
            key = (scope["namespace"], target["kind"], target["name"])
            if key in seen:
                what = f"{target['kind']} {target['name']} of " if target["kind"] else "all proxies of "
                yield Problem(
                    Code.TELEMETRY_CONFLICT,
                    f"two scopes are for {what}{scope['namespace']}: which one holds is up to which came first",
                    "put what both say into one scope",
                    label,
                )
            seen.add(key)


def _mistakes(args: MeshTelemetryArgs, label: str) -> Iterator[Problem]:
    providers = [*BUILT_IN, *(args.get("providers") or ())]
    for scope in args["scopes"]:
        where = f"the scope {scope['namespace']}/{_name(scope)}"
        for message, remedy in _unfit(scope):
            yield Problem(Code.BAD_ARGUMENT, f"{where} {message}", remedy, label)
        for key in ("log_provider", "trace_provider"):
            named: Mapping[str, Any] = scope
            if (provider := named.get(key)) and provider not in providers:
                yield Problem(
                    Code.TELEMETRY_PROVIDER,
                    f"{where} names the provider {provider!r}, which the mesh doesn't define: Istio would send nothing",
                    f"one of: {', '.join(sorted(providers))}; or add it to extension_providers",
                    label,
                )


def _unfit(scope: TelemetryScope) -> Iterator[tuple[str, str]]:
    """What is wrong with a scope by itself, and what would be right."""
    if (logs := scope.get("access_logs", "off")) not in ACCESS_LOGS:
        yield f"has the access_logs {logs!r}", f"one of: {', '.join(ACCESS_LOGS)}"
    if not 0 <= scope.get("sampling", 0) <= 100:
        yield f"samples {scope['sampling']} percent", "give a number from 0 to 100"
    for target in scope.get("targets") or ():
        if target["kind"] not in _TARGETS:
            yield f"is for a {target['kind']}", f"one of: {', '.join(_TARGETS)}"
    if not spec(scope).keys() - {"targetRefs"}:
        yield "says nothing", "give access_logs, metrics, trace_provider or sampling"
