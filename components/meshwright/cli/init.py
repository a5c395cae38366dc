"""`meshwright init`: a commented stack file to begin with."""

import errno
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meshwright.cli import options
from meshwright.cli.files import not_writable, write_file
from meshwright.cli.output import line, show, show_json
from meshwright.errors import Code, OutputError, Problem

if TYPE_CHECKING:
    from meshwright.scaffold import Question


class Kind(StrEnum):
    """The kinds of mesh; the config's own list would have to be imported at every start."""

    ISTIO_AMBIENT = "istio-ambient"
    LINKERD = "linkerd"
    CONSUL = "consul"
    VPC_LATTICE = "vpc-lattice"
    NONE = "none"


def init(
    kind: Annotated[Kind | None, typer.Argument(show_default=False, help="Which mesh; none is one too.")] = None,
    *,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="FILE", show_default=False, help="The file. Default: the stack's in this project."
        ),
    ] = None,
    stack: Annotated[str, typer.Option("--stack", "-s", metavar="NAME", help="Name of the stack.")] = "dev",
    mesh_version: Annotated[str, typer.Option(metavar="VERSION", help="Istio's version; default: the newest.")] = "",
    context: Annotated[str, typer.Option(metavar="NAME", help="The cluster's context in the kubeconfig.")] = "",
    platform: Annotated[str, typer.Option(metavar="NAME", help="What the cluster runs on: eks, gke, kind, ...")] = "",
    environment: Annotated[str, typer.Option(metavar="NAME", help="production, staging, test or dev.")] = "",
    namespace: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[=PHASE]", show_default=False, help="A namespace (or service); may be repeated."),
    ] = None,
    vault: Annotated[str, typer.Option(metavar="URL", help="Consul: the Vault or OpenBao with the CA.")] = "",
    region: Annotated[str, typer.Option(metavar="REGION", help="VPC Lattice: the AWS region.")] = "",
    network: Annotated[str, typer.Option(metavar="NAME", help="VPC Lattice: the service network.")] = "",
    because: Annotated[
        list[str] | None,
        typer.Option(metavar="REASON", show_default=False, help="No mesh: why, as under_20_services; repeatable."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that exists.")] = False,
    as_of: options.AsOf = "",
    catalog: options.CatalogFile = None,
    as_json: options.Json = False,
) -> int:
    """Write a stack file with every key explained. On a terminal, ask for what was not given."""
    from meshwright.config import parse_config
    from meshwright.scaffold import mesh_of, stack_text

    options.set_facts(as_of, catalog)
    path = to or _stack_file(stack)
    _refuse_to_overwrite(path, force=force)
    single = {
        "mesh-version": mesh_version,
        "context": context,
        "platform": platform,
        "environment": environment,
        "vault": vault,
        "region": region,
        "network": network,
    }
    answers = {option: [text] for option, text in single.items() if text}
    answers |= {option: said for option, said in (("namespace", namespace), ("because", because)) if said}
    chosen = kind.value if kind else ""
    if sys.stdin.isatty() and not as_json:
        chosen = chosen or _ask_kind()
        answers = _ask(chosen, answers)
    if not chosen:
        remedy = f"name one of: {', '.join(Kind)}"
        raise OutputError(Problem(Code.ANSWERS, "no kind of mesh was named", remedy))
    mesh = mesh_of(chosen, answers)
    parse_config(mesh, None)
    _write(path, stack_text(mesh), force=force)
    if as_json:
        show_json({"command": "init", "kind": chosen, "file": str(path)})
        return 0
    show([line((str(path), "bold"), "  written"), line(), line("next: ", _next_step(path, stack))])
    return 0


def _stack_file(stack: str) -> Path:
    from meshwright.cli.offline import find_project
    from meshwright.cli.places import relative
    from meshwright.engine.project import load_project

    folder = find_project(Path.cwd())
    if not (folder / "Pulumi.yaml").is_file():
        return Path(f"Pulumi.{stack}.yaml")
    return Path(relative(str(load_project(folder).stack_file(stack))))


def _ask_kind() -> str:
    answer: str = typer.prompt(f"Kind of mesh ({', '.join(Kind)})", default=Kind.ISTIO_AMBIENT.value, err=True)
    return answer if answer in list(Kind) else _ask_kind()


def _ask(kind: str, given: dict[str, list[str]]) -> dict[str, list[str]]:
    """Ask what was not given: what is needed, and all else only where nothing was given."""
    from meshwright.scaffold import QUESTIONS

    answers = dict(given)
    for question in QUESTIONS[kind]:
        has_cluster = any(answers.get("context", [])) or question.option != "platform"
        if question.option not in given and has_cluster and (question.needed or not given):
            answers[question.option] = _answer(question, answers)
    return answers


def _answer(question: "Question", before: dict[str, list[str]]) -> list[str]:
    hint = f" ({', '.join(question.choices)})" if question.choices else ""
    default = None if question.needed else question.default(before)
    while True:
        said: str = typer.prompt(question.text + hint, default=default, show_default=bool(default), err=True)
        texts = [text.strip() for text in said.split(",")] if question.many else [said.strip()]
        if not question.choices or not texts[0] or texts[0] in question.choices:
            return texts


def _next_step(path: Path, stack: str) -> str:
    if (path.parent / "schema.json").exists():
        return f"read it, then `meshwright preview {stack}`"
    return f"`meshwright schema --to {path.parent / 'schema.json'}` for your editor, then `meshwright preview {stack}`"


def _refuse_to_overwrite(path: Path, *, force: bool) -> None:
    if path.exists() and not force:
        what = "is there already"
        raise OutputError(Problem(Code.FILE_EXISTS, what, "name another with --to, or give --force", str(path)))


def _write(path: Path, text: str, *, force: bool) -> None:
    """Write the file as a whole: by way of a neighbour that takes its place.

    Raises:
        OutputError: it exists by now (MW-E103), or can't be written (MW-E091).
    """
    if force:
        write_file(path, text, make_folder=True)
        return
    neighbour = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        neighbour.write_text(text, "utf-8")
        _place(neighbour, path)
    except OSError as error:
        raise not_writable(path, error) from None
    finally:
        if neighbour.parent.is_dir():
            neighbour.unlink(missing_ok=True)


def _place(neighbour: Path, path: Path) -> None:
    """Give the file its name, unless somebody has taken it in the meantime."""
    try:
        path.hardlink_to(neighbour)
    except FileExistsError:
        _refuse_to_overwrite(path, force=False)
        raise
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP):
            raise
        _refuse_to_overwrite(path, force=False)  # a file system without hard links
        neighbour.replace(path)
