"""Snapshots of Consul's state, kept on a volume: the agent that takes them is a feature of Consul Enterprise."""

import json
from typing import Any, Final, NotRequired, TypedDict

import pulumi
from pulumi_kubernetes.batch.v1 import CronJob
from pulumi_kubernetes.core.v1 import PersistentVolumeClaim

from meshwright.consul import labels
from meshwright.consul.names import Names
from meshwright.consul.plan import release_of
from meshwright.consul.vault.backend import VaultBackendArgs, agent_annotations
from meshwright.errors import Code
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse
from meshwright.kubernetes.providers import require_kubernetes_provider

SCHEDULE: Final = "0 */6 * * *"
KEEP: Final = 28
_NAME: Final = "consul-snapshots"
_FOLDER: Final = "/snapshots"
_SECRETS: Final = "/vault/secrets"
_CA: Final = "/consul/tls/ca"


class ConsulSnapshotsArgs(TypedDict):
    """Arguments of `ConsulSnapshots`."""

    namespace: NotRequired[str]
    """Consul's namespace. Default: ``consul``."""
    version: NotRequired[str]
    """As `Consul` has it. Default: the newest in the catalog."""
    hub: NotRequired[str]
    """An image registry that holds what Docker Hub's ``hashicorp`` does. Default: Docker Hub."""
    schedule: NotRequired[str]
    """When, as cron has it, in UTC. Default: every six hours."""
    keep: NotRequired[int]
    """How many are kept. Default: 28, a week of them."""
    claim: NotRequired[str]
    """A claim that exists, such as one that a stack before this one left. Default: one is made."""
    size: NotRequired[str]
    """Of the volume that is made. Default: ``10Gi``."""
    storage_class: NotRequired[str]
    """Default: the cluster's."""
    retain: NotRequired[bool]
    """The volume that is made stays when the stack goes. Default: true."""
    vault: NotRequired[VaultBackendArgs]
    """Where the bootstrap token is, which alone may take snapshots. Default: the Secret that the chart's job makes."""


class ConsulSnapshots(pulumi.ComponentResource):
    """A CronJob that saves Consul's state, and the volume that it is saved on.

    A snapshot holds ACL tokens and, with Consul's own authority, its private key: whoever reads the volume has the
    mesh.

    Raises:
        ComponentError: MW-E050 for a number that keeps nothing, MW-E051 without a provider, and the catalog's codes.
    """

    def __init__(self, name: str, args: ConsulSnapshotsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"ConsulSnapshots {name}"
        require_kubernetes_provider(opts, label)
        if args.get("keep", KEEP) < 1:
            raise refuse(Code.BAD_ARGUMENT, label, "a job that keeps no snapshot saves nothing", "keep 1 or more")
        version = release_of(args.get("version"), label).version
        super().__init__("meshwright:index:ConsulSnapshots", name, {**args}, opts)
        children, namespace = below(self, opts), args.get("namespace", labels.NAMESPACE)
        made = [] if "claim" in args else [_volume(name, args, children)]
        CronJob(
            f"{name}-job",
            metadata={"name": _NAME, "namespace": namespace},
            spec={
                "schedule": args.get("schedule", SCHEDULE),
                "time_zone": "Etc/UTC",
                "concurrency_policy": "Forbid",
                "job_template": {"spec": {"backoff_limit": 2, "template": _pod(args, version)}},
            },
            opts=pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(depends_on=made)),
        )
        self.register_outputs({})


def _volume(name: str, args: ConsulSnapshotsArgs, opts: pulumi.ResourceOptions) -> PersistentVolumeClaim:
    spec: dict[str, Any] = {
        "access_modes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": args.get("size", "10Gi")}},
    }
    if "storage_class" in args:
        spec["storage_class_name"] = args["storage_class"]
    namespace = args.get("namespace", labels.NAMESPACE)
    return PersistentVolumeClaim(
        f"{name}-volume",
        # With most storage classes it is bound when the first job runs, and nobody waits for that.
        metadata={"name": _NAME, "namespace": namespace, "annotations": {"pulumi.com/skipAwait": "true"}},
        spec=spec,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(retain_on_delete=args.get("retain", True))),
    )


def _pod(args: ConsulSnapshotsArgs, version: str) -> dict[str, Any]:
    vault = args.get("vault")
    names = Names(labels.FULL_NAME, args.get("namespace", labels.NAMESPACE))
    volumes: list[dict[str, Any]] = [
        {"name": "snapshots", "persistent_volume_claim": {"claim_name": args.get("claim", _NAME)}}
    ]
    mounts: list[dict[str, Any]] = [{"name": "snapshots", "mount_path": _FOLDER}]
    if vault is None:
        volumes.append({"name": "ca", "secret": {"secret_name": labels.CA_SECRET}})
        mounts.append({"name": "ca", "mount_path": _CA, "read_only": True})
    annotations = {labels.INJECT: "false", **(_agent(vault) if vault else {})}
    return {
        "metadata": {"labels": {"app": "consul", "component": "snapshots"}, "annotations": annotations},
        "spec": {
            "restart_policy": "Never",
            # Its role in Vault reads the bootstrap token.
            "service_account_name": names.acl_init,
            "automount_service_account_token": vault is not None,
            "security_context": {
                "run_as_non_root": True,
                "run_as_user": 100,
                "run_as_group": 1000,
                "fs_group": 1000,
                "seccomp_profile": {"type": "RuntimeDefault"},
            },
            "volumes": volumes,
            "containers": [
                {
                    "name": "save",
                    "image": f"{args.get('hub', 'hashicorp')}/consul:{version}",
                    "command": ["/bin/sh", "-ec", _script(args.get("keep", KEEP))],
                    "env": _environment(names, in_vault=vault is not None),
                    "volume_mounts": mounts,
                    "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
                    "security_context": {
                        "allow_privilege_escalation": False,
                        "read_only_root_filesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }


def _script(keep: int) -> str:
    """Consul checks what it has saved; a file that is not whole never has a snapshot's name."""
    return "\n".join(
        (
            f"cd {_FOLDER}",
            "name=$(date -u +%Y%m%dT%H%M%SZ)",
            'consul snapshot save "$name.part"',
            'mv "$name.part" "$name.snap"',
            f"ls -1 | grep '\\.snap$' | sort -r | tail -n +{keep + 1} | xargs -r rm -f --",
        )
    )


def _environment(names: Names, *, in_vault: bool) -> list[dict[str, Any]]:
    token: dict[str, Any]
    if in_vault:
        token = {"name": "CONSUL_HTTP_TOKEN_FILE", "value": f"{_SECRETS}/bootstrap-token"}
    else:
        secret = {"name": labels.BOOTSTRAP_SECRET, "key": labels.TOKEN_KEY}
        token = {"name": "CONSUL_HTTP_TOKEN", "value_from": {"secret_key_ref": secret}}
    return [
        {"name": "CONSUL_HTTP_ADDR", "value": f"https://{names.server_host}:{labels.HTTPS_PORT}"},
        {"name": "CONSUL_CACERT", "value": f"{_SECRETS}/serverca.crt" if in_vault else f"{_CA}/tls.crt"},
        token,
    ]


def _agent(backend: VaultBackendArgs) -> dict[str, str]:
    """Annotations by which Vault's agent brings the token and the servers' CA, and ends before the job begins."""
    token, prefix = backend["bootstrap_token"], "vault.hashicorp.com"
    annotations = {
        labels.VAULT_INJECT: "true",
        f"{prefix}/agent-pre-populate-only": "true",
        f"{prefix}/role": backend["roles"]["acl_init"],
        f"{prefix}/agent-inject-secret-bootstrap-token": token["path"],
        f"{prefix}/agent-inject-template-bootstrap-token": _template(token["path"], f".Data.data.{token['key']}"),
        f"{prefix}/agent-inject-secret-serverca.crt": backend["ca_certificate"],
        f"{prefix}/agent-inject-template-serverca.crt": _template(backend["ca_certificate"], ".Data.certificate"),
    }
    if "namespace" in backend:
        annotations[f"{prefix}/namespace"] = backend["namespace"]
    if "ca" in backend:
        annotations[f"{prefix}/agent-extra-secret"] = backend["ca"]["secret_name"]
        annotations[f"{prefix}/ca-cert"] = f"/vault/custom/{backend['ca']['secret_key']}"
    return annotations | agent_annotations(backend)


def _template(path: str, value: str) -> str:
    return f"{{{{- with secret {json.dumps(path)} -}}}}{{{{- {value} -}}}}{{{{- end -}}}}"
