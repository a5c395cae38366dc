"""Pieces of the rules' examples, in the form of Pulumi YAML's ``resources``."""

from typing import Final


def namespace(name: str = "shop", labels: str = "", ambient: str = "istio.io/dataplane-mode: ambient") -> str:
    """An ambient namespace, with more labels where they are given."""
    given = ", ".join(part for part in (ambient, labels) if part)
    return f"""\
{name}:
  type: kubernetes:core/v1:Namespace
  properties: {{metadata: {{name: {name}, labels: {{{given}}}}}}}
"""


def resource(name: str, token: str, *properties: str) -> str:
    """A resource; each of its properties is one line of YAML."""
    body = "\n".join(f"    {line}" for line in properties)
    return f"{name}:\n  type: kubernetes:{token}\n  properties:\n{body}\n"


def waypoint(namespace: str = "shop", labels: str = "", routes: str = "", infrastructure: str = "") -> str:
    """A waypoint that is called ``waypoint``."""
    given = f", labels: {{{labels}}}" if labels else ""
    allowed = f", allowedRoutes: {{namespaces: {routes}}}" if routes else ""
    return resource(
        "waypoint",
        "gateway.networking.k8s.io/v1:Gateway",
        f"metadata: {{name: waypoint, namespace: {namespace}{given}}}",
        "spec:",
        "  gatewayClassName: istio-waypoint",
        *((f"  infrastructure: {infrastructure}",) if infrastructure else ()),
        f"  listeners: [{{name: mesh, port: 15008, protocol: HBONE{allowed}}}]",
    )


def service(name: str = "cart", labels: str = "", spec: str = "ports: [{port: 80}]", namespace: str = "shop") -> str:
    """A Service."""
    given = f", labels: {{{labels}}}" if labels else ""
    return resource(
        name, "core/v1:Service", f"metadata: {{name: {name}, namespace: {namespace}{given}}}", f"spec: {{{spec}}}"
    )


def chart(name: str, values: str = "", version: str = "1.31.1") -> str:
    """A Helm release of one of Istio's charts."""
    given = (f"values: {{{values}}}",) if values else ()
    where = f'chart: "oci://ghcr.io/istio/release/charts/{name}"'
    release = {"base": "istio-base", "cni": "istio-cni"}.get(name, name)
    return resource(release, "helm.sh/v3:Release", where, f"version: {version}", f"name: {release}", *given)


def in_root(release: str) -> str:
    """A Helm release in Istio's root namespace."""
    return release.replace("    version:", "    namespace: istio-system\n    version:", 1)


USES_WAYPOINT: Final = "istio.io/use-waypoint: waypoint"
