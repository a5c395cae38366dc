"""The plan: what to apply, in which order, what to see before and after, and how to go back.

Waypoints come first and take no traffic; then routes that sidecars and waypoints follow alike; then Services that use
their waypoints, which callers with sidecars don't notice. So whoever becomes ambient is routed and judged at once. Then
one namespace after the other, those without HTTP rules first. Where HTTP is judged, policies are exchanged just before
the pods: by selector ztunnel drops an ALLOW rule on HTTP and lets a DENY on HTTP match nothing.

istio.io's guide deletes those policies after the restart, which leaves a gap between the two; Sail's guide
(``migration.adoc`` 5.3) has the bypass policy attached by targetRefs, where the waypoint would judge its clients by it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from meshwright.istio import labels
from meshwright.istio.migration.authorization import WAYPOINT
from meshwright.istio.migration.changes import Change
from meshwright.istio.migration.objects import Body, Identity, cleaned, identity
from meshwright.istio.migration.others import blocked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.istio.migration.authorization import Context
    from meshwright.istio.migration.needs import Needs


@dataclass(frozen=True, slots=True)
class Step:
    """One step: nothing else is done between its commands."""

    number: int
    title: str
    why: str
    namespace: str = ""
    new: tuple[Body, ...] = ()
    changed: tuple[Body, ...] = ()
    deleted: tuple[Identity, ...] = ()
    restart: tuple[str, ...] = ()
    """Namespaces whose pods are replaced."""
    decide: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    """What must hold before it."""
    commands: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    """What must hold after it, before the next one."""
    undo: tuple[str, ...] = ()
    """Commands that take it back."""
    former: tuple[Body, ...] = ()
    """The objects that it changes or deletes, as they were."""

    @property
    def folder(self) -> str:
        """The folder of its manifests."""
        words = "-".join(word.strip(",.") for word in self.title.lower().split())
        return f"{self.number:02}-{words}"


@dataclass(slots=True)
class _Progress:
    """The objects as they are after the steps so far."""

    state: dict[Identity, Body]
    steps: list[Step] = field(default_factory=list)

    def add(self, title: str, why: str, change: Change, **more: object) -> None:
        """One more step, which makes a change."""
        number = len(self.steps) + 1
        known = {each: self.state[each] for each in (*change.apply, *change.delete) if each in self.state}
        new = tuple(body for each, body in change.apply.items() if each not in known)
        changed = tuple(body for each, body in change.apply.items() if each in known and body != cleaned(known[each]))
        deleted = tuple(each for each in change.delete if each in known)
        former = tuple(
            cleaned(body)
            for each, body in known.items()
            if each in deleted or (each in change.apply and change.apply[each] != cleaned(body))
        )
        step = Step(number, title, why, new=new, changed=changed, deleted=deleted, former=former, **more)  # type: ignore[arg-type]
        self.steps.append(_with_commands(step, change))
        self.state |= change.apply
        for each in deleted:
            del self.state[each]


def order(needs: Needs, namespaces: tuple[str, ...]) -> tuple[str, ...]:
    """The namespaces, those with the least risk first: fewest Services that judge HTTP, then fewest with a waypoint."""

    def risk(name: str) -> tuple[int, int, str]:
        guarded = sum(namespace == name for namespace, _ in needs.guarded)
        return guarded, sum(namespace == name for namespace, _ in needs.reasons), name

    return tuple(sorted(namespaces, key=risk))


def plan(context: Context) -> tuple[Step, ...]:
    """The steps of a migration whose changes are known."""
    progress = _Progress({each.identity: each.body for each in context.setup.objects})
    # The setup has mesh-wide policies said by namespace already; the step that says them begins with the originals.
    changes = context.changes
    for made in changes.localise.apply:
        progress.state.pop(made, None)
    progress.state |= {each.identity: each.body for each in context.originals}
    nothing = Change()
    progress.add("Save everything", "Each step takes back its own changes; this is for all else.", nothing, **_backup())
    progress.add("Install ambient", "Sidecars have to speak HBONE, or ambient can't call them.", nothing, **_install())
    if changes.localise:
        why = "A policy of the whole mesh can't change for one namespace. These say the same for each."
        progress.add("Say mesh-wide policies by namespace", why, changes.localise, after=(_SAME_ERRORS,))
    if changes.prepare:
        why = "Nothing uses the waypoints yet: a policy attached to one has no effect, and sidecars let it pass."
        progress.add("Prepare the waypoints", why, changes.prepare, after=_programmed(context))
    if changes.route:
        why = "Sidecars follow an HTTPRoute as waypoints do; the older VirtualService wins while both are there."
        progress.add("Exchange the routes", why, changes.route, after=(_SAME_ERRORS, _SAME_SPLIT))
    if changes.activate:
        why = "Ambient callers and ingress gateways go through the waypoints from now on; callers with sidecars don't."
        progress.add("Use the waypoints", why, changes.activate, before=_programmed(context), after=_bound(context))
    for name in context.order:
        _move(name, context, progress)
    if changes.finish:
        why = "All callers are ambient" + (
            ", but for the namespaces that keep their sidecars." if context.kept else "."
        )
        everyone = tuple(_captured(name) for name in context.order)
        progress.add("End the exceptions", why, changes.finish, before=everyone, after=(_SAME_ERRORS,))
    return tuple(progress.steps)


def _move(name: str, context: Context, progress: _Progress) -> None:
    changes, decide = context.changes, tuple(blocked(context, name))
    waits = (f"every decision on {name} is made", _SAME_ERRORS)
    if changes.switch[name]:
        why = (
            "By selector ztunnel can't judge HTTP. Callers that still have sidecars stay allowed by identity alone,"
            " until the exceptions end: move on without a long break."
        )
        title = f"Exchange the policies of {name}"
        progress.add(title, why, changes.switch[name], namespace=name, decide=decide, before=waits)
    why = "A pod that has a sidecar keeps it until it is replaced; then ztunnel captures it."
    progress.add(
        f"Move {name}",
        why,
        changes.enrol[name],
        namespace=name,
        restart=(name,),
        decide=() if changes.switch[name] else decide,
        before=waits,
        after=_moved(name, context),
    )


_SAME_ERRORS = "the rate of errors and of 403 is what it was: sum by (response_code) (rate(istio_requests_total[10m]))"
_SAME_SPLIT = "each version gets the share that it got: sum by (destination_version) (rate(istio_requests_total[10m]))"


def _backup() -> dict[str, object]:
    kinds = "virtualservices,destinationrules,authorizationpolicies,requestauthentications,peerauthentications"
    return {"commands": (f"kubectl get {kinds},services,namespaces -A -o yaml > before-ambient.yaml",)}


def _install() -> dict[str, object]:
    return {
        "before": (
            "Kubernetes is 1.32 or newer, and no NetworkPolicy blocks TCP 15008 between pods",
            "the CRDs of the Gateway API are there, v1.6 or newer",
        ),
        "commands": (
            "helm upgrade istio-base, istiod and istio-cni with profile=ambient, then helm install ztunnel",
            "kubectl rollout restart of every workload with a sidecar: it gets ISTIO_META_ENABLE_HBONE",
        ),
        "after": (
            "kubectl rollout status daemonset/ztunnel -n istio-system",
            "every pod with a sidecar has the label networking.istio.io/tunnel=http",
            _SAME_ERRORS,
        ),
        "undo": (
            "helm uninstall ztunnel; helm upgrade the other charts without profile=ambient; restart the workloads",
        ),
    }


def _programmed(context: Context) -> tuple[str, ...]:
    return tuple(
        f"kubectl wait --for=condition=Programmed gateway/{WAYPOINT} -n {name}" for name in context.needs.namespaces()
    )


def _bound(context: Context) -> tuple[str, ...]:
    services = [each for each in context.setup.services if context.needs.has(each)]
    bound = (
        f"service {each.namespace}/{each.name} has istio.io/WaypointBound, reason WaypointAccepted" for each in services
    )
    return (*bound, _SAME_ERRORS, _SAME_SPLIT)


def _captured(name: str) -> str:
    return f"every pod of {name} has the annotation {labels.REDIRECTION}: enabled"


def _moved(name: str, context: Context) -> tuple[str, ...]:
    of_namespace = f'{{destination_workload_namespace="{name}"}}'
    tcp = f'istio_tcp_connections_opened_total{{destination_workload_namespace="{name}",reporter="destination"'
    gates = [
        _captured(name),
        f"istioctl ztunnel-config workloads --workload-namespace {name} says HBONE for each",
        f'mutual TLS is all there is: sum(rate({tcp},connection_security_policy!="mutual_tls"}}[10m])) is 0',
        f"nothing is refused: sum(rate(istio_tcp_connections_failed_total{of_namespace}[10m])) is 0",
        "dashboards and alerts on reporter=destination read reporter=source or waypoint for its HTTP",
    ]
    if name in context.needs.namespaces():
        gates.append(f'istio_requests_total{{reporter="waypoint",destination_workload_namespace="{name}"}} grows')
    return (*gates, _SAME_ERRORS)


def _with_commands(step: Step, change: Change) -> Step:
    """The step with the commands that do it, and those that undo it."""
    return replace(
        step,
        commands=(*step.commands, *_commands(step, change)),
        undo=(*step.undo, *_undo(step)),
    )


def _commands(step: Step, change: Change) -> Iterator[str]:
    if any(body["kind"] != "Namespace" for body in step.new):  # one that was not given exists: it is labelled below
        yield f"kubectl apply -f {step.folder}/apply"
    files = [body for body in step.changed if body["kind"] not in _LABELLED]
    if files:
        yield f"kubectl replace -f {step.folder}/replace"
    former = {identity(body): body for body in step.former}
    for body in change.apply.values():
        if body["kind"] in _LABELLED and (body in step.changed or body["kind"] == "Namespace"):
            yield _label(body, former.get(identity(body)))
    for each in step.deleted:
        yield f"kubectl delete {each.kind.lower()}.{each.group} {each.name} -n {each.namespace}"
    yield from (f"kubectl rollout restart deployment,statefulset,daemonset -n {name}" for name in step.restart)


_LABELLED = ("Namespace", "Service")
"""Kinds of which only labels change: a command does it, whoever deploys the rest of the object."""


def _label(body: Body, former: Body | None) -> str:
    """The command that makes an object's labels what they are in a body."""
    now = body["metadata"].get("labels") or {}
    then = (former or {"metadata": {}})["metadata"].get("labels") or {}
    if former is None and body["kind"] == "Namespace":
        then = dict.fromkeys((labels.INJECTION, labels.REVISION), "")
    said = [f"{key}={value}" for key, value in now.items() if then.get(key) != value]
    said += [f"{key}-" for key in then if key not in now]
    metadata = body["metadata"]
    where = f" -n {metadata['namespace']}" if metadata.get("namespace") else ""
    return f"kubectl label --overwrite {body['kind'].lower()} {metadata['name']}{where} {' '.join(said)}"


def _undo(step: Step) -> Iterator[str]:
    now = {identity(body): body for body in step.changed}
    for body in step.former:
        if body["kind"] in _LABELLED:
            yield _label(body, now.get(identity(body)))
    files = [body for body in step.former if body["kind"] not in _LABELLED]
    there = {identity(body) for body in step.changed}
    if any(identity(body) in there for body in files):
        yield f"kubectl replace -f {step.folder}/rollback/replace"
    if any(identity(body) not in there for body in files):
        yield f"kubectl apply -f {step.folder}/rollback/apply"
    yield from (f"kubectl rollout restart deployment,statefulset,daemonset -n {name}" for name in step.restart)
    if any(body["kind"] != "Namespace" for body in step.new):
        yield f"kubectl delete -f {step.folder}/apply"
    for body in step.new:
        if body["kind"] == "Namespace":
            labelled = f"{labels.DATAPLANE_MODE}- {labels.INJECTION}=enabled"
            yield f"kubectl label namespace {body['metadata']['name']} {labelled}"
