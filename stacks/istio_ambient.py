"""Istio ambient, from a stack's config."""

from collections import defaultdict
from dataclasses import replace
from typing import cast

import pulumi

import istio_certificates
import istio_control
import istio_multicluster
import istio_observability
import istio_security
import istio_traffic
from istio_parts import Registered
from meshwright import AmbientNamespace, IstioAmbient, MeshWideMtls
from meshwright.config.clock import today
from meshwright.config.istio import IstioAmbientMesh, MeshNamespace
from meshwright.config.istio_security_checks import trust_domain
from meshwright.guidance.rollout import next_step
from meshwright.istio.ambient import IstioAmbientArgs, IstioValues
from meshwright.istio.namespace import AmbientNamespaceArgs
from meshwright.istio.plan import plan_istio
from meshwright.kubernetes.chart_values import merge
from parts import chart_source, gateway_api_crds, provider_of


def deploy(mesh: IstioAmbientMesh) -> None:
    """Register the mesh and export what its operators ask for."""
    plan_istio(_istio_args(mesh), "IstioAmbient mesh")  # before anything is registered
    provider = provider_of("cluster", mesh.cluster)
    crds = gateway_api_crds(mesh.gateway_api, istio_control.gateway_api_bundle(mesh), mesh.cluster, provider)
    with_provider = pulumi.ResourceOptions(providers=[provider])
    before = list(istio_control.prepare(mesh, provider))
    istio = IstioAmbient(
        "mesh",
        _istio_args(mesh),
        pulumi.ResourceOptions.merge(with_provider, pulumi.ResourceOptions(depends_on=[crds, *before])),
    )
    before_namespaces = Registered(provider, istio, {})
    stands = replace(
        before_namespaces,
        namespaces={
            each.name: AmbientNamespace(each.name, _namespace_args(each, mesh), before_namespaces.after())
            for each in mesh.namespaces
        },
    )
    if mesh.mtls == "strict":
        MeshWideMtls(
            "mesh-wide-mtls",
            {"mode": "STRICT", "phases": {each.name: each.phase for each in mesh.namespaces}},
            stands.after(stands.namespaces.values()),
        )
    istio_traffic.deploy(mesh, stands)
    istio_security.deploy(mesh, stands)
    istio_multicluster.deploy(mesh, stands)
    istio_observability.deploy(mesh, stands)
    by_phase = defaultdict(list)
    for each in mesh.namespaces:
        by_phase[each.phase].append(each.name)
    pulumi.export("namespaces", dict(by_phase))
    pulumi.export("versions", {"istio": istio.version, "gateway-api": crds.version})
    pulumi.export("next", next_step(mesh.namespaces, today()))


def _istio_args(mesh: IstioAmbientMesh) -> IstioAmbientArgs:
    args: IstioAmbientArgs = {
        "version": mesh.version,
        "platform": mesh.cluster.platform,
    }
    charts = mesh.upgrade.charts if mesh.upgrade else None
    istio_control.set_control_plane(args, mesh, chart_source(charts) if charts else None)
    if mesh.cluster.kubernetes_version:
        args["kubernetes_version"] = mesh.cluster.kubernetes_version
    if mesh.cluster.compute:
        args["compute"] = list(mesh.cluster.compute)
    if mesh.adopt.system_namespace:
        args["adopt_namespace"] = True
    if mesh.adopt.releases:
        args["adopt_releases"] = list(mesh.adopt.releases)
    if mesh.hub:
        args["hub"] = mesh.hub
    if mesh.trust_domain:
        args["trust_domain"] = mesh.trust_domain
    if mesh.charts:
        args["charts"] = chart_source(mesh.charts)
    _ask_for_parts(args, mesh)
    return args


def _ask_for_parts(args: IstioAmbientArgs, mesh: IstioAmbientMesh) -> None:
    """What the stack's optional parts, and the user's own values, ask of the installation."""
    istio_certificates.set_trust(args, mesh)
    istio_observability.set_logs(args, mesh)
    if providers := [*istio_security.extension_providers(mesh), *istio_observability.extension_providers(mesh)]:
        args["extension_providers"] = providers
    if values := merge(istio_security.chart_values(mesh), mesh.values.model_dump(exclude_defaults=True)):
        args["values"] = cast("IstioValues", values)


def _namespace_args(namespace: MeshNamespace, mesh: IstioAmbientMesh) -> AmbientNamespaceArgs:
    args: AmbientNamespaceArgs = {"namespace": namespace.name, "phase": namespace.phase}
    if namespace.since:
        args["since"] = namespace.since.isoformat()
    if namespace.previous:
        args["previous"] = {"phase": namespace.previous.phase}
        if namespace.previous.since:
            args["previous"]["since"] = namespace.previous.since.isoformat()
    if namespace.adopt:
        args["adopt"] = True
    if followed := istio_control.followed_by(namespace, mesh):
        args["revision"] = followed
    if namespace.waypoint:
        args["waypoint"] = istio_security.own_waypoint(mesh, namespace.waypoint)
        if namespace.waypoint.require:
            args["trust_domain"] = trust_domain(mesh)
            args["workloads"] = {service: dict(each) for service, each in namespace.security.workloads.items()}
    return args
