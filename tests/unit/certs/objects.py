"""Linkerd's objects as an API server has them, for one step of a rotation."""

import base64
from typing import Any

from tests.unit.certs.scenes import CHANGED, HOUR, NOW, STANDS, issuer, root

CONTROL_PLANE = {"linkerd.io/control-plane-ns": "linkerd"}


def stamp(moment: Any) -> str:
    return str(moment.strftime("%Y-%m-%dT%H:%M:%SZ"))


def bundle_text(step: str) -> str:
    return "".join(root(name).pem for name in STANDS[step][1])


def metadata(name: str, namespace: str = "linkerd", field: str = "", **more: Any) -> dict[str, Any]:
    fields = [{"manager": "pulumi", "time": stamp(CHANGED), "fieldsV1": {field: {}}}] if field else []
    return {"name": name, "namespace": namespace, "managedFields": fields, **more}


def config_map(step: str) -> dict[str, Any]:
    return {
        "metadata": metadata("linkerd-identity-trust-roots", field="f:data"),
        "data": {"ca-bundle.crt": bundle_text(step)},
    }


def secret(name: str, pem: str, key: str) -> dict[str, Any]:
    data = {"tls.crt": pem, "tls.key": key}
    return {
        "metadata": metadata(name, field="f:data", annotations={"last-applied": key}),
        "data": {file: base64.b64encode(text.encode()).decode() for file, text in data.items()},
    }


def issuer_secret(step: str) -> dict[str, Any]:
    signer = issuer(STANDS[step][0])
    return secret("linkerd-identity-issuer", signer.pem, signer.key_pem)


def pod(name: str, namespace: str = "shop", **more: Any) -> dict[str, Any]:
    """A pod of a Deployment, with a proxy that has no anchors in its environment."""
    variables: list[dict[str, Any]] = [{"name": "LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS", **more}] if more else []
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "creationTimestamp": stamp(NOW - 28 * HOUR),
            "labels": {**CONTROL_PLANE, "pod-template-hash": "7d9"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": f"{name.rpartition('-')[0]}-7d9"}],
        },
        "spec": {"containers": [{"name": "app"}, {"name": "linkerd-proxy", "env": variables}]},
        "status": {"phase": "Running"},
    }


def identity(name: str = "linkerd-identity-1") -> dict[str, Any]:
    running = {"state": {"running": {"startedAt": stamp(NOW - 29 * HOUR)}}}
    made = pod(name, "linkerd", valueFrom={"configMapKeyRef": {"name": "linkerd-identity-trust-roots"}})
    made["metadata"]["creationTimestamp"] = stamp(NOW - 29 * HOUR)
    made["status"]["containerStatuses"] = [{"name": each, **running} for each in ("identity", "linkerd-proxy")]
    return made


def answers(step: str = "both-trusted") -> dict[str, Any]:
    """Path -> answer, of a cluster that is ready to go on."""
    linkerd = "/api/v1/namespaces/linkerd"
    return {
        f"{linkerd}/configmaps/linkerd-identity-trust-roots": config_map(step),
        f"{linkerd}/secrets/linkerd-identity-issuer": issuer_secret(step),
        "/api/v1/pods?linkerd.io/control-plane-ns": [pod("cart-1", value=bundle_text(step)), identity()],
        f"{linkerd}/pods?linkerd.io/control-plane-component=identity": [identity()],
    }
