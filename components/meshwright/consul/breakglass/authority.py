"""Consul's CA is uninitialised: no leaf is signed. Its login to Vault has expired, or something keeps it from starting.

Sources: consul 1.22 ``agent/consul/leader_connect_ca.go``. The leader tries again by itself, with pauses of up to 256
seconds (``backgroundCAInitialization``). While it can't, it takes another configuration for the same root, and another
root by force alone (``primaryUpdateRootCA``): the provider that it has can't cross-sign. Its roots are published still.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshwright.breakglass.plan import Plan, refused
from meshwright.breakglass.restarts import pods_of, restarted
from meshwright.certs.pem import called
from meshwright.consul.breakglass.looking import hours, leaf_lifetime, quorum, to_spare
from meshwright.consul.labels import NAMESPACE, SERVER

if TYPE_CHECKING:
    from meshwright.certs.consul_seen import ConsulSeen
    from meshwright.consul.breakglass.looking import Look

EXPIRED: Final = "token-expired"
UNINITIALISED: Final = "ca-uninitialised"
LOST: Final = "root-lost"
_LOG: Final = f"kubectl logs --namespace={NAMESPACE} --selector=component=server --container=consul --tail=200"
_CHECKED: Final = "`meshwright consul check --consul-address …`: the CA is alive; a new pod of the mesh gets its leaf"


def expired(look: Look, *, by_token: bool = False) -> Plan:
    """Have Consul log in to Vault by an auth method, instead of by a token that ends.

    Args:
        look: The cluster.
        by_token: What the operator knows of the live configuration, whatever the servers' files say.

    Raises:
        ConfigError: MW-E172: nothing tells of a static token, or there is no quorum.
    """
    quorum(look.servers())
    if not by_token and not look.logs_in_by_token():
        raise refused(
            "the servers' files have no static token for Vault: a login by an auth method renews itself",
            "if you know that the live configuration has one, say so with --by-token; else see ca-uninitialised",
        )
    return Plan(
        EXPIRED,
        "Consul logs in to Vault by Kubernetes, and no token of its can end",
        "the live configuration of Consul's CA",
        (
            *_downtime(look.authority()),
            "a token that is only renewed ends again: it is the cause of most CAs that stop days after their start",
            "the root stays: proxies need no restart, and nothing is published that wasn't",
        ),
        (),
        (_CHECKED, "revoke the old token in Vault: `vault token revoke -accessor …`"),
        mesh="consul",
        before=(
            "in the stack, let `vault` make Consul's role, and name `ca.consul.address`; leave the root's path",
            (
                "`meshwright up STACK`: it gives Consul the same root with a login by Kubernetes, which Consul takes "
                "while its CA is uninitialised; Helm's values alone change nothing"
            ),
        ),
    )


def uninitialised(look: Look) -> Plan:
    """Elect a new leader, which makes the CA anew from the live configuration.

    Raises:
        ConfigError: MW-E172: Vault is sealed or not seen, Consul logs in by a static token, or no server is to spare.
    """
    servers = look.servers()
    election = to_spare(servers)
    if look.uses_vault():
        look.require_open()
        if look.logs_in_by_token():
            raise refused("Consul logs in to Vault by a static token: it has ended, or will", "see token-expired")
    return Plan(
        UNINITIALISED,
        "a new leader has made the CA from the live configuration",
        f"StatefulSet {NAMESPACE}/{SERVER}",
        (
            *_downtime(look.authority()),
            (
                "it helps where the cause is mended and the leader has not seen it: it tries again by itself within "
                "256 seconds, so wait that long first"
            ),
            f"it helps nothing where Vault says no: read why in the log: {_LOG}",
            (
                "the usual reasons are 403 for sys/mounts/…/tune, a role for another service account, and a mount that "
                "is gone; where the root's mount is gone, no leader can start: see root-lost"
            ),
            election,
        ),
        restarted("statefulset", SERVER, NAMESPACE, pods_of(servers)),
        (_CHECKED, "`meshwright up STACK` brings policies and roles in Vault back to what they should be"),
        mesh="consul",
    )


def lost(look: Look, *, key_is_lost: bool = False) -> Plan:
    """Change to another root without the old one's signature.

    Args:
        look: The cluster.
        key_is_lost: What the operator knows of the root's key in Vault.

    Raises:
        ConfigError: MW-E172: nobody says that the key is lost, Consul holds it itself, or it can't be told.
    """
    seen = look.authority()
    if seen is None:
        raise refused("which root signs is told by Consul's API alone", "name it by --consul-address")
    active = seen.active
    if active is None:
        raise refused("Consul publishes no root that signs", "see ca-uninitialised")
    if seen.provider == "consul":
        raise refused(
            "Consul holds its root's key itself", "restore a snapshot of Consul, if its state is what is lost"
        )
    if not key_is_lost:
        raise refused(
            f"nothing shows that the key of {called(active.certificate)} is lost: it is in Vault, and not seen",
            "if you know that it is, say so with --key-is-lost",
        )
    signs = active.intermediates[-1] if active.intermediates else active.certificate
    half = signs.not_valid_before_utc + (signs.not_valid_after_utc - signs.not_valid_before_utc) / 2
    ends = f"{signs.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    return Plan(
        LOST,
        "another root signs, and every proxy knows it",
        called(active.certificate),
        (
            f"no downtime yet: {called(signs)} signs leaves until {ends}; Consul can't renew it after {half:%Y-%m-%d}",
            (
                "do NOT restart the servers before the change: a new leader may not find the root, and then signs "
                "nothing until the change"
            ),
            (
                "downtime at the change: nobody can cross-sign, so a proxy that has not heard of the new root refuses "
                "its leaves; each hears of it within seconds, unless its stream is away"
            ),
            (
                f"the old root is published for two lifetimes of a leaf more, {hours(2 * leaf_lifetime(seen))}: leaves "
                "below it go on until their end"
            ),
        ),
        (),
        (
            "`meshwright up STACK`: it finds the new root live, and changes nothing",
            "`meshwright certs status --consul …` until the old root is not published any more",
        ),
        mesh="consul",
        before=(
            "take a snapshot: `consul snapshot save before.snap`; tokens are in it, so keep it as you keep those",
            "make the new root: `ca.rotation` with `step: cross-signing` and `next`, then `meshwright up STACK`",
            (
                "write `step: switched` and `without_cross_signing: REASON` into the stack, and change Consul by hand: "
                "`consul connect ca set-config -config-file ca.json -force-without-cross-signing` "
                "(docs/consul/rotation.md, A root that is lost)"
            ),
        ),
    )


def _downtime(seen: ConsulSeen | None) -> tuple[str, ...]:
    lifetime = hours(leaf_lifetime(seen))
    return (
        (
            f"no new pod gets a leaf; those that run have theirs, of {lifetime} at most: the last ends {lifetime} "
            "after the CA's last signature"
        ),
        "connections that are open go on until they close: certificates are looked at when one is opened",
    )
