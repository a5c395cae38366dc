"""Where a rotation stands, read from a stack file, and written back into it: what is not changed stays as it was."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from meshwright.certs.generations import Generation, Told
from meshwright.certs.lockstep import Recorded
from meshwright.certs.pem import certificates_in
from meshwright.certs.rotation import CONSUL_STEPS, ISTIO_STEPS, LINKERD_STEPS, Steps
from meshwright.config import load_stack
from meshwright.errors import Code, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

_MESH: Final = ("config", "meshwright:mesh")
_PLACES: Final = {
    "linkerd": ("trust", LINKERD_STEPS),
    "istio-ambient": ("certificates", ISTIO_STEPS),
    "consul": ("ca", CONSUL_STEPS),
}
"""Kind -> the key that ``rotation`` is below, and the steps."""
_NAMED: Final = ("cert-manager", "pulumi-tls")
"""Sources whose anchors we name by their generation, `TrustAnchor`."""


@dataclass(frozen=True, slots=True)
class StackFile:
    """One stack's rotation."""

    path: Path
    text: str
    kind: str
    section: str
    """The key that ``rotation`` is below."""
    steps: Steps
    recorded: Recorded
    context: str
    kubeconfig: str
    trust_domain: str
    is_elsewhere: bool = False
    """Whether its cluster is named by another stack's output: no context says which it is."""
    told: Told = field(default_factory=Told)
    """What Linkerd's anchors are known by, and the cluster to others."""


def read_stack_file(path: Path, name: str) -> StackFile:
    """A stack's rotation.

    Raises:
        ConfigError: whatever is wrong with the file; MW-E199 its mesh has no rotation.
    """
    kind = load_stack(path).mesh.kind
    if kind not in _PLACES:
        message = f"the stack {name} is of kind {kind}, whose certificates meshwright does not rotate"
        raise ConfigError(Problem(Code.NO_ROTATION, message, f"name a stack of kind {', '.join(_PLACES)}", str(path)))
    section, steps = _PLACES[kind]
    text = path.read_bytes().decode()
    mesh = yaml.load(text, Loader=yaml.CBaseLoader)[_MESH[0]][_MESH[1]]  # noqa: S506 - all of it stays text
    written = (mesh.get(section) or {}).get("rotation") or steps.names[0]
    rotation: dict[str, Any] = {"step": written} if isinstance(written, str) else written
    before = rotation.get("previous") or {}
    cluster = mesh.get("cluster") or {}
    recorded = Recorded(
        name,
        rotation["step"],
        _day(rotation.get("since")),
        before.get("step"),
        _day(before.get("since")),
        has_next="next" in rotation,
    )
    domain = mesh.get("trust_domain") or "cluster.local"
    return StackFile(
        path,
        text,
        kind,
        section,
        steps,
        recorded,
        cluster.get("context", ""),
        cluster.get("kubeconfig", ""),
        domain,
        is_elsewhere="stack" in cluster,
        told=_told(mesh, rotation, path.parent),
    )


def _told(mesh: dict[str, Any], rotation: dict[str, Any], folder: Path) -> Told:
    trust = mesh.get("trust") or {}
    source, upcoming = trust.get("source", "cert-manager"), rotation.get("next")
    return Told(
        _generation(source, trust.get("anchor") or {}, folder),
        _generation(source, upcoming, folder) if isinstance(upcoming, dict) else None,
        others=bool(trust.get("also_trusted")),
        cluster=(mesh.get("multicluster") or {}).get("cluster", ""),
    )


def _generation(source: str, anchor: dict[str, Any], folder: Path) -> Generation | None:
    """What an anchor is known by: the unit that we give it, or its file; a config value may be encrypted."""
    if source in _NAMED:
        return Generation(anchor.get("name", "anchor"))
    try:
        found = certificates_in((folder / Path(anchor["certificate"]).expanduser()).read_text("utf-8"))
    except (KeyError, OSError, ValueError):
        return None
    return Generation(certificates=frozenset(found)) if found else None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text[:10]) if text else None


def with_step(file: StackFile, to: str, today: date, *, following: str = "", reason: str = "") -> str:
    """The file's text with a step taken: comments, order and quotes stay.

    Args:
        file: The file as it was read.
        to: The step.
        today: The day on which it begins.
        following: YAML of the new anchor, for the first step.
        reason: Why it is taken although the gate doesn't hold; a comment above ``rotation``.

    Raises:
        ConfigError: it can't be edited in place (MW-E198).
    """
    root = yaml.compose(file.text, Loader=yaml.SafeLoader)
    section = _value(_value(_value(root, _MESH[0]), _MESH[1]), file.section)
    rotation = _value(section, "rotation")
    if section is None or not _is_inside(section, root):
        raise _not_editable(file, f"{file.section} is not written there")
    before = file.recorded
    if not isinstance(rotation, yaml.MappingNode) or file.steps.names[0] in (to, before.step):
        edits = [_anew(file, section, rotation, to, today, following)]
    else:
        if not _is_inside(rotation, section):
            raise _not_editable(file, "rotation is an alias")
        edits = list(_in_place(file.text, rotation, to, today, before))
    if reason:
        edits.append(_remark(file.text, section, f"{today} on to {to} without its gate: {' '.join(reason.split())}"))
    text = file.text
    for start, end, piece in sorted(edits, reverse=True):
        text = text[:start] + piece + text[end:]
    _verify(file, text, to, today)
    _load(file, text)
    return text


def _in_place(
    text: str, rotation: yaml.MappingNode, to: str, today: date, before: Recorded
) -> Iterator[tuple[int, int, str]]:
    step = _value(rotation, "step")
    yield _replaced(step, to)
    missing = {}
    for key, day in (("since", str(today)), ("previous", "")):
        node = _value(rotation, key)
        if node is None:
            missing[key] = f'"{day}"' if day else _record(before)
        elif key == "since":
            yield _replaced(node, day)
        else:
            yield _replaced(_value(node, "step"), before.step)
            since = _value(node, "since")
            if since is not None and before.since:
                yield _replaced(since, str(before.since))
            elif before.since:
                yield _inserted(text, node, _value(node, "step"), f'since: "{before.since}"')
    for key, value in missing.items():
        yield _inserted(text, rotation, step, f"{key}: {value}")


def _anew(file: StackFile, section: Any, rotation: Any, to: str, today: date, following: str) -> tuple[int, int, str]:
    """A rotation that is written as a whole, on one line."""
    following = f", next: {following}" if following and to != file.steps.names[0] else ""
    text = f'{{step: {to}, since: "{today}", previous: {_record(file.recorded)}{following}}}'
    if rotation is not None:
        return rotation.start_mark.index, _end(rotation), text
    last = section.value[-1]
    return _inserted(file.text, section, last[1], f"rotation: {text}") if section.value else (0, 0, "")


def _record(step: Recorded) -> str:
    return f'{{step: {step.step}, since: "{step.since}"}}' if step.since else f"{{step: {step.step}}}"


def _inserted(text: str, mapping: Any, after: Any, entry: str) -> tuple[int, int, str]:
    """An entry after another one: in a block on a line of its own, below the other's remark."""
    end = _end(after)
    if mapping.flow_style:
        return end, end, f", {entry}"
    line = text.find("\n", end)
    end = line if line >= 0 else len(text)
    end -= text[:end].endswith("\r")
    return end, end, f"{_break(text)}{' ' * mapping.value[0][0].start_mark.column}{entry}"


def _replaced(node: Any, text: str) -> tuple[int, int, str]:
    quote = node.style if node.style in ("'", '"') else ""
    return node.start_mark.index, node.end_mark.index, f"{quote}{text}{quote}"


def _remark(text: str, section: Any, remark: str) -> tuple[int, int, str]:
    key = next((key for key, _ in section.value if key.value == "rotation"), section)
    start = text.rfind("\n", 0, key.start_mark.index) + 1
    indent = text[start:][: len(text[start:]) - len(text[start:].lstrip(" "))]
    return start, start, f"{indent}# {remark}{_break(text)}"


def _break(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _end(node: Any) -> int:
    """Where a value ends; of a block its last value, for PyYAML counts the comments below to it."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        return _end(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style:
        return _end(node.value[-1])
    return int(node.end_mark.index)


def _value(mapping: Any, key: str) -> Any:
    if not isinstance(mapping, yaml.MappingNode):
        return None
    return next((value for name, value in mapping.value if name.value == key), None)


def _is_inside(node: Any, around: Any) -> bool:
    """Whether a value is written where it is used: behind an alias it stands elsewhere."""
    return bool(around.start_mark.index <= node.start_mark.index and node.end_mark.index <= around.end_mark.index)


def _verify(file: StackFile, text: str, to: str, today: date) -> None:
    """Nothing but the rotation is another one, and that is as it should be."""
    try:
        was, now = (yaml.load(each, Loader=yaml.CBaseLoader) for each in (file.text, text))  # noqa: S506
        had, rotation = (each[_MESH[0]][_MESH[1]][file.section].pop("rotation", {}) for each in (was, now))
        before, previous = file.recorded, rotation["previous"]
        is_right = (
            was == now
            and (rotation["step"], rotation["since"], previous["step"]) == (to, str(today), before.step)
            and _day(previous.get("since")) == before.since
            and (not before.has_next or to == file.steps.names[0] or rotation["next"] == had["next"])
        )
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        is_right = False
    if not is_right:
        raise _not_editable(file, "the rotation is written in a way that can't be edited")


def _load(file: StackFile, text: str) -> None:
    """Refuse what no program would take, such as a next anchor that has no fit name."""
    with tempfile.TemporaryDirectory(prefix="meshwright-") as folder:
        path = Path(folder) / file.path.name
        path.write_bytes(text.encode())
        try:
            load_stack(path)
        except ConfigError as error:
            places = (each.place.replace(str(path), str(file.path)) for each in error.problems)
            raise ConfigError(map(_placed, error.problems, places)) from None


def _placed(problem: Problem, place: str) -> Problem:
    return replace(problem, place=place)


def _not_editable(file: StackFile, why: str) -> ConfigError:
    remedy = "write rotation as a mapping with step, since, previous and next, or edit it by hand"
    return ConfigError(Problem(Code.ROTATION_EDIT, why, remedy, str(file.path)))
