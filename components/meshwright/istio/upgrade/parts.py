"""Which part of Istio runs which version, before, during and after an upgrade.

istiod goes first, then istio-cni, then ztunnel: both work with a control plane of their own minor and of the next one
(istio.io, ambient/upgrade/helm). An upgrade is said by its target and by how far it has come, so that a node agent that
is newer than istiod, or two minors behind, can't be said at all.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from meshwright.catalog import Release
from meshwright.errors import Code, Problem
from meshwright.versions import version_key

STEPS: Final = ("istiod", "cni", "ztunnel")
"""How far an upgrade has come, in this order. Each step includes those before it."""
TAG_REMEDY: Final = "use lower-case letters, digits and '-', at most 43, with a letter or digit at both ends"
REVISION_LIMIT: Final = 46
"""Letters of a revision: it ends the name of a release, ``istiod-…``, and Helm takes 53."""
REVISION_REMEDY: Final = 'name it after its version, with dashes: "1-31-1"'
UNREVISIONED: Final = "default"
"""What Istio calls the control plane that was installed without a revision."""


@dataclass(frozen=True, slots=True)
class Part:
    """A version, and the control-plane revision it belongs to."""

    release: Release
    revision: str
    """Empty for a control plane without one."""

    @property
    def revision_label(self) -> str:
        """The value of ``istio.io/rev``."""
        return self.revision or UNREVISIONED


@dataclass(frozen=True, slots=True)
class Parts:
    """What each chart runs."""

    base: Part
    istiods: tuple[Part, ...]
    """One, or the old one and the new one."""
    cni: Part
    ztunnel: Part

    @property
    def revisions(self) -> tuple[str, ...]:
        """The values of ``istio.io/rev`` for which a control plane runs."""
        return tuple(each.revision_label for each in self.istiods)


def parts(now: Part, after: Part | None, step: str) -> Parts:
    """What each chart runs when the upgrade from ``now`` to ``after`` has come as far as ``step``.

    CRDs go ahead: they serve both versions. The new control plane stands beside the old one if it has a revision of its
    own, and in its place if it has not.
    """
    if after is None:
        return Parts(now, (now,), now, now)
    reached = STEPS.index(step)
    return Parts(
        base=after,
        istiods=(after,) if after.revision == now.revision else (now, after),
        cni=after if reached >= STEPS.index("cni") else now,
        ztunnel=after if reached >= STEPS.index("ztunnel") else now,
    )


def revision_for(version: str) -> str:
    """The revision that goes by a full version: ``1-31-1``."""
    return version.replace(".", "-")


def skew(now: Release, after: Release) -> Iterator[Problem]:
    """Why an upgrade from ``now`` to ``after`` can't be made (MW-E110): it goes up, and by one minor at most."""
    (old_major, old), (new_major, new) = version_key(now.minor), version_key(after.minor)
    if version_key(after.version) <= version_key(now.version):
        message = f"an upgrade from {now.version} to {after.version} doesn't go up"
        yield Problem(Code.VERSION_SKEW, message, "name a newer version; to go back, take back the upgrade's steps")
    elif (new_major, new) > (old_major, old + 1):
        message = f"an upgrade from {now.version} to {after.version} passes over {old_major}.{old + 1}"
        remedy = f"upgrade to {old_major}.{old + 1} first; istio-cni and ztunnel may be one minor behind istiod"
        yield Problem(Code.VERSION_SKEW, message, remedy)


def own_tag(tags: Iterable[str]) -> str:
    """The tag that waypoints follow where nothing is said: the only one, `default` aside; empty for several.

    The tag ``default`` is for what names no revision, and what follows a tag names one.
    """
    names = [tag for tag in tags if tag != UNREVISIONED] or list(tags)
    return names[0] if len(names) == 1 else ""


def is_tag(name: str) -> bool:
    """Whether a tag can bear a name: it ends the name of a Service, which has 63 characters at most (RFC 1123)."""
    return len(name) <= 43 and _is_label(name)


def is_revision(name: str) -> bool:
    """Whether a control plane can bear a name. ``default`` is the one without a revision."""
    return len(name) <= REVISION_LIMIT and _is_label(name) and name != UNREVISIONED


def _is_label(name: str) -> bool:
    return re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name, re.ASCII) is not None


def tag_problems(tags: dict[str, str], revisions: tuple[str, ...]) -> Iterator[tuple[str, Problem]]:
    """Tags that can't be: each with its problem (MW-E111)."""
    for tag, revision in tags.items():
        if revision not in revisions:
            message = f"the tag {tag} stands for the revision {revision}, which has no control plane"
            yield tag, Problem(Code.NO_REVISION, message, f"one of: {', '.join(revisions)}")
        if tag in revisions:
            message = f"the tag {tag} is a revision's name too, and istiod can't tell them apart"
            yield tag, Problem(Code.NO_REVISION, message, "name the tag after its purpose: stable")
