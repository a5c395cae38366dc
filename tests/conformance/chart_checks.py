"""What must hold for the values of a Helm release. Helm ignores a value that no template reads, and says nothing."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import yaml

from meshwright.kubernetes.chart_values import _KnownValues, merge
from tests.conformance.stacks import Release
from tests.servers import helm
from tests.servers.kubernetes import Identity, Object
from tests.servers.programs import data_file

# Keys that no values.yaml has, since templates alone read them.
# - profile, global.platform: templates/zzz_profile.yaml of every chart, which lays files/profile-<name>.yaml over the
#   defaults.
# - heartbeatSchedule: linkerd-control-plane's templates/heartbeat.yaml.
# - base.validationFailurePolicy: base's templates/defaultrevision-validatingwebhookconfiguration.yaml and istiod's
#   templates/validatingwebhookconfiguration.yaml.
_READ_BY_TEMPLATES = frozenset(
    {("profile",), ("global", "platform"), ("base", "validationFailurePolicy"), ("heartbeatSchedule",)}
)
# Maps that a template writes out whole: meshConfig (istiod's templates/configmap.yaml), environments of containers.
_FREE_FORM = frozenset({("meshConfig",), ("env",), ("pilot", "env")})
_FOLDERS: dict[str, tuple[str, ...]] = {
    name: ("istio-1.31", name) for name in ("base", "istiod", "cni", "ztunnel", "gateway")
}
_FOLDERS |= {
    name: ("linkerd-edge-26.8.3", name)
    for name in ("linkerd-crds", "linkerd-control-plane", "linkerd2-cni", "linkerd-viz", "linkerd-multicluster")
}
_FOLDERS |= {name: (name,) for name in ("cert-manager", "trust-manager")}
_FOLDERS["consul"] = ("consul-k8s-2.0.3", "consul")
# ConfigMaps into which istiod's and Consul's charts copy all values, known or not.
_COPIES = frozenset({("ConfigMap", "istio-sidecar-injector"), ("ConfigMap", "values"), ("ConfigMap", "helm-values")})
# Values that no template reads: istiod takes them from that copy when it makes waypoints and gateways (the chart's
# files/waypoint.yaml and files/kube-gateway.yaml). tests/conformance/test_trust.py holds them against istiod.
_READ_BY_GATEWAYS = ("global", "secretsBackend", "vault", "consulCARole")
"""And by the DNS proxy and catalog sync: an installation without any of them may get one later."""
_READ_BY_ISTIOD = frozenset({("global", "caAddress"), ("global", "network")})
_WRAPPER = "_internal_defaults_do_not_set"


def unknown(release: Release) -> list[str]:
    """The values that neither the chart's values.yaml, nor its schema, nor a template knows."""
    return [
        f"{release.chart}: no value {'.'.join(path)}"
        for path in _known(release.chart).unknown_in(release.values)
        if not any(path[: len(free)] == free for free in _FREE_FORM)
    ]


@cache
def _known(chart: str) -> _KnownValues:
    folder = data_file("chart-values", *_FOLDERS[chart]) if chart in _FOLDERS else helm.chart(chart)
    defaults = yaml.safe_load((folder / "values.yaml").read_text("utf-8"))
    preset = folder / "values-ha.yaml"
    defaults = merge(yaml.safe_load(preset.read_text("utf-8")) if preset.exists() else {}, defaults)
    schema = folder / "values.schema.json"
    return _KnownValues(
        merge(defaults, defaults.pop(_WRAPPER, {})),
        yaml.safe_load(schema.read_text("utf-8")) if schema.exists() else {},
        _READ_BY_TEMPLATES,
    )


def without_effect(release: Release) -> list[str]:
    """The values that change nothing in what the chart renders, whatever they are: nothing reads them."""
    rendered = _render(release, release.values)
    return [
        f"{release.chart}: {'.'.join(path)} has no effect"
        for path, other in _other_values(release.values)
        if not (release.chart == "istiod" and path in _READ_BY_ISTIOD)
        if not (release.chart == "consul" and path == _READ_BY_GATEWAYS)
        if _render(release, _with(release.values, path, other)) == rendered
    ]


def _render(release: Release, values: Mapping[str, Any]) -> list[Object] | str:
    """The objects of the release, or Helm's complaint: that is an effect as well."""
    try:
        text = helm.template(helm.chart(release.chart), release.name, release.namespace, values)
    except helm.HelmError as error:
        return str(error)
    objects = [each for document in text.split("\n---\n") for each in _objects(document)]
    return [each for each in objects if Identity.of(each)[1::2] not in _COPIES]


@cache
def _objects(document: str) -> list[Object]:
    """Most documents are the same in each of a release's renderings."""
    return helm.objects(document)


def _other_values(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each value at the end of a path, with something else in its place."""
    for key, value in values.items():
        here = (*path, key)
        match value:
            case dict():
                yield from _other_values(value, here)
            case bool():
                yield here, not value
            case int() | float():
                yield here, value + 1
            case list():
                yield here, value[:-1]
            case _:
                yield here, f"{value}-x"


def _with(values: Mapping[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    below = value if len(path) == 1 else _with(values[path[0]], path[1:], value)
    return {**values, path[0]: below}
