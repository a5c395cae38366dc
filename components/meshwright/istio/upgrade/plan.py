"""The plan of an upgrade, from a stack's config and the catalog alone.

Sources: istio.io ambient/upgrade/helm (order, tags, skew; no canary for istio-cni and ztunnel; cordoned nodes for long
connections), ztunnel's chart (``terminationGracePeriodSeconds``), and the catalog's notes for what each minor changes.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from meshwright.catalog import Catalog, Release
from meshwright.catalog.prerequisites import unmet
from meshwright.errors import Code, ConfigError, Problem
from meshwright.istio.images import IMAGES
from meshwright.istio.labels import RETIRED_HOSTS
from meshwright.istio.upgrade import texts
from meshwright.istio.upgrade.parts import STEPS, UNREVISIONED, revision_for, skew
from meshwright.istio.upgrade.situation import Situation
from meshwright.istio.upgrade.steps import Edit, Hop, Note, State, Step, UpgradePlan
from meshwright.versions import version_key

if TYPE_CHECKING:
    from datetime import date

    from meshwright.config.istio import IstioAmbientMesh

FIRST_TAG = "stable"
"""The tag that a stack without one gets, so that its waypoints can be moved by themselves."""


def plan_upgrade(mesh: "IstioAmbientMesh", stack: str, to: str, catalog: Catalog, today: "date") -> UpgradePlan:
    """The steps that lead from a stack's version to another.

    Args:
        mesh: The stack's config; an upgrade under way is taken up where it stands.
        stack: The stack's name, for commands.
        to: A minor or a full version. Beyond the target of an upgrade under way, that one is finished first.
        catalog: Where versions and what they change are known.
        today: The day by which ends of life are judged.

    Raises:
        ConfigError: The version is unknown (MW-E030), is not newer, or is older than where an upgrade under way leads
            (MW-E110), or can't run on the cluster (MW-E056, MW-E057).
    """
    start, target = catalog.release("istio", mesh.version), catalog.release("istio", to)
    underway = catalog.release("istio", mesh.upgrade.to) if mesh.upgrade else None
    problems = [*_not_up(start, target, underway), *_unmet(mesh, target, catalog)]
    if problems:
        raise ConfigError(problems)
    releases = [*([underway] if underway else []), *_stations(underway or start, target, catalog)]
    hops: list[Hop] = []
    situation = _first(mesh, stack, start, catalog)
    for after in releases:
        situation = _towards(situation, after, mesh if not hops else None)
        steps = tuple(_with_states(list(_steps(situation, catalog)), situation))
        hops.append(Hop(situation.now.version, after.version, steps))
        situation = _arrived(situation)
    facts = tuple(_facts(mesh, [start, *releases], catalog, today))
    return UpgradePlan(stack, start.version, target.version, tuple(hops), facts, today.isoformat())


def _not_up(start: Release, target: Release, underway: Release | None) -> Iterator[Problem]:
    """A target that isn't newer; one that is minors away is reached in hops."""
    if version_key(target.version) <= version_key(start.version):
        yield from skew(start, target)
    elif underway and version_key(target.version) < version_key(underway.version):
        message = f"an upgrade to {underway.version} is under way, and {target.version} is older"
        remedy = f"plan to {underway.version} or newer, or go back step by step and remove upgrade first"
        yield Problem(Code.VERSION_SKEW, message, remedy)


def _unmet(mesh: "IstioAmbientMesh", target: Release, catalog: Catalog) -> Iterator[Problem]:
    platform = catalog.platforms[mesh.cluster.platform]
    version, compute = mesh.cluster.kubernetes_version, mesh.cluster.compute
    return unmet(target, platform, kubernetes_version=version, compute=compute)


def _stations(start: Release, target: Release, catalog: Catalog) -> list[Release]:
    """The versions on the way: the newest patch of each minor between, then the target; none for who is there."""
    if start.version == target.version:
        return []
    minors = {catalog.release("istio", version).minor for version in catalog.versions("istio")}
    low, high = version_key(start.minor), version_key(target.minor)
    between = sorted((minor for minor in minors if low < version_key(minor) < high), key=version_key)
    return [*(catalog.release("istio", minor) for minor in between), target]


def _first(mesh: "IstioAmbientMesh", stack: str, start: Release, catalog: Catalog) -> Situation:
    return Situation(
        stack=stack,
        context=mesh.cluster.context or "",
        agents_namespace=catalog.platforms[mesh.cluster.platform].istio.agents_namespace or "istio-system",
        now=start,
        after=start,
        revision=mesh.revision or "",
        new_revision="",
        tags=dict(mesh.tags),
        has_waypoints=mesh.egress is not None or any(namespace.waypoint for namespace in mesh.namespaces),
        grace=mesh.node_agents.grace_period or "30s",
        on_delete=mesh.node_agents.ztunnel_update == "on-delete",
        images=mesh.images.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        gateway_api=mesh.gateway_api.model_dump(mode="json", exclude_defaults=True),
    )


def _towards(at: Situation, after: Release, mesh: "IstioAmbientMesh | None") -> Situation:
    """On the way to a version; `mesh` where the way begins, for the upgrade that may be under way."""
    underway = mesh.upgrade if mesh else None
    own = (underway.revision if underway else None) or ""
    in_place = underway is not None and not own and not at.revision
    return replace(
        at,
        after=after,
        new_revision="" if in_place else own or revision_for(after.version),
        reached=underway.step if underway else "",
        kept=underway.model_dump(mode="json", by_alias=True, exclude_none=True, include={"charts", "digests"})
        if underway
        else {},
        is_first=mesh is not None,
    )


def _arrived(at: Situation) -> Situation:
    """At the version that the hop led to."""
    names = [*(at.tags or ([FIRST_TAG] if at.has_waypoints else [])), *([] if at.revision else [UNREVISIONED])]
    tags = at.tags if at.in_place else dict.fromkeys(names, at.new_revision)
    return replace(at, now=at.after, revision=at.new_revision, tags=tags)


def _steps(at: Situation, catalog: Catalog) -> Iterator[Step]:
    yield replace(texts.precheck(at), notes=_notes(at, catalog, "bundle"))
    if at.has_waypoints and not at.tags and not at.in_place:
        at = replace(at, tags={FIRST_TAG: at.revision or UNREVISIONED})
        yield texts.first_tag(at, FIRST_TAG)
    bundle, raised = _bundles(at, catalog)
    ignored = _ignored(at, bundle)
    yield replace(texts.istiod(at, bundle, ignored), edit=_upgrade(at, "istiod"), notes=_notes(at, catalog, "istiod"))
    yield replace(texts.cni(at), edit=_upgrade(at, "cni"), notes=_notes(at, catalog, "cni"))
    yield replace(texts.ztunnel(at), edit=_upgrade(at, "ztunnel"), notes=_notes(at, catalog, "ztunnel"))
    if not at.in_place:
        for tag in at.tags:
            at = replace(at, tags={**at.tags, tag: at.new_revision})
            notes = _notes(at, catalog, "waypoints")
            yield replace(texts.tag(at, tag), edit=Edit(set={"tags": dict(at.tags)}), notes=notes)
    is_raised_later = bundle != raised and at.owns_bundle
    pin = {**at.gateway_api, "version": bundle} if is_raised_later else {}
    yield replace(texts.finish(at), edit=_finished(at, pin))
    if is_raised_later:
        edit = Edit(set={"gateway_api": dict(at.gateway_api)}) if at.gateway_api else Edit(remove=("gateway_api",))
        yield replace(texts.raise_bundle(at, raised), edit=edit)


def _upgrade(at: Situation, step: str) -> Edit:
    revision = {} if at.in_place else {"revision": at.new_revision}
    kept = {key: value for key, value in at.kept.items() if value}
    return Edit(set={"upgrade": {"to": at.after.version, **revision, "step": step, **kept}})


def _finished(at: Situation, pin: dict[str, Any]) -> Edit:
    """Every part runs the new version; the bundle stays as it is for as long as there may be a way back."""
    values: dict[str, Any] = {"version": at.after.version, **({"gateway_api": pin} if pin else {})}
    if not at.in_place:
        values["revision"] = at.new_revision
        if not at.revision:
            # Nobody answers for objects that name no revision once the control plane without one is gone.
            values["tags"] = {**at.tags, UNREVISIONED: at.new_revision}
    if at.kept.get("charts"):
        values["charts"] = at.kept["charts"]
    remove = ["upgrade"]
    if at.images.get("digests") or at.kept.get("digests"):
        # The old version's digests would bring its images back.
        pinned = {"digests": at.kept["digests"]} if at.kept.get("digests") else {}
        if images := {**{key: value for key, value in at.images.items() if key != "digests"}, **pinned}:
            values["images"] = images
        else:
            remove.append("images")
    return Edit(set=values, remove=tuple(remove))


def _bundles(at: Situation, catalog: Catalog) -> tuple[str, str]:
    """The Gateway API bundle while both versions run, and when the old one is gone."""
    chosen = at.gateway_api.get("version")
    return (
        catalog.gateway_api_bundle([at.now, at.after], chosen).version,
        catalog.gateway_api_bundle([at.after], chosen).version,
    )


def _ignored(at: Situation, bundle: str) -> list[str]:
    """The CRDs whose objects the new version ignores with a bundle."""
    wanted = at.after.gateway_api.crd_minimums if at.after.gateway_api else {}
    return sorted(crd for crd, least in wanted.items() if version_key(bundle) < version_key(least))


def _notes(at: Situation, catalog: Catalog, stage: str) -> tuple[Note, ...]:
    """What the minor that is upgraded to changes with a step; nothing for a patch."""
    if at.now.minor == at.after.minor:
        return ()
    changes = catalog.upgrades.behaviour.get(at.after.minor, {})
    return tuple(
        Note(name, change.what, change.do, change.undo, change.source)
        for name, change in changes.items()
        if stage in change.parts
    )


def _with_states(steps: list[Step], at: Situation) -> Iterator[Step]:
    """Each step with where it stands: done, next or later."""
    reached = {"precheck", *STEPS[: STEPS.index(at.reached) + 1]} if at.reached else set()
    reached |= {f"tag-{tag}" for tag, revision in at.tags.items() if at.reached and revision == at.new_revision}
    state: State = "next" if at.is_first else "later"
    for each in steps:
        if each.id in reached:
            yield replace(each, state="done")
        else:
            yield replace(each, state=state)
            state = "later"


def _facts(mesh: "IstioAmbientMesh", releases: list[Release], catalog: Catalog, today: "date") -> Iterator[str]:
    """What there is to know of the versions on the way, from the first to the last."""
    target = releases[-1]
    for release in releases:
        if release.is_past_end_of_life(today):
            yield f"{release.version} has had no fixes since {release.end_of_life}"
        for name, advisory in release.advisories.items():
            yield f"{release.version} is open to {name}: {advisory.effect}"
        for name, fault in catalog.upgrades.faults(release.minor, release.version).items():
            yield f"{release.version} has a fault, {name}: {fault.effect}"
    for name, advisory in target.unsettled.items():
        yield f"it is not known whether {target.version} has the fix for {name}: {advisory.effect}"
    patches = [each for each in catalog.versions("istio") if each.startswith(f"{target.minor}.")]
    if patches[-1] != target.version:
        yield f"{patches[-1]} is the newest patch of {target.minor} that the catalog knows"
    yield from _to_bring(mesh, target)


def _to_bring(mesh: "IstioAmbientMesh", target: Release) -> Iterator[str]:
    """What has to be there before the first step."""
    if mesh.charts and mesh.charts.source == "mirror":
        charts = ", ".join(f"{name} {target.charts[name]}" for name in ("base", "istiod", "cni", "ztunnel"))
        yield f"the mirror {mesh.charts.url} has to hold {charts} before the first step"
    if mesh.charts and mesh.charts.source == "path":
        yield "the charts are a folder: unpack the new ones into another, and name it in upgrade.charts"
    if mesh.hub:
        images = ", ".join(f"{name}:{target.version}" for name in IMAGES)
        yield f"the hub {mesh.hub} has to hold {images} before the first step"
        if mesh.hub.startswith(RETIRED_HOSTS):
            yield f"the hub {mesh.hub} is being switched off; docker.io/istio has the images"
    if mesh.images.digests.model_dump(exclude_none=True):
        yield "images are pinned by digest: write the new version's into upgrade.digests before the first step"
    if mesh.gateway_api.version or mesh.gateway_api.path:
        yield "gateway_api names a bundle, which the steps leave alone: raise it when the old version is gone"
