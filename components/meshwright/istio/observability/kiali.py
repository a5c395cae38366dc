"""Kiali: a picture of the mesh, and its findings after the deployment."""

from collections.abc import Iterator
from typing import Any, Final, NotRequired, TypedDict

import pulumi

from meshwright.catalog import load_catalog
from meshwright.errors import Code, Problem
from meshwright.kubernetes.chart_values import merge
from meshwright.kubernetes.charts import ChartSourceArgs, PlannedRelease, chart, release
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import ComponentError
from meshwright.kubernetes.providers import require_kubernetes_provider

AUTH: Final = ("token", "openid", "openshift", "header", "anonymous")
"""How people log in (``auth.strategy``); what openid needs goes into ``values``."""
TRACING: Final = ("jaeger", "tempo")
_CHART: Final = "kiali-server"


class SecretKey(TypedDict):
    """A key of a Secret that exists, in Kiali's namespace."""

    name: str
    """The Secret."""
    key: str
    """The key in it."""


class GrafanaArgs(TypedDict):
    """Grafana, to which Kiali links."""

    internal_url: str
    """Where Kiali asks it."""
    external_url: str
    """Where people's browsers find it."""


class TracingArgs(TypedDict):
    """A store of spans, which Kiali shows beside requests."""

    provider: str
    """``jaeger`` or ``tempo``."""
    internal_url: str
    """Where Kiali asks it."""
    external_url: NotRequired[str]
    """Where people's browsers find it. Default: no links."""


class KialiArgs(TypedDict):
    """Arguments of `Kiali`."""

    prometheus_url: str
    """The Prometheus that scrapes the mesh, such as ``http://prometheus.monitoring:9090``."""
    login_key: NotRequired[SecretKey]
    """What sessions are signed with: 16, 24 or 32 characters. The chart would make one at random, write it into a
    ConfigMap, and make another at each upgrade. Needed unless ``auth`` is anonymous."""
    auth: NotRequired[str]
    """``token``, ``openid``, ``openshift``, ``header`` or ``anonymous``. Default: ``token``, of a service account."""
    view_only: NotRequired[bool]
    """People look and change nothing: what they changed here the next ``pulumi up`` would take back. Default: true."""
    namespace: NotRequired[str]
    """Where it runs; it must exist. Default: ``istio_namespace``."""
    istio_namespace: NotRequired[str]
    """Istio's root namespace. Default: ``istio-system``."""
    grafana: NotRequired[GrafanaArgs]
    """Default: no links to Grafana."""
    tracing: NotRequired[TracingArgs]
    """Default: no traces."""
    charts: NotRequired[ChartSourceArgs]
    """Where the chart comes from. Default: Kiali's HTTP repository."""
    values: NotRequired[dict[str, Any]]
    """Chart values of yours, merged last."""


class Kiali(pulumi.ComponentResource):
    """Kiali's server, by its chart.

    Raises:
        ComponentError: MW-E050 for arguments that cannot work, MW-E051 without a provider, MW-E053 and MW-E054 for the
            chart.
    """

    def __init__(self, name: str, args: KialiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"Kiali {name}"
        require_kubernetes_provider(opts, label)
        if problems := list(_mistakes(args, label)):
            raise ComponentError(problems)
        planned = _release(args, label)
        if problems := list(planned.problems(label)):
            raise ComponentError(problems)
        super().__init__("meshwright:index:Kiali", name, {**args}, opts)
        release(f"{name}-release", planned, below(self, opts))
        self.register_outputs({})


def _mistakes(args: KialiArgs, label: str) -> Iterator[Problem]:
    auth, tracing = args.get("auth", "token"), args.get("tracing")
    if auth not in AUTH:
        yield Problem(Code.BAD_ARGUMENT, f"auth {auth!r} is unknown", f"one of: {', '.join(AUTH)}", label)
    if auth != "anonymous" and "login_key" not in args:
        message = f"auth is {auth}, and nothing signs people's sessions"
        yield Problem(Code.BAD_ARGUMENT, message, "name a Secret and its key in login_key", label)
    if auth == "anonymous" and not args.get("view_only", True):
        message = "anonymous people could change the mesh"
        yield Problem(Code.BAD_ARGUMENT, message, "leave view_only on, or choose another auth", label)
    if tracing and tracing["provider"] not in TRACING:
        message = f"the provider of traces {tracing['provider']!r} is unknown"
        yield Problem(Code.BAD_ARGUMENT, message, f"one of: {', '.join(TRACING)}", label)


def _release(args: KialiArgs, label: str) -> PlannedRelease:
    fact, istio = load_catalog().newest("kiali"), args.get("istio_namespace", "istio-system")
    from_where = chart(
        _CHART,
        fact.charts[_CHART],
        args.get("charts") or {"source": "repository"},
        oci=fact.oci_repository or "",
        repository=fact.helm_repository or "",
        label=label,
    )
    values = merge(_values(args, istio), args.get("values") or {})
    return PlannedRelease("kiali", from_where, args.get("namespace", istio), values)


def _values(args: KialiArgs, istio: str) -> dict[str, Any]:
    services: dict[str, Any] = {
        "istio": {"root_namespace": istio},
        "prometheus": {"url": args["prometheus_url"]},
    }
    # Kiali looks for both at addresses of its own where it isn't told.
    services["grafana"] = {"enabled": True, **args["grafana"]} if "grafana" in args else {"enabled": False}
    services["tracing"] = {"enabled": True, **args["tracing"]} if "tracing" in args else {"enabled": False}
    values: dict[str, Any] = {
        "auth": {"strategy": args.get("auth", "token")},
        "deployment": {"instance_name": "kiali", "view_only_mode": bool(args.get("view_only", True))},
        "external_services": services,
    }
    if key := args.get("login_key"):
        values["login_token"] = {"signing_key": f"secret:{key['name']}:{key['key']}"}
    return values
