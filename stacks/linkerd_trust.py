"""The certificates of a Linkerd stack: what its key `trust` becomes, with the files and secrets that it names."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pulumi
from pulumi.runtime.config import is_config_secret

from meshwright import CertManager, IdentityIssuer, TrustAnchor
from meshwright.config.linkerd import LinkerdMesh
from meshwright.config.linkerd_trust import Anchor
from meshwright.errors import Code, ConfigError, Problem
from meshwright.kubernetes.cert_manager import plan_cert_manager
from meshwright.linkerd.certificates.identity_issuer import check_bundle, check_ends
from meshwright.linkerd.certificates.trust_anchor import TRUST_DOMAIN, check_anchor
from meshwright.linkerd.labels import ADMISSION_WEBHOOKS
from parts import chart_source

if TYPE_CHECKING:
    from meshwright.kubernetes.cert_manager import CertManagerArgs
    from meshwright.linkerd.certificates.identity_issuer import IdentityIssuerArgs
    from meshwright.linkerd.certificates.trust_anchor import TrustAnchorArgs
    from meshwright.linkerd.linkerd import IdentityArgs

_CONFIG = "config:"
_PEM = ("certificate", "key", "issuer_certificate", "issuer_key")
_SECRET = ("key", "issuer_key")
_NOT_DECRYPTED = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What Pulumi, and the offline engine, put where a value isn't known."""
_LAST = "old-removed"


def check(mesh: LinkerdMesh) -> None:
    """Refuse anchors that Linkerd can't use, before anything is registered. Raises as `identity`."""
    if mesh.cert_manager.mode == "create":
        plan_cert_manager(_cert_manager(mesh), "CertManager cert-manager")
    gathered = also_trusted(mesh)
    for key, each in (("anchor", mesh.trust.anchor), ("rotation.next", mesh.trust.rotation.next)):
        if each:
            args = _anchor(each, mesh, key)
            check_anchor(args, f"TrustAnchor trust-{each.name}")
            gathered += [args["certificate"]] if "certificate" in args else []
            pem = args.get("certificate")
            if each is _signing(mesh) and isinstance(pem, str) and "issuer_certificate" not in args:
                check_ends(pem, mesh.trust.issuer.lifetime, "IdentityIssuer identity")
    domain = mesh.trust_domain or TRUST_DOMAIN
    check_bundle([each for each in gathered if isinstance(each, str)], domain, "IdentityIssuer identity")


def also_trusted(mesh: LinkerdMesh) -> "list[pulumi.Input[str]]":
    """The anchors of other clusters, PEM. Raises `ConfigError`: MW-E145."""
    return [_text(each, "also_trusted") for each in mesh.trust.also_trusted]


def cert_manager(mesh: LinkerdMesh, provider: pulumi.ProviderResource) -> list[pulumi.Resource]:
    """Register cert-manager and trust-manager, where the stack installs them: before whatever has a certificate."""
    if mesh.cert_manager.mode == "existing":
        return []
    return [CertManager("cert-manager", _cert_manager(mesh), pulumi.ResourceOptions(providers=[provider]))]


def arguments(issuer: IdentityIssuer) -> "IdentityArgs":
    """What the control plane has to know of its certificates."""
    args: IdentityArgs = {"external_ca": issuer.external_ca, "scheme": issuer.scheme, "marker": issuer.marker}
    if issuer.bundle is not None:
        args["anchors"] = issuer.bundle
    return args


def identity(mesh: LinkerdMesh, provider: pulumi.ProviderResource, before: Sequence[pulumi.Resource]) -> IdentityIssuer:
    """Register the anchors of the rotation's step, and the issuer; the control plane comes after it.

    Args:
        mesh: The stack's config.
        provider: The cluster.
        before: What has to be there: Linkerd's namespace, and cert-manager where we install it.

    Raises:
        ConfigError: MW-E145 for a file or config value that isn't there, or a key that is no secret.
        ComponentError: As `TrustAnchor` and `IdentityIssuer`.
    """
    wanted, rotation = mesh.trust, mesh.trust.rotation
    opts = pulumi.ResourceOptions(providers=[provider], depends_on=list(before))
    args: IdentityIssuerArgs = {}
    if wanted.source == "cert-manager":
        args["anchor_lifetime"] = _signing(mesh).lifetime
    if wanted.source != "pulumi-tls" or "lifetime" in wanted.issuer.model_fields_set:
        args["lifetime"], args["renew_before"] = wanted.issuer.lifetime, wanted.issuer.renew_before
    if mesh.trust_domain:
        args["trust_domain"] = mesh.trust_domain
    if rotation.step != "steady":
        said = rotation.model_dump(mode="json", exclude_none=True, exclude={"next"})
        args["rotation"] = cast("Any", said)
    if others := also_trusted(mesh):
        args["also_trusted"] = others
    anchors = {
        key: _anchor(each, mesh, "rotation.next" if key == "next" else key)
        for key, each in (("anchor", wanted.anchor), ("next", rotation.next))
        if each
    }
    if rotation.step == _LAST:
        del anchors["anchor"]
    if "anchor" in anchors:
        args["anchor"] = TrustAnchor(f"trust-{anchors['anchor']['name']}", anchors["anchor"], opts)
    if "next" in anchors:
        args["next"] = TrustAnchor(f"trust-{anchors['next']['name']}", anchors["next"], opts)
    return IdentityIssuer("identity", args, opts)


def _signing(mesh: LinkerdMesh) -> Anchor:
    """The anchor that signs at the rotation's step."""
    rotation = mesh.trust.rotation
    return rotation.next if rotation.next and rotation.step in ("issuer-switched", _LAST) else mesh.trust.anchor


def _cert_manager(mesh: LinkerdMesh) -> "CertManagerArgs":
    wanted = mesh.cert_manager
    args: CertManagerArgs = {
        "namespace": wanted.namespace,
        "adopt_namespace": wanted.adopt_namespace,
        # Linkerd's webhooks have certificates of cert-manager's: they must not stand in the way of its pods.
        "labels": {ADMISSION_WEBHOOKS: "disabled"},
        "high_availability": mesh.high_availability,
    }
    if wanted.charts:
        args["charts"] = chart_source(wanted.charts)
    if "values" in wanted.model_fields_set:
        given = wanted.values
        args["values"] = {"cert_manager": given.cert_manager, "trust_manager": given.trust_manager}
    return args


def _anchor(wanted: Anchor, mesh: LinkerdMesh, key: str) -> "TrustAnchorArgs":
    given: dict[str, Any] = wanted.model_dump(exclude_unset=True, exclude_none=True)
    for name in _PEM:
        if name in given:
            given[name] = _text(given[name], f"{key}.{name}", secret=name in _SECRET)
    given |= {"source": mesh.trust.source, "name": wanted.name}
    if "namespace" in mesh.cert_manager.model_fields_set:
        given["cert_manager_namespace"] = mesh.cert_manager.namespace
    if mesh.trust_domain:
        given["trust_domain"] = mesh.trust_domain
    return cast("TrustAnchorArgs", given)


def _text(place: str, key: str, *, secret: bool = False) -> "pulumi.Input[str]":
    """What stands in a file, or in a config value of the stack. A secret that nobody decrypted isn't known."""
    if not place.startswith(_CONFIG):
        try:
            text = (Path(pulumi.runtime.get_root_directory()) / Path(place).expanduser()).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            raise _missing(key, f"names {place}, which can't be read", "give the path of a PEM file") from None
        return text
    full = place.removeprefix(_CONFIG)
    namespace, _, name = full.rpartition(":")
    config = pulumi.Config(namespace or None)
    full, value = config.full_key(name), config.get(name)
    if value is None:
        raise _missing(key, f"names the config value {full}, which isn't set", f"pulumi config set --secret {full}")
    if secret and not is_config_secret(full):
        raise _missing(key, f"names the config value {full}, which is no secret", f"pulumi config set --secret {full}")
    if value == _NOT_DECRYPTED:
        unknown: Any = pulumi.UNKNOWN
        return pulumi.Output.secret(unknown)
    return value


def _missing(key: str, message: str, remedy: str) -> ConfigError:
    place = f"stacks/Pulumi.{pulumi.get_stack()}.yaml"
    return ConfigError(Problem(Code.CERTIFICATE_UNREADABLE, f"mesh.trust.{key} {message}", remedy, place))
