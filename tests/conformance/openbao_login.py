"""A cluster's service accounts are let in by OpenBao, by its kubernetes auth method."""

from tests.servers.certmanager import NAMESPACE
from tests.servers.cluster import Cluster
from tests.servers.openbao import OpenBao


def let_in(openbao: OpenBao, cluster: Cluster, mount: str, role: str, path: str, account: tuple[str, str]) -> None:
    """Let a service account (namespace, name) write to one path, by a role of an auth method that is mounted here."""
    policy = f'path "{path}" {{ capabilities = ["create", "update"] }}'
    openbao.request("PUT", f"sys/policies/acl/{role}", policy=policy)
    openbao.request("POST", f"sys/auth/{mount}", type="kubernetes")
    openbao.request(
        "POST",
        f"auth/{mount}/config",
        kubernetes_host=cluster.url,
        kubernetes_ca_cert=cluster.ca.read_text(),
        token_reviewer_jwt=_token_of_a_reviewer(cluster),
        disable_local_ca_jwt=True,
    )
    bound = {"bound_service_account_names": [account[1]], "bound_service_account_namespaces": [account[0]]}
    openbao.request("POST", f"auth/{mount}/role/{role}", token_policies=[role], **bound)


def _token_of_a_reviewer(cluster: Cluster) -> str:
    api = cluster.api
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reviewer", "namespace": NAMESPACE}}
    rights = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "reviewer"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:auth-delegator"},
        "subjects": [{"kind": "ServiceAccount", "name": "reviewer", "namespace": NAMESPACE}],
    }
    api.apply_all([account, rights])
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/reviewer/token"
    return str(api.request("POST", path, asked)["status"]["token"])
