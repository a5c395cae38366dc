"""Values that Consul's chart refuses, each with what we say of it."""

from typing import Any, NamedTuple

VAULT: dict[str, Any] = {
    "enabled": True,
    "consulServerRole": "server",
    "manageSystemACLsRole": "acl",
    "consulCARole": "ca",
}
SOUND: dict[str, Any] = {
    "global": {"tls": {"enabled": True, "enableAutoEncrypt": True}, "acls": {"manageSystemACLs": True}},
    "server": {"replicas": 3},
    "connectInject": {"replicas": 3},
}


class Refused(NamedTuple):
    """Values laid over sound ones."""

    values: dict[str, Any]
    message: str


def of_global(message: str, **values: Any) -> Refused:
    return Refused({"global": values}, message)


def with_vault(message: str, acls: bool = True, tls: bool = True, **values: Any) -> Refused:
    """A backend that lacks something; `None` takes a value away."""
    token = {"bootstrapToken": {"secretName": "path", "secretKey": "key"}} if acls else {}
    caught = {"caCert": {"secretName": "path"}} if tls else {}
    backend = {"vault": {**VAULT, **values}}
    return of_global(message, secretsBackend=backend, acls=token, tls=caught)


REFUSED = (
    with_vault("vault.enabled needs consulServerRole", consulServerRole=""),
    with_vault("vault.enabled needs manageSystemACLsRole", manageSystemACLsRole=""),
    with_vault("vault.enabled needs global.tls.caCert.secretName", tls=False),
    with_vault("vault.enabled needs global.acls.bootstrapToken", acls=False),
    with_vault("go together", connectInjectRole="inject"),
    Refused(
        {"client": {"enabled": True}, **with_vault("").values}, "vault.enabled needs consulClientRole for client agents"
    ),
    Refused(
        {
            "client": {"enabled": True},
            "global": {
                **with_vault("", consulClientRole="client").values["global"],
                "tls": {"enableAutoEncrypt": False},
            },
        },
        "vault.enabled needs global.tls.enableAutoEncrypt for client agents",
    ),
    Refused({"server": {"serverCert": {"secretName": "cert"}}}, "server.serverCert.secretName needs"),
    of_global(
        "gossipEncryption has autoGenerate and a key",
        gossipEncryption={"autoGenerate": True, "secretName": "x", "secretKey": "y"},
    ),
    of_global("gossipEncryption has half", gossipEncryption={"secretName": "x"}),
    of_global("global.acls.bootstrapToken has half", acls={"bootstrapToken": {"secretName": "x"}}),
    of_global("global.acls.replicationToken has half", acls={"replicationToken": {"secretKey": "x"}}),
    of_global("enterpriseLicense has half", enterpriseLicense={"secretName": "x"}),
    Refused({"server": {"snapshotAgent": {"enabled": True, "configSecret": {"secretName": "x"}}}}, "snapshotAgent"),
    of_global("createReplicationToken needs", acls={"manageSystemACLs": False, "createReplicationToken": True}),
    of_global("bootstrapACLs was removed", bootstrapACLs=True),
    of_global("write it as global.imageK8S", imageK8s="x"),
    Refused({"externalServers": {"enabled": True, "hosts": ["x"]}}, "exclude each other"),
    Refused(
        {"server": {"enabled": False}, "externalServers": {"enabled": True}}, "externalServers.enabled needs hosts"
    ),
    Refused({"externalServers": {"skipServerWatch": True}}, "skipServerWatch needs"),
    Refused({"server": {"bootstrapExpect": 1}}, "bootstrapExpect is less"),
    Refused({"server": {"limits": {"requestLimits": {"mode": "on"}}}}, "requestLimits.mode is none of"),
    Refused(
        {"server": {"auditLogs": {"enabled": True}}, "global": {"acls": {"manageSystemACLs": False}}},
        "auditLogs.enabled",
    ),
    of_global("imagePullPolicy is none of", imagePullPolicy="Sometimes"),
    Refused({"connectInject": {"consulNamespaces": {"consulDestinationNamespace": "root"}}}, "keeps for itself"),
    Refused(
        {"global": {"peering": {"enabled": True}, "tls": {"enabled": False}}, "meshGateway": {"enabled": True}},
        "peering.enabled needs global.tls.enabled",
    ),
    of_global("peering.enabled needs meshGateway.enabled", peering={"enabled": True}),
    Refused({"meshGateway": {"enabled": True, "consulServiceName": "gw"}}, "consulServiceName can't be changed"),
    Refused({"meshGateway": {"enabled": True, "wanAddress": {"source": "Static"}}}, "is Static, without an address"),
    Refused({"meshGateway": {"enabled": True, "service": {"type": "NodePort"}}}, "is NodePort, without a port"),
    Refused(
        {
            "global": {
                "federation": {"enabled": True},
                "adminPartitions": {"enabled": True},
                "enableConsulNamespaces": True,
            },
            "meshGateway": {"enabled": True},
        },
        "federation.enabled and global.adminPartitions.enabled exclude",
    ),
    of_global("federation.enabled needs meshGateway.enabled", federation={"enabled": True}),
    Refused(
        {"global": {"federation": {"enabled": True}, "tls": {"enabled": False}}, "meshGateway": {"enabled": True}},
        "federation.enabled needs global.tls.enabled",
    ),
    of_global("createFederationSecret needs global.federation.enabled", federation={"createFederationSecret": True}),
    Refused(
        {
            "global": {"federation": {"enabled": True, "createFederationSecret": True}},
            "meshGateway": {"enabled": True},
        },
        "needs global.acls.createReplicationToken with ACLs",
    ),
    of_global("adminPartitions.enabled needs", adminPartitions={"enabled": True}),
    of_global("disableAgentHostName needs", metrics={"enabled": True, "disableAgentHostName": True}),
    of_global("datadog.enabled needs", metrics={"datadog": {"enabled": True}}),
    of_global(
        "has dogstatsd and openMetricsPrometheus",
        metrics={"datadog": {"dogstatsd": {"enabled": True}, "openMetricsPrometheus": {"enabled": True}}},
    ),
)
"""What the chart's templates `fail` on. Not among them: what it takes, and makes no mesh of."""

OURS = (
    with_vault("vault.enabled needs consulCARole", consulCARole=""),
    Refused({"connectInject": {"enabled": False}}, "connectInject.enabled is false"),
    Refused(
        {
            "terminatingGateways": {"enabled": True},
            "global": {
                "secretsBackend": {"vault": {"agentAnnotations": '"vault.hashicorp.com/tls-skip-verify": "no"'}}
            },
        },
        "consul-k8s can't read global.secretsBackend.vault.agentAnnotations",
    ),
)
"""What it takes, and what can't work all the same."""
