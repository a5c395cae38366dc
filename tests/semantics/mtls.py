"""Which callers without mutual TLS are let in: PeerAuthentication at a sidecar and at ztunnel."""

from tests.semantics.calls import Pods
from tests.semantics.world import ROOT, World, key


def mode(world: World, pods: Pods, port: int) -> str:
    """STRICT, PERMISSIVE or DISABLE: of the port, the workload, the namespace, the mesh; the first that says one.

    I pilot/pkg/security/authn/policy_applier.go, ComposePeerAuthentication; for ztunnel the same order in
    serviceregistry/ambient/authorization.go, convertedSelectorPeerAuthentications.
    """
    chosen = "PERMISSIVE"
    found = world.about("PeerAuthentication", pods)
    for each in sorted(found, key=_rank):
        spec = each["spec"]
        said = (spec.get("mtls") or {}).get("mode", "UNSET")
        if spec.get("selector"):
            ports = {int(number): one for number, one in (spec.get("portLevelMtls") or {}).items()}
            said = ports.get(port, {}).get("mode", said)
        chosen = chosen if said == "UNSET" else said
    return chosen


def _rank(policy: dict[str, object]) -> int:
    """Mesh, namespace, workload."""
    if key(policy).namespace == ROOT:
        return 0
    return 2 if policy["spec"].get("selector") else 1  # type: ignore[attr-defined]
