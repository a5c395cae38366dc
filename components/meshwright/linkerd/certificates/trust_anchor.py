"""One generation of Linkerd's trust anchor, and what signs issuers with it."""

from typing import Any, NotRequired, TypedDict, cast

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import Secret

from meshwright.config.clock import today
from meshwright.errors import MeshwrightError, Problem
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import ComponentError, refuse
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.linkerd import labels
from meshwright.linkerd.certificates.fitness import check_issuer, check_key, read_anchors
from meshwright.linkerd.certificates.issuers import IssuerReference, external_issuer
from meshwright.linkerd.certificates.lifetimes import ANCHOR_LIFETIME, anchor_mistakes, anchor_renew_before, as_go
from meshwright.linkerd.certificates.sources import KEYS_IN_CLUSTER, anchor_problems
from meshwright.linkerd.certificates.state_keys import StateAnchor, require_tls

TRUST_DOMAIN = "cluster.local"
_PEM_KEYS = ("certificate", "issuer_certificate", "key", "issuer_key")
_OWN = ("source", "name", "namespace", "cert_manager_namespace", "trust_domain")


class TrustAnchorArgs(TypedDict):
    """Arguments of `TrustAnchor`. ``source`` decides which of the keys after ``trust_domain`` it takes."""

    source: str
    """``cert-manager``, ``vault`` (OpenBao too), ``aws-pca``, ``google-cas``, ``pem`` or ``pulumi-tls``."""
    name: str
    """Names the generation, such as ``2026``; every object is named after it."""
    namespace: NotRequired[str]
    """Linkerd's; it must exist. Default: ``linkerd``."""
    cert_manager_namespace: NotRequired[str]
    """cert-manager's cluster resource namespace and trust-manager's trust namespace. Default: ``cert-manager``."""
    trust_domain: NotRequired[str]
    """Default: ``cluster.local``."""
    lifetime: NotRequired[str]
    """cert-manager and pulumi-tls: how long it is valid. Default: 10y."""
    renew_before: NotRequired[str]
    """cert-manager: how long before its end it is signed anew with its old key. Default: a tenth of its lifetime."""
    rotation_policy: NotRequired[str]
    """cert-manager: ``Never``; another key comes by a rotation alone."""
    certificate: NotRequired[pulumi.Input[str]]
    """vault, aws-pca, google-cas, pem: the anchor, PEM."""
    key: NotRequired[pulumi.Input[str]]
    """pem: its private key. It goes into a Secret, where cert-manager signs with it."""
    issuer_certificate: NotRequired[pulumi.Input[str]]
    """pem: an issuer that the anchor signed, and what lies between, instead of ``key``."""
    issuer_key: NotRequired[pulumi.Input[str]]
    """pem: the issuer's private key."""
    server: NotRequired[str]
    """vault: its address, ``https://…``."""
    path: NotRequired[str]
    """vault: what signs, such as ``pki/root/sign-intermediate``."""
    role: NotRequired[str]
    """vault: the role of its kubernetes auth method, for the service account ``linkerd-issuer-vault-<name>``."""
    mount: NotRequired[str]
    """vault: where that auth method is. Default: ``/v1/auth/kubernetes``."""
    ca_bundle: NotRequired[str]
    """vault: what its TLS certificate is verified with, PEM in base64. Default: the system's roots."""
    vault_namespace: NotRequired[str]
    """vault: its namespace. Default: none."""
    arn: NotRequired[str]
    """aws-pca: the authority. aws-privateca-issuer has to be installed."""
    region: NotRequired[str]
    """aws-pca: its region."""
    project: NotRequired[str]
    """google-cas: its project. google-cas-issuer has to be installed."""
    location: NotRequired[str]
    """google-cas: its location."""
    pool: NotRequired[str]
    """google-cas: the CA pool."""


class TrustAnchor(pulumi.ComponentResource):
    """A trust anchor, named after its generation, so that the next one stands beside it while both are trusted.

    Raises:
        ComponentError: MW-E050 for arguments that cannot work, MW-E051 without a provider, MW-E145 to MW-E147, MW-E187
            and MW-E188 for certificates that Linkerd refuses, MW-E185 for a renewal that would change the key, MW-E189
            for a key without its anchor, MW-E190 where pulumi_tls is missing. PEM that is an output is checked when it
            is known.
    """

    anchor_name: str
    """The generation's name."""
    certificate: pulumi.Output[str] | None
    """PEM; None from cert-manager, which makes it in the cluster."""
    plain: str | None
    """The same where it is known at once; None for an output."""
    secret_name: str | None
    """The Secret with the anchor in trust-manager's namespace; None where the bundle is made of PEM."""
    signs_by: IssuerReference | None
    """The issuer of cert-manager that signs with it; None where no cert-manager takes part."""
    pair: tuple[pulumi.Input[str], pulumi.Input[str]] | None
    """An issuer's certificate and key that were given."""
    in_state: StateAnchor | None
    """What pulumi_tls made: its key is in the state, as a secret."""

    def __init__(self, name: str, args: TrustAnchorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"TrustAnchor {name}"
        require_kubernetes_provider(opts, label)
        certificate = check_anchor(args, label)
        source, self.anchor_name = args["source"], args["name"]
        shown = {key: value for key, value in args.items() if key not in _PEM_KEYS}
        super().__init__("meshwright:index:TrustAnchor", name, shown, opts)
        self.certificate, self.secret_name, self.signs_by, self.pair, self.in_state = (
            certificate,
            None,
            None,
            None,
            None,
        )
        self.plain = given if isinstance(given := args.get("certificate"), str) else None
        children = below(self, opts)
        if source == KEYS_IN_CLUSTER:
            self._in_cluster(name, args, children)
        elif source == "pulumi-tls":
            called, lifetime = _common_name(args), args.get("lifetime", ANCHOR_LIFETIME)
            self.in_state = StateAnchor(name, lifetime, called, args["name"], children)
            self.certificate = self.in_state.certificate
        elif "key" in args:
            self._with_key(name, args, children)
        elif source == "pem":
            self.pair = args["issuer_certificate"], args["issuer_key"]
        else:
            namespace = args.get("namespace", labels.NAMESPACE)
            self.signs_by = external_issuer(
                name, cast("dict[str, Any]", args), _object_name(args), namespace, _trust_namespace(args), children
            )
        self.register_outputs({"certificate": self.certificate, "secret_name": self.secret_name})

    def _in_cluster(self, name: str, args: TrustAnchorArgs, opts: pulumi.ResourceOptions) -> None:
        called, lifetime = _object_name(args), args.get("lifetime", ANCHOR_LIFETIME)
        metadata = {"name": called, "namespace": _trust_namespace(args)}
        ready = {"pulumi.com/waitFor": "condition=Ready"}
        own = CustomResource(
            f"{name}-self-signed",
            api_version="cert-manager.io/v1",
            kind="Issuer",
            metadata={**metadata, "annotations": ready},
            spec={"selfSigned": {}},
            opts=opts,
        )
        made = CustomResource(
            f"{name}-certificate",
            api_version="cert-manager.io/v1",
            kind="Certificate",
            metadata={**metadata, "annotations": ready},
            spec={
                "isCA": True,
                "commonName": _common_name(args),
                # The convention names all generations alike; this tells them apart. Verifiers compare whole names.
                "subject": {"organizationalUnits": [args["name"]]},
                "secretName": called,
                "duration": as_go(lifetime),
                "renewBefore": as_go(args.get("renew_before") or anchor_renew_before(lifetime)),
                "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Never"},
                "usages": ["cert sign", "crl sign"],
                "issuerRef": {"name": called, "kind": "Issuer", "group": "cert-manager.io"},
            },
            opts=_after(opts, own),
        )
        self.secret_name = called
        self.signs_by = _signer(name, called, _after(opts, made))

    def _with_key(self, name: str, args: TrustAnchorArgs, opts: pulumi.ResourceOptions) -> None:
        called = _object_name(args)
        secret = Secret(
            f"{name}-secret",
            metadata={"name": called, "namespace": _trust_namespace(args)},
            type="kubernetes.io/tls",
            string_data=pulumi.Output.secret({"tls.crt": args["certificate"], "tls.key": args["key"]}),
            opts=opts,
        )
        self.signs_by = _signer(name, called, _after(opts, secret))


def check_anchor(args: TrustAnchorArgs, label: str) -> pulumi.Output[str] | None:
    """Refuse what cannot work; the anchor's PEM where it is given. Raises as `TrustAnchor`."""
    given = {key for key in args if key not in _OWN}
    if problems := [Problem(*each, label) for each in anchor_problems(args["source"], given)]:
        raise ComponentError(problems)
    lifetime = args.get("lifetime", ANCHOR_LIFETIME)
    policy = args.get("rotation_policy", "Never")
    for each in anchor_mistakes(lifetime, args.get("renew_before"), policy):
        raise refuse(each.code, label, f"{each.key} {each.message}", each.remedy)
    if args["source"] == "pulumi-tls":
        require_tls(label)
    if "certificate" not in args:
        return None
    pems = {key: args[key] for key in _PEM_KEYS if key in args}  # type: ignore[literal-required]
    domain = args.get("trust_domain", TRUST_DOMAIN)
    if not any(isinstance(value, pulumi.Output) for value in pems.values()):
        return pulumi.Output.from_input(_check_pem(pems, domain, label))
    checked: pulumi.Output[str] = pulumi.Output.from_input(pems).apply(lambda plain: _check_pem(plain, domain, label))
    return pulumi.Output.unsecret(checked)


def _check_pem(pems: dict[str, str], domain: str, label: str) -> str:
    try:
        anchors = read_anchors(pems["certificate"], f"{label}, certificate", today(), domain)
        if "key" in pems and (problems := list(check_key(anchors[0], pems["key"], f"{label}, key"))):
            raise MeshwrightError(problems)
        if "issuer_key" in pems:
            place = f"{label}, issuer"
            check_issuer(pems["issuer_certificate"], pems["issuer_key"], anchors, place, today(), domain)
    except MeshwrightError as error:
        raise ComponentError(error.problems) from None
    return pems["certificate"]


def _signer(name: str, called: str, opts: pulumi.ResourceOptions) -> IssuerReference:
    CustomResource(
        f"{name}-signer",
        api_version="cert-manager.io/v1",
        kind="ClusterIssuer",
        metadata={"name": called, "annotations": {"pulumi.com/waitFor": "condition=Ready"}},
        spec={"ca": {"secretName": called}},
        opts=opts,
    )
    return {"name": called, "kind": "ClusterIssuer", "group": "cert-manager.io"}


def _object_name(args: TrustAnchorArgs) -> str:
    return f"linkerd-trust-{args['name']}"


def _common_name(args: TrustAnchorArgs) -> str:
    return f"root.linkerd.{args.get('trust_domain', TRUST_DOMAIN)}"


def _trust_namespace(args: TrustAnchorArgs) -> str:
    return args.get("cert_manager_namespace", "cert-manager")


def _after(opts: pulumi.ResourceOptions, resource: pulumi.Resource) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[resource]))
