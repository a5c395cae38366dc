"""Where a mesh's certificates come from: what comes before istiod, and what the charts have to know of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict, cast

import pulumi

from meshwright.errors import Code
from meshwright.istio.certificates.istio_csr import IstioCsr, IstioCsrArgs, IstioCsrSettings, address, check_istio_csr
from meshwright.istio.certificates.plugged_in import (
    AuthorityArgs,
    PluggedInCa,
    PluggedInCaArgs,
    RotationArgs,
    digest_of,
    many_roots,
    plan_cacerts,
    without_pem,
)
from meshwright.istio.certificates.sources import source_mistakes
from meshwright.kubernetes.errors import refuse

_DIGEST = "meshwright.dev/authority"


class CertificatesArgs(TypedDict):
    """Where a mesh's certificates come from."""

    source: str
    """``self-signed``: istiod makes a root and keeps its key in the cluster; for development. ``cacerts``: istiod signs
    with an intermediate of yours. ``istio-csr``: cert-manager signs."""
    authority: NotRequired[AuthorityArgs]
    """cacerts: what istiod signs with."""
    rotation: NotRequired[RotationArgs]
    """cacerts: where the change to another authority stands. Default: there is none."""
    istio_csr: NotRequired[IstioCsrSettings]
    """istio-csr: its issuer and the root."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the certificates have to know of the mesh."""

    namespace: str
    agents_namespace: str
    trust_domain: Any = None
    revisions: tuple[str, ...] = ()
    """Control planes that run, but for the one without a revision."""
    cluster: str = ""
    """The cluster's name in a mesh of several; empty where there is one."""


@dataclass(frozen=True, slots=True)
class CertificatesPlan:
    """Certificates that can work."""

    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Chart, by its short name -> values."""
    cacerts: PluggedInCaArgs | None = field(default=None, repr=False)
    istio_csr: IstioCsrArgs | None = None

    def register(self, name: str, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
        """Register what has to be there before istiod starts."""
        if self.cacerts is not None:
            return [PluggedInCa(f"{name}-ca", self.cacerts, opts)]
        if self.istio_csr is not None:
            return [IstioCsr(f"{name}-istio-csr", self.istio_csr, opts)]
        return []


def plan_certificates(args: CertificatesArgs | None, settings: Settings, label: str) -> CertificatesPlan:
    """The plan for the arguments; without any, istiod signs for itself.

    Raises:
        ComponentError: MW-E150 for a source that can't be used, MW-E050 for a source without what it needs, and what
            `PluggedInCa` and `IstioCsr` raise.
    """
    if args is None:
        return CertificatesPlan()
    source = args["source"]
    for message, remedy in source_mistakes(source):
        raise refuse(Code.UNFIT_AUTHORITY, label, message, remedy)
    given = {key for key in ("authority", "rotation", "istio_csr") if key in args}
    wanted = {"cacerts": {"authority"}, "istio-csr": {"istio_csr"}}.get(source, set())
    for key in sorted(wanted - given):
        raise refuse(Code.BAD_ARGUMENT, label, f"certificates from {source} need {key}", f"add {key}")
    for key in sorted(given - wanted - ({"rotation"} if source == "cacerts" else set())):
        message = f"certificates from {source} take no {key}"
        raise refuse(Code.BAD_ARGUMENT, label, message, f"remove {key}, or choose another source")
    if source == "cacerts":
        return _cacerts(args, settings, label)
    if source == "istio-csr":
        return _istio_csr(args["istio_csr"], settings, label)
    return CertificatesPlan()


def shown(args: CertificatesArgs) -> dict[str, Any]:
    """What may be seen of the arguments: no PEM of an authority."""
    visible: dict[str, Any] = {key: value for key, value in args.items() if key not in ("authority", "rotation")}
    if "rotation" in args:
        visible["rotation"] = without_pem(args["rotation"])
    return visible


def _cacerts(args: CertificatesArgs, settings: Settings, label: str) -> CertificatesPlan:
    authority, rotation = args["authority"], args.get("rotation")
    made = plan_cacerts(authority, rotation, label)
    # istiod reads another Secret by itself, some time later. This restarts it, so that an update ends when it is read.
    istiod: dict[str, Any] = {"podAnnotations": {_DIGEST: digest_of(made)}}
    if many_roots(rotation):
        istiod["env"] = {"ISTIO_MULTIROOT_MESH": "true"}
    values: dict[str, Mapping[str, Any]] = {"istiod": istiod}
    if "crl" in authority:
        values["ztunnel"] = {"peerCaCrl": {"enabled": True}}
    cacerts: PluggedInCaArgs = {"namespace": settings.namespace, "authority": authority}
    if rotation is not None:
        cacerts["rotation"] = rotation
    return CertificatesPlan(values, cacerts=cacerts)


def _istio_csr(args: IstioCsrSettings, settings: Settings, label: str) -> CertificatesPlan:
    check_istio_csr(args, label)
    full = cast(
        "IstioCsrArgs",
        {**args, "root_namespace": settings.namespace, "agents_namespace": settings.agents_namespace},
    )
    if settings.trust_domain is not None:
        full["trust_domain"] = settings.trust_domain
    if settings.revisions:
        full["revisions"] = list(settings.revisions)
    if settings.cluster:
        full["cluster"] = settings.cluster
    # istiod hands the address to waypoints and gateways; ztunnel has a value of its own, and asks istiod without it.
    istiod = {"env": {"ENABLE_CA_SERVER": "false"}, "global": {"caAddress": address(args)}}
    return CertificatesPlan({"istiod": istiod, "ztunnel": {"caAddress": address(args)}}, istio_csr=full)
