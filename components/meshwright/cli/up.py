"""`meshwright up`: check a stack, then hand over to `pulumi up`, or render it where that can't be."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meshwright.cli import options
from meshwright.cli.output import emit, line, show, show_json

if TYPE_CHECKING:
    from meshwright.cli.offline import Offline


def up(
    stack: options.Stack = "",
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Deploy without asking.")] = False,
    policy_pack: options.Pack = None,
    given: options.GivenFile = None,
    as_of: options.AsOf = "",
    catalog: options.CatalogFile = None,
    timeout: options.Timeout = options.TIMEOUT_S,
    verbose: options.Verbose = False,
    as_json: options.Json = False,
) -> int:
    """Preview and check a stack; then deploy it with Pulumi, or render it where no cluster can be reached.

    Deploying ends with the exit status of `pulumi up`, and with --json prints what that prints.
    """
    from meshwright.cli import findings, preview
    from meshwright.cli.offline import Request, offline

    options.set_facts(as_of, catalog)
    run = offline(Request(stack, pack=policy_pack, given=given, timeout_s=timeout))
    if verbose:
        emit(run.graph.output, sys.stderr)
    if run.report.blocks:
        if as_json:
            show_json({**preview.content(run), "command": "up", "deploys": False, "folder": ""})
        else:
            show([*findings.full(run), line(f"{findings.totals(run.report)}: nothing was deployed or written")])
        return 1
    if not as_json:
        show(preview.report(run))
    obstacle = _obstacle(run)
    if not obstacle and (yes or _agreed(run, as_json=as_json)):
        return _deploy(run, policy_pack, yes=yes, as_json=as_json)
    return _render(run, obstacle or "you did not say yes", as_json=as_json)


def _obstacle(run: "Offline") -> str:
    """Why `pulumi up` can't be run, as half a sentence; empty if it can."""
    from meshwright.cli.cluster import unreachable

    if shutil.which("pulumi") is None:
        return "pulumi is not on PATH"
    cluster = getattr(run.config.mesh, "cluster", None) if run.config else None
    if cluster is not None and cluster.stack:
        return ""  # another stack's output says where the cluster is: only Pulumi can ask for it
    return unreachable(getattr(cluster, "context", None), getattr(cluster, "kubeconfig", None))


def _agreed(run: "Offline", *, as_json: bool) -> bool:
    if as_json or not sys.stdin.isatty():
        return False
    return typer.confirm(f"\nRun `pulumi up` for {run.settings.name} now?", default=False)


def _deploy(run: "Offline", policy_pack: Path | None, *, yes: bool, as_json: bool) -> int:
    """Hand over to Pulumi, with the same pack; its own preview and question come first unless `yes`."""
    pack = policy_pack or run.project.root / "policy"
    command = ["pulumi", "up", "--stack", run.settings.name, "--cwd", str(run.project.root)]
    command += ["--policy-pack", str(pack.absolute())] if (pack / "PulumiPolicy.yaml").is_file() else []
    command += ["--yes"] if yes else []
    command += ["--json"] if as_json else []
    return subprocess.run(command, check=False).returncode


def _render(run: "Offline", obstacle: str, *, as_json: bool) -> int:
    from meshwright.cli import places, preview, render

    folder = Path(places.relative(str(run.project.root / "out" / run.settings.name)))
    rendering = render.write(run, folder)
    if as_json:
        show_json({**preview.content(run), "command": "up", "deploys": False, "folder": str(folder)})
        return 0
    show([line(), line(f"not deployed: {obstacle}. Rendered instead:")])
    show(render.report(rendering, folder))
    show([line(), line("then: ", render.next_step(folder))])
    show([line(f"or, with Pulumi and the cluster at hand: `meshwright up {run.settings.name}`")])
    return 0
