"""Waypoints of others and security, from a stack's config."""

from typing import TYPE_CHECKING, Any, cast

import pulumi

from istio_parts import Registered
from meshwright import (
    AccessPolicy,
    JwtAuthentication,
    NamespaceAccess,
    RequireWaypoint,
    UseWaypoint,
    WorkloadMtls,
)
from meshwright.config import istio_security as config
from meshwright.config.istio import IstioAmbientMesh, MeshNamespace, Waypoint
from meshwright.config.istio_security_checks import access_of, front_of, istio_version, trust_domain
from meshwright.istio.namespace import NamespaceWaypointArgs
from meshwright.istio.security.access_policy import AccessPolicyArgs
from meshwright.istio.security.authorizers import extension_provider
from meshwright.istio.security.jwt import JwtAuthenticationArgs
from meshwright.istio.security.waypoints import FrontWaypointArgs

if TYPE_CHECKING:
    from meshwright.istio.mtls import WorkloadMtlsArgs
    from meshwright.istio.security.require_waypoint import RequireWaypointArgs
    from meshwright.istio.security.rules import RuleArgs
    from meshwright.istio.use_rules import UseWaypointArgs


def deploy(mesh: IstioAmbientMesh, stands: Registered) -> None:
    """Register who goes through which waypoint, and who may call what; what denies comes after all namespaces."""
    for namespace in mesh.namespaces:
        ready: list[pulumi.Resource] = list(stands.namespaces.values())
        if namespace.use_waypoint:
            ready += _use(mesh, namespace, namespace.use_waypoint, stands)
        _secure(mesh, namespace, stands.after(ready))


def _secure(mesh: IstioAmbientMesh, namespace: MeshNamespace, after: pulumi.ResourceOptions) -> None:
    name, security, front = namespace.name, namespace.security, front_of(mesh, namespace)
    for exception in security.mtls:
        WorkloadMtls(f"{name}-{exception.name}", _mtls_args(name, exception), after)
    if security.jwt and front is not None:
        JwtAuthentication(f"{name}-jwt", _jwt_args(name, security.jwt, front), after)
    if security.external_authorization and front is not None:
        asked = _authorizer_args(name, security.external_authorization, front)
        AccessPolicy(f"{name}-external-authorization", asked, after)
    if access := access_of(mesh, namespace):
        NamespaceAccess(f"{name}-access", access, after)


def chart_values(mesh: IstioAmbientMesh) -> dict[str, Any]:
    """What the charts need for it."""
    env = {"AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY": "true"}
    return {"istiod": {"env": env}} if mesh.security.dry_run else {}


def extension_providers(mesh: IstioAmbientMesh) -> list[dict[str, Any]]:
    """What policies of ``custom`` may name."""
    return [extension_provider(each.model_dump(exclude_unset=True)) for each in mesh.security.authorizers]  # type: ignore[arg-type]


def own_waypoint(mesh: IstioAmbientMesh, waypoint: Waypoint) -> NamespaceWaypointArgs:
    """The arguments of a namespace's own waypoint."""
    args = cast("NamespaceWaypointArgs", waypoint.model_dump(mode="json", exclude_unset=True))
    if "canary" in args:
        args["canary"]["istio_version"] = istio_version(mesh)
    return args


def _use(
    mesh: IstioAmbientMesh, namespace: MeshNamespace, use: config.UseWaypoint, stands: Registered
) -> list[pulumi.Resource]:
    """The namespace's users, once the waypoint stands; then what closes the ways past it."""
    args: UseWaypointArgs = {
        "namespace": namespace.name,
        "waypoint": "waypoint",
        "waypoint_namespace": use.namespace,
        "ingress": use.ingress,
    }
    if use.services:
        args["services"] = list(use.services)
    both = [stands.namespaces[use.namespace], stands.namespaces[namespace.name]]
    used = UseWaypoint(f"{namespace.name}-use-waypoint", args, stands.after(both))
    if use.require is None:
        return [used]
    required = cast("RequireWaypointArgs", use.require.model_dump(mode="json", exclude_unset=True))
    required |= {"namespace": namespace.name, "trust_domain": trust_domain(mesh)}
    if front := front_of(mesh, namespace):
        required["waypoint"] = front
    if labels := namespace.security.workloads:
        required["workloads"] = {service: dict(each) for service, each in labels.items()}
    return [used, RequireWaypoint(f"{namespace.name}-require-waypoint", required, stands.after([used]))]


def _mtls_args(namespace: str, exception: config.WorkloadMtls) -> "WorkloadMtlsArgs":
    args: WorkloadMtlsArgs = {
        "name": exception.name,
        "namespace": namespace,
        "workloads": dict(exception.workloads),
        "ports": {str(each.port): each.mode.upper() for each in exception.ports},
    }
    if exception.mode:
        args["mode"] = exception.mode.upper()
    return args


def _jwt_args(namespace: str, jwt: config.Jwt, front: FrontWaypointArgs) -> JwtAuthenticationArgs:
    args = cast("JwtAuthenticationArgs", jwt.model_dump(mode="json", exclude_unset=True))
    args |= {"namespace": namespace, "waypoint": front}
    return args


def _authorizer_args(namespace: str, asked: config.ExternalAuthorization, front: FrontWaypointArgs) -> AccessPolicyArgs:
    rule: RuleArgs = {"operations": [{"paths": list(asked.paths)}]} if asked.paths else {}
    args: AccessPolicyArgs = {
        "name": "external-authorization",
        "namespace": namespace,
        "action": "custom",
        "provider": asked.authorizer,
        "waypoint": front,
        "rules": [rule],
    }
    if asked.services:
        args["services"] = list(asked.services)
    return args
