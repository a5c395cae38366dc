"""A migration's own files and plan, carried out: the cluster after each step, and while pods are being replaced."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from meshwright.istio.migration.files import files_of
from meshwright.istio.migration.migrate import Migration, migrate
from meshwright.istio.migration.read import read_folder
from meshwright.istio.migration.setup import Setup
from tests.semantics.calls import Pods
from tests.semantics.world import Object, World, asked_mode

SETUPS = Path(__file__).parent / "setups"
NAMES = tuple(sorted(file.stem for file in SETUPS.glob("*.yaml")))
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Key = tuple[str, str, str, str]


def setup(name: str, keep: frozenset[str] = frozenset()) -> Setup:
    return Setup(read_folder(SETUPS / f"{name}.yaml"), keep=keep)


def source(name: str) -> World:
    """The cluster before the migration."""
    return World(tuple(yaml.load_all((SETUPS / f"{name}.yaml").read_text(), _LOADER)), {})


@dataclass(frozen=True)
class State:
    """The cluster at one moment of the plan."""

    title: str
    world: World
    restarting: str = ""
    """The namespace whose pods are being replaced; `world` has the new ones."""
    former: Mapping[Pods, str] | None = None
    """How the pods were captured before."""
    is_last: bool = False
    _halfway: dict[Pods, tuple[World, World]] = field(default_factory=dict)

    def halfway(self, caller: Pods) -> tuple[World, World]:
        """While pods are being replaced: the caller is ahead of all others, and behind them."""
        if caller not in self._halfway:
            former, modes = dict(self.former or {}), dict(self.world.modes)
            ahead = World(self.world.objects, former | {caller: modes[caller]})
            self._halfway[caller] = ahead, World(self.world.objects, modes | {caller: former[caller]})
        return self._halfway[caller]


def states(before: World, migration: Migration) -> Iterator[State]:
    """Carry out the plan as `plan.json` and the manifests have it."""
    files = files_of(migration)
    plan = json.loads(files["plan.json"])
    objects: dict[_Key, Object] = {_key(each): each for each in before.objects}
    modes = {pods: asked_mode(before, pods) for pods in before.templates}
    for number, step in enumerate(plan["steps"], 1):
        for path in (*step["apply"], *step["replace"]):
            (body,) = yaml.load_all(files[path], _LOADER)
            objects[_key(body)] = body
        for gone in step["delete"]:
            del objects[gone["kind"], gone["group"], gone["namespace"], gone["name"]]
        world, former = World(tuple(objects.values()), dict(modes)), dict(modes)
        for namespace in step["restart"]:
            modes |= {pods: asked_mode(world, pods) for pods in world.templates if pods.namespace == namespace}
            yield State(f"{step['title']}, before its pods are replaced", world)
        last = number == len(plan["steps"])
        after = World(world.objects, dict(modes))
        restarting = step["restart"][0] if step["restart"] else ""
        yield State(step["title"], after, restarting, former if restarting else None, is_last=last)


def migrated(name: str, keep: frozenset[str] = frozenset()) -> Migration:
    return migrate(setup(name, keep))


def _key(body: dict[str, Any]) -> _Key:
    group = body["apiVersion"].rpartition("/")[0]
    cluster = body["kind"] == "Namespace"
    return (
        body["kind"],
        group,
        "" if cluster else body["metadata"].get("namespace", "default"),
        body["metadata"]["name"],
    )
