"""The servers agree, one leads, their state is kept, and nobody gets in without a token."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from meshwright.consul import labels
from meshwright.consul.checks import even_servers
from meshwright.consul.health.kinds import SERVERS_SEEN
from meshwright.consul.health.mesh import drains, releases, require_running, require_servers, servers, uses_vault
from meshwright.health.objects import at, called, condition, items, name_of, namespace_of
from meshwright.health.verdicts import Check, Doubt, Finding, NotKnownError, Severity, SkipError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot

CATEGORY: Final = "servers"
ACL_INIT: Final = f"{labels.SERVER}-acl-init"
NO_ADDRESS: Final = "Consul's API shows it (--consul-address)"
_ENOUGH: Final = 3


def _ready(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    body = require_servers(snapshot)
    wanted, ready = int(at(body, "spec", "replicas") or 0), int(at(body, "status", "readyReplicas") or 0)
    if ready >= wanted:
        return
    if ready <= wanted // 2:
        yield Finding(called(body), f"has {ready} of {wanted} servers: no quorum, and nothing can be written or signed")
    else:
        yield Finding(called(body), f"has {ready} of {wanted} servers ready")


def _survive(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    charts = [each for each in releases(snapshot) if each.has_servers]
    found = servers(snapshot)
    if not charts and not found:
        raise SkipError("no server of Consul is in it")
    for chart in charts:
        yield from _number(chart.name, int(chart.value("server", "replicas", default=1)))
    for each in found:
        yield from _number(called(each), int(at(each, "spec", "replicas") or 0))
        yield from drains(snapshot, each)


def _number(subject: str, count: int) -> Iterator[Finding]:
    if even := even_servers(count):
        yield Finding(subject, f"is even: {even}")
    elif count < _ENOUGH:
        yield Finding(subject, f"has {count} server: without it nothing can be written or signed")


def _leader(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    found = snapshot.seen(SERVERS_SEEN)
    if not found:
        raise SkipError(NO_ADDRESS)
    for body in found:
        known = items(body, "Servers")
        leaders = [str(at(each, "Name")) for each in known if at(each, "Leader") is True]
        if len(leaders) != 1:
            yield Finding(str(name_of(body)), f"shows {len(leaders)} leaders")
        for each in known:
            if at(each, "Healthy") is not True:
                said = f"is {at(each, 'SerfStatus')}, and unhealthy: last heard of {at(each, 'LastContact')} ago"
                yield Finding(f"server {at(each, 'Name')}", said)
        versions = sorted({str(at(each, "Version")) for each in known})
        if len(versions) > 1:
            yield Finding(str(name_of(body)), f"has servers of several versions: {', '.join(versions)}")
        if len(known) >= _ENOUGH and at(body, "FailureTolerance") == 0:
            yield Finding(str(name_of(body)), "bears the loss of no server: one more, and nothing can be written")


def _volumes(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    body = require_servers(snapshot)
    templates = [str(at(each, "metadata", "name")) for each in items(body, "spec", "volumeClaimTemplates")]
    if not templates:
        yield Finding(called(body), "keeps its state on no volume: a server that restarts has lost it")
    known = {name_of(each): each for each in snapshot.of("PersistentVolumeClaim") if _is_ours(each)}
    for template in templates:
        for ordinal in range(int(at(body, "spec", "replicas") or 0)):
            yield from _volume(f"{template}-{name_of(body)}-{ordinal}", known)


def _volume(name: str, known: dict[str, Object]) -> Iterator[Finding]:
    subject = f"PersistentVolumeClaim {labels.NAMESPACE}/{name}"
    if name not in known:
        yield Finding(subject, "is not there")
    elif at(known[name], "metadata", "deletionTimestamp"):
        yield Finding(subject, "is being deleted: it goes as soon as its server's pod does")
    elif at(known[name], "status", "phase") != "Bound":
        yield Finding(subject, f"is {at(known[name], 'status', 'phase')}, and not Bound")


def _is_ours(body: Object) -> bool:
    return namespace_of(body) == labels.NAMESPACE


def _acls(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    charts = releases(snapshot)
    for chart in charts:
        if chart.value("global", "acls", "manageSystemACLs", default=False) is not True:
            yield Finding(chart.name, "asks for no ACLs: whoever reaches a server may change intentions")
    if snapshot.live:
        yield from _live_acls(snapshot)
    elif not charts:
        raise SkipError("Consul is not in it")


def _live_acls(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    require_servers(snapshot)
    found = [each for each in snapshot.of("ConfigMap") if name_of(each) == labels.SERVER_CONFIG]
    texts = [str(at(each, "data", "acl-config.json") or "") for each in found]
    if not texts:
        raise NotKnownError(f"ConfigMap {labels.NAMESPACE}/{labels.SERVER_CONFIG} is not there")
    for text in texts:
        try:
            said = json.loads(text or "{}").get("acl", {})
        except ValueError:
            raise NotKnownError(f"ConfigMap {labels.NAMESPACE}/{labels.SERVER_CONFIG} is broken") from None
        if said.get("enabled") is not True or said.get("default_policy") != "deny":
            subject = f"ConfigMap {labels.NAMESPACE}/{labels.SERVER_CONFIG}"
            yield Finding(subject, "has no ACLs that deny by default: whoever reaches a server may change intentions")


def _set_up(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    require_running(snapshot)
    for each in snapshot.of("Job"):
        if name_of(each) != ACL_INIT or namespace_of(each) != labels.NAMESPACE:
            continue
        failed = condition(each, "Failed")
        if at(failed, "status") == "True":
            yield Finding(called(each), f"has failed: {at(failed, 'message') or 'see its log'}")
        elif at(condition(each, "Complete"), "status") != "True":
            yield Finding(called(each), "has not ended: no component has a token before it does")


def _bootstrap(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    require_servers(snapshot)
    if uses_vault(snapshot):
        raise SkipError("Vault keeps the bootstrap token, and its path is not read")
    if not any(name_of(each) == labels.BOOTSTRAP_SECRET for each in snapshot.of("Secret")):
        subject = f"Secret {labels.NAMESPACE}/{labels.BOOTSTRAP_SECRET}"
        yield Finding(subject, "is not there: nobody can administer ACLs, and the next upgrade waits for it")


CHECKS: Final = (
    Check(
        "servers-ready",
        CATEGORY,
        "every server is ready",
        Severity.ERROR,
        "see the events of the pods that aren't: a volume, a node, or an agent of Vault's that waits",
        _ready,
    ),
    Check(
        "servers-survive",
        CATEGORY,
        "there is an odd number of servers, three or more, and one of them may be away",
        Severity.ERROR,
        "use 3 or 5 servers, with a budget that lets one be away",
        _survive,
    ),
    Check(
        "one-leader",
        CATEGORY,
        "one server leads, all are healthy and of one version, and one may be lost",
        Severity.ERROR,
        "see `consul operator raft list-peers` and the log of the server; bring back what is away first",
        _leader,
    ),
    Check(
        "volumes-bound",
        CATEGORY,
        "each server has its volume",
        Severity.ERROR,
        "see the events of the claim; never delete one to make a server start: its state is in it",
        _volumes,
    ),
    Check(
        "acls-deny",
        CATEGORY,
        "ACLs are on, and deny by default",
        Severity.ERROR,
        "set global.acls.manageSystemACLs: Consul's intentions are worth what its ACLs are",
        _acls,
    ),
    Check(
        "acls-set-up",
        CATEGORY,
        "consul-server-acl-init has ended well, or has gone",
        Severity.ERROR,
        "see its log: no leader, no certificate, or a bootstrap token that was lost (docs/consul/break-glass.md)",
        _set_up,
    ),
    Check(
        "bootstrap-token-kept",
        CATEGORY,
        "the bootstrap token is where it was put",
        Severity.ERROR,
        "put it back from where you keep it; if it is lost: `meshwright consul break-glass bootstrap-token-lost`",
        _bootstrap,
    ),
)
