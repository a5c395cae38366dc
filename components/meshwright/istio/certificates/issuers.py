"""The cert-manager issuer behind istio-csr: made here, or one that exists.

None of the kinds made here hands a root's key to the cluster but ``ca``, whose Secret holds an intermediate's. The root
can be in an HSM or a KMS: AWS Private CA keeps it in one, OpenBao and Vault can, and every other holder of roots has an
issuer of its own (Google CAS, KMS, EJBCA, Venafi) that is named as ``existing``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ServiceAccount
from pulumi_kubernetes.rbac.v1 import Role, RoleBinding

NAME = "istio-ca"
"""What an issuer made here is called."""
_ASKS = "istio-ca-vault"
_CERT_MANAGER = "cert-manager.io"


class IssuerArgs(TypedDict):
    """An issuer of cert-manager. ``type`` decides which of the other keys it takes."""

    type: str
    """``existing``, ``ca``, ``vault`` (OpenBao too) or ``aws-private-ca``."""
    name: NotRequired[str]
    """existing: its name."""
    kind: NotRequired[str]
    """existing: its kind, such as ``ClusterIssuer`` or ``GoogleCASClusterIssuer``. An ``Issuer`` stands in Istio's
    root namespace."""
    group: NotRequired[str]
    """existing: its API group, such as ``cert-manager.io``."""
    secret: NotRequired[pulumi.Input[str]]
    """ca: the TLS Secret in Istio's root namespace with an intermediate and its key."""
    server: NotRequired[pulumi.Input[str]]
    """vault: its address, ``https://…``."""
    path: NotRequired[pulumi.Input[str]]
    """vault: what signs, such as ``pki_istio/sign/mesh``. The role there allows the URIs ``spiffe://<trust domain>/*``,
    the DNS names of istiod and istio-csr, and needs no common name."""
    role: NotRequired[pulumi.Input[str]]
    """vault: the role of its kubernetes auth method, for the service account ``istio-ca-vault``."""
    mount: NotRequired[str]
    """vault: where that auth method is mounted. Default: ``/v1/auth/kubernetes``."""
    ca_bundle: NotRequired[pulumi.Input[str]]
    """vault: what its TLS certificate is verified with, PEM in base64. Default: the system's roots."""
    vault_namespace: NotRequired[pulumi.Input[str]]
    """vault: its namespace. Default: none."""
    arn: NotRequired[pulumi.Input[str]]
    """aws-private-ca: the authority. aws-privateca-issuer has to be installed."""
    region: NotRequired[pulumi.Input[str]]
    """aws-private-ca: its region."""


@dataclass(frozen=True, slots=True)
class IssuerReference:
    """How a CertificateRequest names its issuer."""

    name: str
    kind: str
    group: str


def reference(args: IssuerArgs) -> IssuerReference:
    """How the issuer is named, made here or not."""
    if args["type"] == "existing":
        return IssuerReference(args["name"], args["kind"], args["group"])
    if args["type"] == "aws-private-ca":
        return IssuerReference(NAME, "AWSPCAIssuer", "awspca.cert-manager.io")
    return IssuerReference(NAME, "Issuer", _CERT_MANAGER)


def issuer(
    name: str, args: IssuerArgs, namespace: pulumi.Input[str], cert_manager: str, opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    """Register what the issuer consists of; nothing for one that exists.

    Args:
        name: Prefix of the resources' names.
        args: The issuer.
        namespace: Istio's root namespace.
        cert_manager: The namespace of cert-manager, whose service account has the same name.
        opts: For each resource.
    """
    if args["type"] == "existing":
        return []
    first = _vault_login(name, namespace, cert_manager, opts) if args["type"] == "vault" else []
    after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[*first]))
    made, spec = reference(args), _spec(args)
    api_version = "awspca.cert-manager.io/v1beta1" if made.group != _CERT_MANAGER else "cert-manager.io/v1"
    metadata: dict[str, Any] = {"name": made.name, "namespace": namespace}
    if made.group == _CERT_MANAGER:
        metadata["annotations"] = {"pulumi.com/waitFor": "condition=Ready"}
    resource = CustomResource(
        f"{name}-issuer", api_version=api_version, kind=made.kind, metadata=metadata, spec=spec, opts=after
    )
    return [*first, resource]


def _spec(args: IssuerArgs) -> Mapping[str, Any]:
    if args["type"] == "ca":
        return {"ca": {"secretName": args["secret"]}}
    if args["type"] == "aws-private-ca":
        return {"arn": args["arn"], "region": args["region"]}
    login = {
        "role": args["role"],
        "mountPath": args.get("mount", "/v1/auth/kubernetes"),
        "serviceAccountRef": {"name": _ASKS},
    }
    vault: dict[str, Any] = {"server": args["server"], "path": args["path"], "auth": {"kubernetes": login}}
    if bundle := args.get("ca_bundle"):
        vault["caBundle"] = bundle
    if vault_namespace := args.get("vault_namespace"):
        vault["namespace"] = vault_namespace
    return {"vault": vault}


def _vault_login(
    name: str, namespace: pulumi.Input[str], cert_manager: str, opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    """The service account that cert-manager logs in as, with tokens that live for minutes and lie in no Secret."""
    metadata = {"name": _ASKS, "namespace": namespace}
    account = ServiceAccount(f"{name}-vault-account", metadata=metadata, opts=opts)
    rule = {"apiGroups": [""], "resources": ["serviceaccounts/token"], "resourceNames": [_ASKS], "verbs": ["create"]}
    role = Role(f"{name}-vault-role", metadata=metadata, rules=[rule], opts=opts)
    binding = RoleBinding(
        f"{name}-vault-binding",
        metadata=metadata,
        role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": _ASKS},
        subjects=[{"kind": "ServiceAccount", "name": "cert-manager", "namespace": cert_manager}],
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[account, role])),
    )
    return [account, role, binding]
