"""The certificates of Linkerd's webhooks and of tap, made by cert-manager and renewed by it."""

from collections.abc import Mapping
from typing import Any, Final, NotRequired, TypedDict

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from meshwright.kubernetes.children import below
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.linkerd.labels import NAMESPACE, WEBHOOKS

_API: Final = "cert-manager.io/v1"


class LinkerdWebhookCertificatesArgs(TypedDict):
    """Arguments of `LinkerdWebhookCertificates`."""

    namespace: NotRequired[str]
    """Where the Services are, which must exist. Default: ``linkerd``."""
    services: NotRequired[list[str]]
    """The Services. Default: the control plane's three webhooks."""
    lifetime: NotRequired[str]
    """How long a certificate is valid. Default: ``2160h``."""
    renew_before: NotRequired[str]
    """How long before its end it is renewed. Default: ``720h``."""


class LinkerdWebhookCertificates(pulumi.ComponentResource):
    """A CA of the namespace's own, and from it a Certificate for each Service, named as the Service.

    The charts would make certificates that differ with each rendering and end after a year
    (``genSelfSignedCert … 365``).
    cert-manager's CA injector hands the CA to the API server: give the charts ``externalSecret`` and
    ``injectCaFrom: <namespace>/<service>``, as `Linkerd` and `LinkerdViz` do. cert-manager has to be there.

    Raises:
        ComponentError: MW-E051 without a Kubernetes provider.
    """

    def __init__(
        self, name: str, args: LinkerdWebhookCertificatesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        require_kubernetes_provider(opts, f"LinkerdWebhookCertificates {name}")
        super().__init__("meshwright:index:LinkerdWebhookCertificates", name, {**args}, opts)
        children = below(self, opts)
        namespace, ca = args.get("namespace", NAMESPACE), f"{name}-ca"
        own = _object(f"{name}-self-signed", "Issuer", namespace, {"selfSigned": {}}, children)
        root = _object(ca, "Certificate", namespace, _ca(ca), _after(children, own))
        issuer = _object(name, "Issuer", namespace, {"ca": {"secretName": ca}}, _after(children, root))
        lifetime, renewal = args.get("lifetime", "2160h"), args.get("renew_before", "720h")
        for service in args.get("services") or WEBHOOKS:
            spec = {
                "secretName": f"{service}-k8s-tls",
                "commonName": f"{service}.{namespace}.svc",
                "dnsNames": [f"{service}.{namespace}.svc"],
                "duration": lifetime,
                "renewBefore": renewal,
                "isCA": False,
                "usages": ["digital signature", "key encipherment", "server auth"],
                "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
                "issuerRef": {"kind": "Issuer", "name": name, "group": "cert-manager.io"},
            }
            _object(service, "Certificate", namespace, spec, _after(children, issuer), prefix=f"{name}-")
        self.register_outputs({})


def _ca(name: str) -> dict[str, Any]:
    return {
        "secretName": name,
        "commonName": name,
        # Each certificate's Secret keeps the CA that signed it, so that a new CA breaks none of them.
        "duration": "87600h",
        "renewBefore": "8760h",
        "isCA": True,
        "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
        "issuerRef": {"kind": "Issuer", "name": f"{name.removesuffix('-ca')}-self-signed", "group": "cert-manager.io"},
    }


def _object(
    name: str, kind: str, namespace: str, spec: Mapping[str, Any], opts: pulumi.ResourceOptions, prefix: str = ""
) -> CustomResource:
    metadata = {"name": name, "namespace": namespace}
    return CustomResource(f"{prefix}{name}", api_version=_API, kind=kind, metadata=metadata, spec=spec, opts=opts)


def _after(opts: pulumi.ResourceOptions, resource: pulumi.Resource) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[resource]))
