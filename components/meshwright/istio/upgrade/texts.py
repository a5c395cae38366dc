"""What each step of an upgrade says: why, what the preview shows, what has to hold, and the way back."""

from meshwright.istio.upgrade.parts import UNREVISIONED
from meshwright.istio.upgrade.situation import Situation
from meshwright.istio.upgrade.steps import Check, Edit, Step


def precheck(at: Situation) -> Step:
    """Nothing is changed yet."""
    where = f" --context {at.context}" if at.context else ""
    return Step(
        id="precheck",
        title="Look before",
        why="A mesh that is not well now will not be better for an upgrade.",
        edit=Edit(),
        changes=(),
        do=(f"read what {at.after.version} does in another way, below, and settle it",),
        checks=(
            Check(f"{at.istioctl} x precheck --from-version {at.now.minor}", "No issues found"),
            Check(f"meshwright istio check {at.stack}{where}", "no error"),
            Check(f"pulumi preview --stack {at.stack} --expect-no-changes", "no changes"),
        ),
        rollback="nothing was changed",
    )


def first_tag(at: Situation, tag: str) -> Step:
    """A tag for a stack that has none."""
    stands_for = at.revision or UNREVISIONED
    return Step(
        id="first-tag",
        title=f"Let waypoints follow the tag {tag}",
        why="Waypoints that follow a tag stay where they are until the tag is moved.",
        edit=Edit(set={"tags": dict(at.tags)}),
        changes=(f"tag {tag}: created, stands for {stands_for}", "the Gateways of waypoints: labelled istio.io/rev"),
        do=(),
        checks=(_programmed(at),),
        rollback="remove tags",
    )


def istiod(at: Situation, bundle: str, ignored: list[str]) -> Step:
    """The CRDs and the new control plane.

    Args:
        at: Where the upgrade stands.
        bundle: The Gateway API bundle that suits both versions, or that the stack names.
        ignored: Its CRDs that are too old for the new version.
    """
    beside = "in its own place" if at.in_place else f"beside {at.old_istiod}"
    do = [_bundle(at, bundle)]
    if ignored:
        do.append(
            f"with {bundle} istiod {at.after.version} ignores {', '.join(ignored)}: where you use them, the CRDs "
            "have to be raised first, by hand"
        )
    if at.in_place:
        do.append("waypoints restart with the new version in this step: istiod renders their Deployments anew")
    return Step(
        id="istiod",
        title=f"CRDs, and istiod {at.after.version} {beside}",
        why="istio-cni and ztunnel work with a control plane of the next minor, and not the other way round.",
        edit=Edit(),
        changes=(
            f"istio-base: updated to {at.after.version}",
            f"{at.istiod}: {'updated to' if at.in_place else 'created,'} {at.after.version}",
        ),
        do=tuple(do),
        checks=(
            _rolled_out(at, f"deployment/{at.istiod}", "istio-system"),
            Check(f"{at.istioctl} analyze --all-namespaces", "no IST0176 (CRDs too old), nothing new"),
            _programmed(at),
        ),
        rollback=f"remove upgrade, {at.up}" + ("" if at.in_place else f": {at.istiod} serves nobody yet"),
    )


def _bundle(at: Situation, bundle: str) -> str:
    if at.owns_bundle:
        return (
            f"the bundle of Gateway API CRDs is {bundle}, which suits both versions; GatewayApiCrds comes before istiod"
        )
    if at.has_bundle:
        return "the Gateway API CRDs stay those that gateway_api names"
    return f"the Gateway API CRDs are somebody else's: {bundle} is the newest bundle that suits both versions"


def cni(at: Situation) -> Step:
    """istio-cni, node by node."""
    return Step(
        id="cni",
        title=f"istio-cni {at.after.version}",
        why="It goes before ztunnel, which it hands captured pods to. There is no canary for it, revisions or not.",
        edit=Edit(),
        changes=(f"istio-cni: updated to {at.after.version}",),
        do=("expect pods that start on a node to wait while its agent restarts; pods that run are not touched",),
        checks=(
            Check(
                f"{at.kubectl} -n {at.agents_namespace} rollout status daemonset/istio-cni-node",
                "successfully rolled out",
            ),
            Check(
                f"{at.kubectl} get pods -A -o json | jq '[.items[] | select(.metadata.annotations"
                '["ambient.istio.io/redirection"] == "pending")] | length\'',
                "0: no pod is half captured",
            ),
        ),
        rollback=f"set upgrade.step back to istiod, {at.up}",
    )


def ztunnel(at: Situation) -> Step:
    """ztunnel, node by node or pool by pool."""
    return Step(
        id="ztunnel",
        title=f"ztunnel {at.after.version}",
        why=(
            "Each node's ztunnel is replaced by a new one that takes all new connections at once. The old one lets "
            f"open connections go on for its grace period, {at.grace}, and cuts what is still open then."
        ),
        edit=Edit(),
        changes=(f"ztunnel: updated to {at.after.version}",),
        do=_by_pools(at) if at.on_delete else _rolling(at),
        checks=(
            _replaced(at) if at.on_delete else _rolled_out(at, "daemonset/ztunnel", at.agents_namespace),
            Check(f"{at.istioctl} ztunnel-config workloads", "PROTOCOL is HBONE for captured pods"),
            Check(
                "sum(rate(istio_tcp_connections_failed_total[5m])) by (response_flags)",
                "as before the step (Prometheus)",
            ),
        ),
        rollback=f"set upgrade.step back to cni, {at.up}; long connections are cut once more",
    )


def _rolling(at: Situation) -> tuple[str, ...]:
    return (
        f"connections that live longer than {at.grace} are cut, node by node",
        "a longer node_agents.grace_period helps from the next time on: to write it replaces each ztunnel now",
        "or replace the nodes: set node_agents.ztunnel_update to on-delete one update before, and plan again",
    )


def _by_pools(at: Situation) -> tuple[str, ...]:
    drain = f"{at.kubectl} drain <node> --ignore-daemonsets --delete-emptydir-data, node by node"
    tainted = "with the taint cni.istio.io/not-ready where node_agents.untaint is set"
    return (
        f"{at.up}: ztunnels that run stay at {at.now.version} (on-delete), new nodes get {at.after.version}",
        f"add a node pool as large as the old one, {tainted}",
        f"{at.kubectl} cordon -l <label of the old pool>: nothing new starts on the old nodes",
        f"{drain}: long connections now have their pods' own terminationGracePeriodSeconds, and budgets are kept",
        "delete the old pool, whose ztunnels go with their nodes",
    )


def tag(at: Situation, name: str) -> Step:
    """Waypoints and gateways that follow one tag."""
    return Step(
        id=f"tag-{name}",
        title=f"Move the tag {name}: waypoints last",
        why="istiod renders the waypoints and gateways that follow it anew, as rolling updates within their budgets.",
        edit=Edit(),
        changes=(f"tag {name}: stands for {at.new_revision}",),
        do=("begin with the tag whose namespaces matter least",) if len(at.tags) > 1 else (),
        checks=(
            _programmed(at),
            Check(
                f"{at.kubectl} get deployments -A -l gateway.networking.k8s.io/gateway-name -o wide",
                f"the images of its waypoints are of {at.after.version}",
            ),
        ),
        rollback=f"point the tag {name} back at {at.revision or UNREVISIONED}, {at.up}",
    )


def finish(at: Situation) -> Step:
    """The old control plane goes."""
    do = []
    checks = [Check(f"{at.istioctl} proxy-status", f"no proxy is connected to {at.old_istiod}")]
    if not at.in_place:
        old = at.revision or UNREVISIONED
        checks.append(Check(f"{at.kubectl} get gateways,namespaces -A -l istio.io/rev={old}", "No resources found"))
        if not at.revision:
            do.append("from here on the tag default answers for gateways that name no revision")
    return Step(
        id="finish",
        title="Say that it is done" if at.in_place else f"Remove {at.old_istiod}",
        why="The stack says again that every part runs one version.",
        edit=Edit(),
        changes=_removed(at),
        do=tuple(do),
        checks=(*checks, Check(f"meshwright gate {at.stack}", "no mandatory violation")),
        rollback=f"take the edit back, {at.up}" + ("" if at.in_place else f": {at.old_istiod} is installed again"),
    )


def _removed(at: Situation) -> tuple[str, ...]:
    if at.in_place:
        return ("nothing in the cluster",)
    moved = () if UNREVISIONED in at.tags else (f"istio-base: updated, {at.istiod} validates what names no revision",)
    return (*moved, f"{at.old_istiod}: deleted")


def raise_bundle(at: Situation, bundle: str) -> Step:
    """The CRDs that the new version recommends."""
    return Step(
        id="bundle",
        title=f"Gateway API {bundle}",
        why=f"Istio {at.after.minor} recommends it; the version before was not made for it.",
        edit=Edit(),
        changes=(f"gateway-api: updated to {bundle}",),
        do=("the point of no return: a bundle is never lowered (MW-E055)",),
        checks=(Check(f"{at.istioctl} analyze --all-namespaces", "no IST0156, IST0172 or IST0176"), _programmed(at)),
        rollback="none",
    )


def _rolled_out(at: Situation, what: str, namespace: str) -> Check:
    return Check(f"{at.kubectl} -n {namespace} rollout status {what}", "successfully rolled out")


def _replaced(at: Situation) -> Check:
    pods = f"{at.kubectl} -n {at.agents_namespace} get pods -l app=ztunnel -o wide"
    return Check(pods, f"all of {at.after.version}: the old nodes went")


def _programmed(at: Situation) -> Check:
    return Check(f"{at.kubectl} get gateways -A", "PROGRAMMED is True for each waypoint")
