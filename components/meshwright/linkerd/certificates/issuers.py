"""The issuers of cert-manager behind an anchor whose key is elsewhere."""

from typing import Any, TypedDict

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ServiceAccount
from pulumi_kubernetes.rbac.v1 import Role, RoleBinding

_ASKS = "linkerd-issuer-vault"


class IssuerReference(TypedDict):
    """How a Certificate names its issuer."""

    name: str
    kind: str
    group: str


def external_issuer(
    name: str, args: dict[str, Any], called: str, namespace: str, cert_manager: str, opts: pulumi.ResourceOptions
) -> IssuerReference:
    """Register the issuer of a Vault, AWS Private CA or Google CAS.

    Args:
        name: Prefix of the resources' names.
        args: The anchor's.
        called: The issuer's name in the cluster.
        namespace: Linkerd's.
        cert_manager: The namespace of cert-manager, whose service account has the same name.
        opts: For each resource.
    """
    metadata: dict[str, Any] = {"name": called, "namespace": namespace}
    if args["source"] == "aws-pca":
        spec: dict[str, Any] = {"arn": args["arn"], "region": args["region"]}
        return _issuer(name, "awspca.cert-manager.io", "v1beta1", "AWSPCAIssuer", metadata, spec, opts)
    if args["source"] == "google-cas":
        spec = {"project": args["project"], "location": args["location"], "caPoolId": args["pool"]}
        metadata = {"name": called}
        return _issuer(name, "cas-issuer.jetstack.io", "v1beta1", "GoogleCASClusterIssuer", metadata, spec, opts)
    login = _login(name, f"{_ASKS}-{args['name']}", namespace, cert_manager, opts)
    kubernetes = {
        "role": args["role"],
        "mountPath": args.get("mount", "/v1/auth/kubernetes"),
        "serviceAccountRef": {"name": f"{_ASKS}-{args['name']}"},
    }
    vault: dict[str, Any] = {"server": args["server"], "path": args["path"], "auth": {"kubernetes": kubernetes}}
    if "ca_bundle" in args:
        vault["caBundle"] = args["ca_bundle"]
    if "vault_namespace" in args:
        vault["namespace"] = args["vault_namespace"]
    metadata["annotations"] = {"pulumi.com/waitFor": "condition=Ready"}
    after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=login))
    return _issuer(name, "cert-manager.io", "v1", "Issuer", metadata, {"vault": vault}, after)


def _issuer(
    name: str,
    group: str,
    version: str,
    kind: str,
    metadata: dict[str, Any],
    spec: dict[str, Any],
    opts: pulumi.ResourceOptions,
) -> IssuerReference:
    CustomResource(
        f"{name}-signer", api_version=f"{group}/{version}", kind=kind, metadata=metadata, spec=spec, opts=opts
    )
    return {"name": metadata["name"], "kind": kind, "group": group}


def _login(
    name: str, account: str, namespace: str, cert_manager: str, opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    """The service account that cert-manager logs in as, with tokens that live for minutes and lie in no Secret."""
    metadata = {"name": account, "namespace": namespace}
    asks = ServiceAccount(f"{name}-vault-account", metadata=metadata, opts=opts)
    rule = {"apiGroups": [""], "resources": ["serviceaccounts/token"], "resourceNames": [account], "verbs": ["create"]}
    role = Role(f"{name}-vault-role", metadata=metadata, rules=[rule], opts=opts)
    binding = RoleBinding(
        f"{name}-vault-binding",
        metadata=metadata,
        role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account},
        subjects=[{"kind": "ServiceAccount", "name": "cert-manager", "namespace": cert_manager}],
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[asks, role])),
    )
    return [asks, role, binding]
