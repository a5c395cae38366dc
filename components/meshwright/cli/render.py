"""`meshwright render`: the program's Kubernetes objects as a folder of files, if policy allows it."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshwright.cli import options
from meshwright.cli.output import Line, emit, line, plural, show, show_json

if TYPE_CHECKING:
    from meshwright.cli.offline import Offline
    from meshwright.engine.render import Rendering

_GITOPS = "Flux and Argo CD"


class Format(StrEnum):
    """The formats, by name; the engine's own list would have to import it at every start."""

    MANIFESTS = "manifests"
    FLUX = "flux"
    ARGOCD = "argocd"
    HELMFILE = "helmfile"


def render(
    stack: options.Stack = "",
    *,
    to: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="The folder to write: new, empty or rendered before.")
    ],
    form: Annotated[Format, typer.Option("--format", help="The tool that will apply the files.")] = Format.MANIFESTS,
    expand_charts: Annotated[
        bool, typer.Option("--expand-charts", help="Write the objects of Helm charts, made by `helm template`.")
    ] = False,
    repository: Annotated[
        str,
        typer.Option(
            metavar="URL", show_default=False, help="Repository of the files, for Argo CD.", rich_help_panel=_GITOPS
        ),
    ] = "",
    revision: Annotated[
        str, typer.Option(metavar="REVISION", help="What Argo CD follows in it.", rich_help_panel=_GITOPS)
    ] = "HEAD",
    at: Annotated[
        str,
        typer.Option(
            metavar="PATH",
            show_default=False,
            help="Where the files are in the repository. Default: --to, from the root of the checkout around it.",
            rich_help_panel=_GITOPS,
        ),
    ] = "",
    flux_source: Annotated[
        str,
        typer.Option(
            metavar="KIND/NAME",
            help="Flux's source; the default is what `flux bootstrap` makes.",
            rich_help_panel=_GITOPS,
        ),
    ] = "GitRepository/flux-system",
    stack_option: options.StackOption = "",
    program: options.Program = None,
    policy_pack: options.Pack = None,
    policy_pack_config: options.PackConfig = None,
    given: options.GivenFile = None,
    as_of: options.AsOf = "",
    catalog: options.CatalogFile = None,
    timeout: options.Timeout = options.TIMEOUT_S,
    verbose: options.Verbose = False,
    as_json: options.Json = False,
) -> int:
    """Write a program's Kubernetes objects, in their order, for kubectl, Flux, Argo CD or helmfile."""
    from meshwright.cli import findings
    from meshwright.cli.offline import Request, offline
    from meshwright.cli.preview import overlays_used

    options.set_facts(as_of, catalog)
    target = Target(form, at or _in_checkout(to), repository, revision, flux_source, expand_charts=expand_charts)
    target.check()
    run = offline(Request(stack or stack_option, program, policy_pack, given, timeout, policy_pack_config))
    if verbose:
        emit(run.graph.output, sys.stderr)
    rendering = None if run.report.blocks else write(run, to, target)
    if as_json:
        show_json(_content(run, to, rendering))
    elif rendering is None:
        show(findings.full(run))
        show([line(f"{findings.totals(run.report)}: nothing was written")])
    else:
        show(overlays_used())
        show(report(rendering, to))
        show([line(), line("next: ", next_step(to, rendering, target))])
    return int(run.report.blocks)


@dataclass(frozen=True)
class Target:
    """What the command line says of the tool that will apply the files."""

    form: Format = Format.MANIFESTS
    at: str = "."
    url: str = ""
    revision: str = "HEAD"
    source: str = "GitRepository/flux-system"
    expand_charts: bool = False

    def check(self) -> None:
        """Raise `OutputError` if Argo CD would not find the files (MW-E098), or helm is missing (MW-E100)."""
        from urllib.parse import urlsplit

        from meshwright.errors import Code, OutputError, Problem

        if self.form is Format.ARGOCD and not self.url:
            what = "an Application names its repository, and none was given"
            raise OutputError(Problem(Code.NO_REPOSITORY, what, "add --repository https://..."))
        if "://" in self.url and urlsplit(self.url).password:
            what = "--repository has a password in it, which would stand in the files"
            raise OutputError(Problem(Code.NO_REPOSITORY, what, "leave it out, and give it to Argo CD itself"))
        if self.expand_charts:
            self.helm()

    def helm(self) -> str:
        """The path of `helm`. Raises `OutputError`."""
        from meshwright.cli.offline import find_project
        from meshwright.engine.render.expand import find_helm

        return find_helm([find_project(Path.cwd()) / ".tools" / "bin"])


def write(run: "Offline", folder: Path, target: Target | None = None) -> "Rendering":
    """Render what an offline run found. Raises `OutputError`."""
    from meshwright.cli.progress import working
    from meshwright.engine import render as rendering
    from meshwright.engine.render.expand import expand

    target = target or Target()
    base = run.program_folder
    graph = run.graph
    if target.expand_charts:
        with working("expanding the charts"):
            graph = expand(graph, base, target.helm())
    repository = rendering.Repository(target.at, target.url, target.revision, target.source)
    made = rendering.render_as(graph, base, rendering.Tool(target.form), repository)
    rendering.write(made, folder)
    return made


def _in_checkout(folder: Path) -> str:
    """The folder's path from the root of the git checkout around it; without one, the path as it was given.

    An absolute path is nothing that a repository has: its own root stands for it.
    """
    full = folder.absolute()
    root = next((parent for parent in full.parents if (parent / ".git").exists()), None)
    if root:
        return full.relative_to(root).as_posix()
    return "." if folder.is_absolute() else folder.as_posix()


def report(rendering: "Rendering", folder: Path) -> Iterator[Line]:
    """Where the files are, what is in them, and what is not."""
    from meshwright.engine.render import REPORT

    counted = [
        plural(number, noun)
        for number, noun in (
            (rendering.releases, "Helm release"),
            (rendering.objects, "object"),
            (rendering.bundles, "bundle"),
        )
        if number
    ]
    what = f"{', '.join(counted)} in {plural(rendering.waves, 'wave')}" if counted else "nothing that can be a file"
    yield line((f"{folder}/", "bold"), f"  {what}")
    if rendering.patches:
        said = plural(len(rendering.patches), "patch").replace("patchs", "patches")
        yield line(f"  {said} for server-side apply: commands in {folder / REPORT}")
    if rendering.not_rendered:
        yield line(f"  {plural(len(rendering.not_rendered), 'resource')} not rendered: reasons in {folder / REPORT}")
    if rendering.differences:
        yield line(f"  {plural(len(rendering.differences), 'difference')} from `pulumi up`: see {folder / REPORT}")


def next_step(folder: Path, rendering: "Rendering | None" = None, target: Target | None = None) -> str:
    """How the files are applied: in order, and not all at once, since kubectl does not wait as Pulumi does."""
    target = target or Target()
    stack = rendering.stack if rendering else ""
    match target.form:
        case Format.FLUX:
            command = f"flux create kustomization {stack} --source={target.source} --path=./{target.at} --prune=true"
            return f"commit {folder}/, and once: `{command} --interval=1h`"
        case Format.ARGOCD:
            return f"commit {folder}/, and once: `kubectl apply -f {folder}/root.yaml`"
        case Format.HELMFILE:
            return f"`helmfile --file {folder}/helmfile.yaml sync`"
        case _:
            command = f"`kustomize build --enable-helm {folder}/wave-01 | kubectl apply --server-side -f -`"
            return f"wave by wave, each ready before the next: {command}"


def _content(run: "Offline", folder: Path, rendering: "Rendering | None") -> dict[str, Any]:
    from meshwright.cli import findings

    about = {"command": "render", "project": run.graph.project, "stack": run.settings.name, "folder": str(folder)}
    return {
        **about,
        "written": rendering is not None,
        "files": list(rendering.files) if rendering else [],
        "patches": list(rendering.patches) if rendering else [],
        "not_rendered": _remarks(rendering.not_rendered if rendering else ()),
        "differences": _remarks(rendering.differences if rendering else ()),
        **findings.as_json(run),
    }


def _remarks(remarks: tuple[Any, ...]) -> list[dict[str, str]]:
    return [{"urn": one.urn, "type": one.type, "name": one.name, "reason": one.text} for one in remarks]
