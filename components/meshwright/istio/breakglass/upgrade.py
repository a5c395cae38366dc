"""An upgrade stopped half-way: what it has changed goes back to what ran before, the data plane first."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from meshwright.breakglass.plan import Plan, Step, refused
from meshwright.breakglass.restarts import pods_of, waited
from meshwright.health.objects import at, called, items, label, name_of, namespace_of
from meshwright.istio.health.installation import CNI, ISTIOD, ZTUNNEL
from meshwright.versions import version_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshwright.health.objects import Object
    from meshwright.istio.breakglass.looking import Look

SCENARIO = "half-done-upgrade"
PARTS: Final = (ZTUNNEL, CNI, ISTIOD)
"""In the order in which they go back: none may be ahead of istiod."""
_REVISION: Final = "deployment.kubernetes.io/revision"
_NO_SUCH: Final = "unable to find specified revision"


def plan(look: Look, parts: Sequence[str] = ()) -> Plan:
    """Take parts of Istio back to the version that ran before.

    Args:
        look: The cluster.
        parts: ``ztunnel``, ``istio-cni`` and ``istiod``, or some of them. Empty for those that are newer than the
            oldest of the three: what the upgrade has not reached stays as it is.

    Raises:
        ConfigError: MW-E172: an unknown part, one that has nothing to go back to, or an upgrade that is not half-done.
    """
    if unknown := [each for each in parts if each not in PARTS]:
        raise refused(f"--part {unknown[0]!r} is unknown", f"one of: {', '.join(PARTS)}")
    wanted = parts or _without_revisions(look)
    installed = [each for part in PARTS if part in wanted for each in _installed(look, part)]
    if not installed:
        raise refused("nothing of that is installed in this cluster", f"choose among: {', '.join(PARTS)}")
    chosen = installed if parts else _newer(installed)
    staying = [each for part in PARTS for each in _installed(look, part) if each not in chosen]
    steps = [step for each in chosen for step in _back(look, each, staying)]
    return Plan(
        SCENARIO,
        "each part runs what it ran before",
        ", ".join(map(called, chosen)),
        (
            "each restart of ztunnel cuts the connections of its node; while istio-cni restarts, new pods there wait",
            "pods go back, ConfigMaps, roles and CRDs don't: they stay those of the new version",
            "istiod that runs in several revisions side by side stays: move its tag back, `meshwright istio upgrade`",
            "Helm and the stack still have the new version",
        ),
        tuple(steps),
        (
            "set the old version in the stack before `pulumi up`, or it goes on with the upgrade",
            "`meshwright istio check`: version-skew passes",
        ),
    )


def _installed(look: Look, part: str) -> list[Object]:
    kind, key = ("Deployment", "app") if part == ISTIOD else ("DaemonSet", "app.kubernetes.io/name")
    return [each for each in look.all(kind) if label(each, key) == part]


def _without_revisions(look: Look) -> Sequence[str]:
    """All parts; but not istiod where it runs in several revisions: there a tag goes back, not a Deployment."""
    return PARTS if len(look.istiods()) == 1 else (ZTUNNEL, CNI)


def _newer(installed: list[Object]) -> list[Object]:
    """What is of a newer version than the oldest part."""
    versions = [_version(_image(each)) for each in installed]
    if unknown := [called(each) for each, version in zip(installed, versions, strict=True) if not version]:
        raise refused(f"the image of {unknown[0]} doesn't tell its version", "name what is to go back with --part")
    oldest = min(versions, key=version_key)
    found = [each for each, version in zip(installed, versions, strict=True) if version != oldest]
    if not found:
        raise refused(f"all parts are {oldest}: no upgrade is half-done", "name what is to go back with --part")
    return found


def _back(look: Look, workload: Object, staying: Sequence[Object]) -> tuple[Step, Step]:
    """Back to the newest revision of another image: one of the same image is a change of settings."""
    kind, namespace = workload["kind"].lower(), namespace_of(workload)
    history = _history(look, workload)
    now = max(history, default=0)
    earlier = {number: image for number, image in history.items() if image != history[now]}
    if not earlier:
        raise refused(f"{called(workload)} has no revision of another version", "bring it back with its chart")
    image = _before(workload, set(earlier.values()), staying)
    before = max(number for number in earlier if earlier[number] == image)
    place = (f"{kind}/{name_of(workload)}", f"--namespace={namespace}")
    return (
        Step(
            f"{called(workload)}: from {history[now]} back to {history[before]}",
            ("rollout", "undo", *place, f"--to-revision={before}"),
            ("rollout", "undo", *place, f"--to-revision={now}"),
            done_if_says=_NO_SUCH,
        ),
        waited(*place, pods_of(workload)),
    )


def _before(workload: Object, images: set[str], staying: Sequence[Object]) -> str:
    """The image that ran before the upgrade: of several, that of the version which most pods that stay run.

    The last one alone doesn't tell: it may be of an attempt that had failed before.
    """
    if len(images) == 1:
        return next(iter(images))
    running: Counter[str] = Counter()
    for each in staying:
        running[_version(_image(each))] += pods_of(each)
    fitting = {image: running[_version(image)] for image in images if _version(image)}
    most = max(fitting.values(), default=0)
    found = [image for image, pods in fitting.items() if pods == most]
    if not most or len(found) > 1:
        raise refused(
            f"{called(workload)} ran {', '.join(sorted(images))} before: which of them is meant can't be told",
            "bring it back with its chart",
        )
    return found[0]


def _history(look: Look, workload: Object) -> dict[int, str]:
    """Revision -> image, of all that the cluster still knows."""
    if workload["kind"] == "DaemonSet":
        found = look.below(namespace_of(workload), "controllerrevisions", workload)
        return {int(each["revision"]): _image(each["data"]) for each in found}
    found = look.below(namespace_of(workload), "replicasets", workload)
    return {int(each["metadata"]["annotations"][_REVISION]): _image(each) for each in found}


def _image(body: Object) -> str:
    containers = items({"kind": "", **body}, "spec", "template", "spec", "containers")
    return str(at(containers[0], "image")) if containers else ""


def _version(image: str) -> str:
    """The version in an image's tag; empty where it has none."""
    match = re.search(r":v?(\d+\.\d+\.\d+)", image.rpartition("/")[2])
    return match[1] if match else ""
