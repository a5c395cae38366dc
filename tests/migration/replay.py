"""A migration's own files and plan, carried out: the cluster after each step, and while pods are being replaced."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
_Key = tuple[str, str, str, str]


def setup(name: str, keep: frozenset[str] = frozenset()) -> Setup:
    return Setup(read_folder(SETUPS / f"{name}.yaml"), keep=keep)


def source(name: str) -> World:
    """The cluster before the migration."""
    return World(tuple(yaml.safe_load_all((SETUPS / f"{name}.yaml").read_text())), {})


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


def states(before: World, migration: Migration) -> Iterator[State]:
    """Carry out the plan as `plan.json` and the manifests have it."""
    files = files_of(migration)
    plan = json.loads(files["plan.json"])
    objects: dict[_Key, Object] = {_key(each): each for each in before.objects}
    modes = {pods: asked_mode(before, pods) for pods in before.templates}
    for number, step in enumerate(plan["steps"], 1):
        for path in (*step["apply"], *step["replace"]):
            body = yaml.safe_load(files[path])
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
