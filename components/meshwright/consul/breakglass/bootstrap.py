"""The bootstrap token is lost: nobody can administer ACLs. A new one is made; all others go on.

Sources: consul 1.22 ``agent/consul/acl_endpoint.go`` (the file ``acl-bootstrap-reset`` in the leader's data directory),
``leader.go`` (``initializeManagementToken``: a leader makes the token that its configuration names, if there is none);
consul-k8s ``subcommand/server-acl-init``: it bootstraps where it finds no token, and keeps the one that it finds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from meshwright.breakglass.plan import Plan, Step, as_json, refused
from meshwright.breakglass.restarts import pods_of, restarted
from meshwright.consul.breakglass.looking import quorum, to_spare
from meshwright.consul.labels import BOOTSTRAP_SECRET, NAMESPACE, SERVER
from meshwright.health.objects import called, name_of

if TYPE_CHECKING:
    from meshwright.consul.breakglass.looking import Look
    from meshwright.health.objects import Object

SCENARIO: Final = "bootstrap-token-lost"
JOB: Final = f"{SERVER}-acl-init"
_OF_THE_CONTROLLER: Final = (
    "controller-uid",
    "batch.kubernetes.io/controller-uid",
    "job-name",
    "batch.kubernetes.io/job-name",
)
_EXEC: Final = f"kubectl exec --namespace={NAMESPACE} --container=consul"
_RESET: Final = (
    "find the leader's pod: `consul operator raft list-peers`, or the metric consul_server_isLeader",
    (
        f"ask for the index: `{_EXEC} LEADER -- consul acl bootstrap`; it refuses, and names it (reset index: N). "
        "Where it doesn't, ACLs were never set up, and it shows a token that may do all: keep that one, and stop here"
    ),
    (
        f"write it there: `{_EXEC} LEADER -- sh -c 'echo N > /consul/data/acl-bootstrap-reset'`; Consul takes the file "
        "away once it is used"
    ),
)
_NEXT: Final = "at once run this command again, with --reset-written: consul-server-acl-init bootstraps with it"
_NEXT_UP: Final = (
    "at once `meshwright up STACK` with any change of the chart's values: it makes consul-server-acl-init anew, which "
    "bootstraps with it"
)
_RISKS: Final = (
    "no downtime: tokens of servers, gateways and services go on, and so do their intentions",
    "until it is done ACLs can't be changed, and an upgrade of the release waits for consul-server-acl-init",
)
_AFTER: Final = (
    "keep the new token outside of the cluster as well, by whoever administers Consul",
    "with it, delete the old one: `consul acl token list`, then `consul acl token delete`",
)


def plan(look: Look, *, reset_written: bool = False) -> Plan:
    """Have a new bootstrap token made, where the chart looks for it.

    Args:
        look: The cluster.
        reset_written: What the operator knows of the file on the leader, which only a command inside its pod shows.

    Raises:
        ConfigError: MW-E172: the token's Secret is there, the job that makes one runs, there is no quorum, or Vault is
            sealed or not seen.
    """
    servers = look.servers()
    quorum(servers)
    return _in_vault(look, servers) if look.uses_vault() else _in_kubernetes(look, reset_written=reset_written)


def _in_vault(look: Look, servers: Object) -> Plan:
    look.require_open()
    return Plan(
        SCENARIO,
        "Consul has a management token that is in Vault",
        "the bootstrap token in Vault's KV",
        (
            *_RISKS,
            to_spare(servers),
            "the lost token stays valid until it is deleted: whoever has it may do all",
        ),
        (*restarted("statefulset", SERVER, NAMESPACE, pods_of(servers)), *_again(look)),
        (
            (
                "if another token was not in Vault before: put one there, `meshwright up STACK`, and run this again. "
                "Each leader makes the token that it reads there, if Consul has none of that value"
            ),
            *_AFTER,
        ),
        mesh="consul",
    )


def _in_kubernetes(look: Look, *, reset_written: bool) -> Plan:
    if look.has_secret(NAMESPACE, BOOTSTRAP_SECRET):
        raise refused(
            f"Secret {NAMESPACE}/{BOOTSTRAP_SECRET} is there, and is not overwritten",
            "if Consul refuses its token: keep a copy, delete the Secret, and run this again",
        )
    steps = _again(look)
    if reset_written and not steps:
        message = f"there is no Job {NAMESPACE}/{JOB} to be run again: a hook took it away when it had ended well"
        raise refused(message, "`meshwright up STACK` with any change of the chart's values makes it anew")
    return Plan(
        SCENARIO,
        f"Consul has a new bootstrap token, in Secret {NAMESPACE}/{BOOTSTRAP_SECRET}",
        f"Secret {NAMESPACE}/{BOOTSTRAP_SECRET}",
        (
            *_RISKS,
            "the file lets whoever asks first have the token: let no time pass between it and the job",
            "the lost token stays valid until it is deleted: whoever has it may do all",
        ),
        steps,
        _AFTER,
        mesh="consul",
        before=() if reset_written else (*_RESET, _NEXT if steps else _NEXT_UP),
    )


def _again(look: Look) -> tuple[Step, ...]:
    """The job once more, where it is still there: one that ended well is taken away by a hook."""
    found = [each for each in look.all("Job", NAMESPACE) if name_of(each) == JOB]
    if not found:
        return ()
    if any(int((each.get("status") or {}).get("active") or 0) for each in found):
        raise refused(f"{called(found[0])} runs, and tries again by itself", "read its log; see that it ends")
    return (
        Step(
            f"{called(found[0])} is made anew, as it was",
            ("replace", "--force", "--filename=-"),
            why_no_undo="it is the same job; what it makes is there already, or is what was lost",
            manifest=as_json(_bare(found[0])),
        ),
        Step(
            f"wait until {called(found[0])} has ended",
            ("wait", f"job/{JOB}", f"--namespace={NAMESPACE}", "--for=condition=complete", "--timeout=600s"),
        ),
    )


def _bare(job: Object) -> dict[str, Any]:
    """A job without what its controller and the API server added to it."""
    body: dict[str, Any] = {"apiVersion": "batch/v1", "kind": "Job"}
    about = job["metadata"]
    body["metadata"] = {key: about[key] for key in ("name", "namespace", "labels", "annotations") if key in about}
    spec = {key: value for key, value in job["spec"].items() if key not in ("selector", "manualSelector")}
    template = dict(spec["template"])
    metadata = dict(template.get("metadata") or {})
    own = {key: value for key, value in (metadata.get("labels") or {}).items() if key not in _OF_THE_CONTROLLER}
    template["metadata"] = {**{key: metadata[key] for key in ("annotations",) if key in metadata}, "labels": own}
    return {**body, "spec": {**spec, "template": template}}
