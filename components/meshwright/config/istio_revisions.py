"""What can't work between the parts of an Istio stack's control plane; see `together` for how it is read."""

from collections.abc import Iterator, Mapping
from typing import Any

from meshwright.catalog import Release, load_catalog
from meshwright.config.base import Mistake
from meshwright.errors import Code, ConfigError
from meshwright.istio.upgrade.parts import (
    REVISION_REMEDY,
    TAG_REMEDY,
    UNREVISIONED,
    Part,
    is_tag,
    own_tag,
    parts,
    revision_for,
    skew,
    tag_problems,
)

_PLATFORM_OF = {"eks": "eks", "gke": "gke"}
_SGP_FAULT = "aws-brancheni-probe-fix"


def in_control_plane(mesh: Mapping[str, Any], now: Release) -> Iterator[Mistake]:
    """The mistakes in revisions, tags, upgrades and platform settings; key paths begin in the mesh."""
    upgrade = _mapping(mesh.get("upgrade"))
    after = _target(upgrade) if upgrade else None
    if after is not None:
        yield from _upgrade(mesh, upgrade, now, after)
    revisions = _revisions(mesh, upgrade, now, after)
    yield from _reserved(mesh, upgrade)
    yield from _tags(_mapping(mesh.get("tags")), revisions)
    yield from _followers(mesh)
    yield from _platform(mesh, after or now)


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _target(upgrade: Mapping[str, Any]) -> Release | None:
    try:
        return load_catalog().release("istio", str(upgrade.get("to")))
    except ConfigError:
        return None


def _upgrade(mesh: Mapping[str, Any], upgrade: Mapping[str, Any], now: Release, after: Release) -> Iterator[Mistake]:
    for problem in skew(now, after):
        yield Mistake(problem.code, f": {problem.message}", problem.remedy, ("upgrade", "to"))
    if upgrade.get("revision") is not None and upgrade.get("revision") == mesh.get("revision"):
        message = f'is "{upgrade["revision"]}", as is mesh.revision: the new control plane would replace the old one'
        yield Mistake(Code.CONTRADICTION, message, "leave it out, or choose another", ("upgrade", "revision"))
    wanted = _mapping(mesh.get("gateway_api")).get("version")
    try:
        load_catalog().gateway_api_bundle([now, after], wanted if isinstance(wanted, str) else None)
    except ConfigError as error:
        for problem in error.problems:
            yield Mistake(problem.code, f": {problem.message}", problem.remedy, ("upgrade", "to"))


def _revisions(
    mesh: Mapping[str, Any], upgrade: Mapping[str, Any], now: Release, after: Release | None
) -> tuple[str, ...]:
    """The revisions that run in this step."""
    old = str(mesh.get("revision") or "")
    own = str(upgrade.get("revision") or (revision_for(after.version) if after and old else ""))
    return parts(Part(now, old), Part(after, own) if after else None, "istiod").revisions


def _reserved(mesh: Mapping[str, Any], upgrade: Mapping[str, Any]) -> Iterator[Mistake]:
    """The name of the control plane without a revision is nobody else's."""
    for path, revision in ((("revision",), mesh.get("revision")), (("upgrade", "revision"), upgrade.get("revision"))):
        if revision == UNREVISIONED:
            message = f'is "{UNREVISIONED}", as Istio calls the control plane without a revision'
            yield Mistake(Code.BAD_VALUE, message, f"leave it out, or {REVISION_REMEDY}", path)


def _tags(tags: Mapping[str, Any], revisions: tuple[str, ...]) -> Iterator[Mistake]:
    spelt = {tag: revision for tag, revision in tags.items() if isinstance(revision, str)}
    for tag in spelt:
        if not is_tag(tag):
            yield Mistake(Code.BAD_VALUE, "is no name for a tag", TAG_REMEDY, ("tags", tag))
    for tag, problem in tag_problems(spelt, revisions):
        yield Mistake(problem.code, f": {problem.message}", problem.remedy, ("tags", tag))


def _followers(mesh: Mapping[str, Any]) -> Iterator[Mistake]:
    """Each namespace with a waypoint follows a tag that there is."""
    tags = _mapping(mesh.get("tags"))
    namespaces = mesh.get("namespaces")
    for index, each in enumerate(namespaces if isinstance(namespaces, list) else []):
        tag = _mapping(each).get("tag")
        if isinstance(tag, str) and tag not in tags:
            known = f"one of: {', '.join(tags)}" if tags else "add it to tags, or remove it"
            yield Mistake(Code.NO_REVISION, f'is "{tag}", which is no tag', known, ("namespaces", index, "tag"))
        if tag is None and tags and not own_tag(tags) and _mapping(each).get("waypoint"):
            message = f"has a waypoint, and there are {len(tags)} tags that it could follow"
            yield Mistake(Code.MISSING_KEY, message, f"add tag: one of {', '.join(tags)}", ("namespaces", index))


def _platform(mesh: Mapping[str, Any], istio: Release) -> Iterator[Mistake]:
    """What is said of a platform is said of the cluster's."""
    cluster = _mapping(mesh.get("cluster"))
    for key, platform in _PLATFORM_OF.items():
        if mesh.get(key) is not None and cluster.get("platform") not in (None, platform):
            message = f"is for {platform}, and the cluster is on {cluster.get('platform')}"
            yield Mistake(Code.CONTRADICTION, message, f"remove it, or set cluster.platform to {platform}", (key,))
    if mesh.get("cilium") is not None and cluster.get("cni") != "cilium":
        message = "describes Cilium, which cluster.cni doesn't name"
        yield Mistake(Code.CONTRADICTION, message, "remove it, or set cluster.cni to cilium", ("cilium",))
    faults = load_catalog().upgrades.faults(istio.minor, istio.version)
    if _mapping(mesh.get("eks")).get("security_groups_for_pods") == "strict" and _SGP_FAULT in faults:
        message = f"is strict, and with istio {istio.version} health probes of captured pods fail then"
        remedy = "set POD_SECURITY_GROUP_ENFORCING_MODE=standard on aws-node, or choose 1.29.4, 1.30.0 or newer"
        yield Mistake(Code.CLUSTER_NETWORK, message, remedy, ("eks", "security_groups_for_pods"))
