"""Reads a stack's config, and tells all of its mistakes at once."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError

from meshwright.config import together
from meshwright.config.complain import Complaint, choose, complain, from_mistake, show, spell
from meshwright.config.document import Document, KeyPath, read_document
from meshwright.config.nodes import Node
from meshwright.config.platforms import settle_platform
from meshwright.config.stack import KINDS, StackConfig
from meshwright.errors import Code, ConfigError, Problem

MESH = "meshwright:mesh"
WAIVERS = "meshwright:waivers"
_IN_FILE: Mapping[object, KeyPath] = {"mesh": ("config", MESH), "waivers": ("config", WAIVERS)}
"""First key of a path in messages -> where the file has it."""


def load_stack(path: Path) -> StackConfig:
    """Read the stack file ``Pulumi.<stack>.yaml``.

    Raises:
        ConfigError: with all mistakes of the file, in the order of its lines.
    """
    document = read_document(path, _shown(path))
    complaints = list(_top_level(document))
    mesh, waivers = (_node(document, _IN_FILE[key]) for key in ("mesh", "waivers"))
    stack = None
    if mesh is not None:
        complaints += _secrets(mesh, ("mesh",))
        stack, found = _check(mesh.plain(), waivers.plain() if waivers else [], document, path)
        complaints += found
    problems = [*document.problems, *_placed(complaints, document)]
    if stack is None or problems:
        raise ConfigError(sorted(problems, key=_line))
    return stack.model_copy(update={"path": path})


def parse_config(mesh: object, waivers: object, place: Path | None = None) -> StackConfig:
    """Check the config that a Pulumi program was given.

    Args:
        mesh: The object `meshwright:mesh`, as `pulumi.Config` gives it.
        waivers: The object `meshwright:waivers`; None or an empty list for none.
        place: The stack file. Where it can be read, mistakes are told with their lines.

    Raises:
        ConfigError: with all mistakes.
    """
    document = _readable(place)
    stack, complaints = _check(mesh, [] if waivers is None else waivers, document, place)
    if stack is None:
        raise ConfigError(sorted(_placed(complaints, document, _shown(place) if place else ""), key=_line))
    return stack.model_copy(update={"path": place})


def _check(
    mesh: object, waivers: object, document: Document | None, place: Path | None
) -> tuple[StackConfig | None, list[Complaint]]:
    """Validate; the config is None where there are complaints."""

    def written(path: KeyPath) -> str:
        return document.text(_in_file(path)) if document else ""

    complaints: list[Complaint] = []
    stack = None
    if isinstance(mesh, dict):
        mesh, mistakes = settle_platform(mesh, _project(place))
        complaints += (from_mistake(mistake, ("mesh",)) for mistake in mistakes)
    try:
        stack = StackConfig.model_validate({"mesh": mesh, "waivers": waivers})
    except ValidationError as error:
        kind = mesh.get("kind") if isinstance(mesh, dict) else None
        for each in error.errors(include_url=False):
            complaints += complain(each, kind, written)
    if isinstance(mesh, dict):
        complaints += (from_mistake(mistake, ("mesh",)) for mistake in together.in_mesh(mesh))
    complaints += (from_mistake(mistake, ()) for mistake in together.in_waivers(waivers))
    return (None, complaints) if complaints else (stack, [])


def _top_level(document: Document) -> Iterator[Complaint]:
    """What is wrong around `meshwright:mesh`."""
    root = document.root
    if not isinstance(root.content, dict):
        yield Complaint(Code.WRONG_TYPE, f"the file is {show(root.plain())}", "begin it with config:", ())
        return
    if "config" not in root.content:
        near = get_close_matches("config", root.content, n=1)
        remedy = f"did you mean config where it says {near[0]}?" if near else "add it, with meshwright:mesh in it"
        yield Complaint(Code.NO_MESH, "the file has no config", remedy, (near[0],) if near else ())
        return
    config = root.content["config"]
    if not isinstance(config.content, dict):
        yield Complaint(Code.WRONG_TYPE, f"config is {show(config.plain())}", f"write {MESH}: in it", ("config",))
        return
    misspelt = [key for key in config.content if _is_misspelt(key)]
    for key in misspelt:
        remedy = choose(key if ":" in key else f"meshwright:{key}", [MESH, WAIVERS])
        yield Complaint(Code.UNKNOWN_KEY, f'config has no key "{key[:60]}"', remedy, ("config", key))
    if MESH not in config.content and not misspelt:
        kinds = ", ".join(KINDS)
        yield Complaint(Code.NO_MESH, f"config has no {MESH}", f"add it, with a kind: {kinds}", ("config",))


def _is_misspelt(key: str) -> bool:
    """Whether a config key is meant for meshwright and is none of ours. Other namespaces are not our business."""
    if key in (MESH, WAIVERS):
        return False
    ours = key.startswith("meshwright:") or key in ("mesh", "waivers")
    return ours or bool(get_close_matches(key, [MESH, WAIVERS], n=1, cutoff=0.85))


def _secrets(node: Node, path: KeyPath) -> Iterator[Complaint]:
    """Encrypted values: nothing in the mesh is a secret, and an offline run could not read them."""
    if isinstance(node.content, dict):
        if set(node.content) == {"secure"} and isinstance(node.content["secure"].content, str):
            node.broken = True
            remedy = "write it in plain, or move it to a config key of its own: the mesh is read without secrets"
            yield Complaint(Code.SECRET_IN_MESH, f"{spell(path)} is encrypted", remedy, path)
            return
        for key, child in node.content.items():
            yield from _secrets(child, (*path, key))
    elif isinstance(node.content, list):
        for index, child in enumerate(node.content):
            yield from _secrets(child, (*path, index))


def _placed(complaints: list[Complaint], document: Document | None, name: str = "") -> Iterator[Problem]:
    """The complaints as problems; without those about values that are complained of already."""
    for code, message, remedy, path in ((c.code, c.message, c.remedy, _in_file(c.path)) for c in complaints):
        if document is None:
            yield Problem(code, message, remedy, name)
        elif code == Code.SECRET_IN_MESH or not document.is_broken(path):
            yield Problem(code, message, remedy, document.place(path))


def _in_file(path: KeyPath) -> KeyPath:
    return (*_IN_FILE.get(path[0], path[:1]), *path[1:]) if path else ()


def _node(document: Document, path: KeyPath) -> Node | None:
    nodes = list(document.along(path))
    return nodes[-1] if len(nodes) == len(path) + 1 else None


def _readable(place: Path | None) -> Document | None:
    try:
        return read_document(place, _shown(place)) if place else None
    except ConfigError:
        return None


def _project(place: Path | None) -> Path:
    """The folder of the project that a stack file belongs to; the current one where there is no project."""
    start = place.absolute().parent if place else Path.cwd()
    return next((folder for folder in (start, *start.parents) if (folder / "Pulumi.yaml").is_file()), Path.cwd())


def _line(problem: Problem) -> int:
    line = problem.place.rpartition(":")[2]
    return int(line) if line.isdigit() else 0


def _shown(path: Path) -> str:
    """The file as messages name it: from the project's folder if we are in it, else from here, else in full."""
    here, full = Path.cwd(), path.absolute()
    projects = [folder for folder in (here, *here.parents) if (folder / "Pulumi.yaml").is_file()]
    for folder in (*projects[:1], here):
        if full.is_relative_to(folder):
            return str(full.relative_to(folder))
    return str(path)
