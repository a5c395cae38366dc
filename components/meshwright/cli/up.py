"""`meshwright up`: check a stack, then hand over to `pulumi up`, or render it where that can't be."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meshwright.cli import options
from meshwright.cli.output import emit, line, show, show_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from meshwright.cli.offline import Offline, Request


def up(
    stack: options.Stack = "",
    *,
    stack_option: options.StackOption = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Deploy without asking.")] = False,
    policy_pack: options.Pack = None,
    policy_pack_config: options.PackConfig = None,
    given: options.GivenFile = None,
    as_of: options.AsOf = "",
    catalog: options.CatalogFile = None,
    timeout: options.Timeout = options.TIMEOUT_S,
    verbose: options.Verbose = False,
    as_json: options.Json = False,
) -> int:
    """Preview and check a stack; then deploy it with Pulumi, or render it where no cluster can be reached.

    Deploying ends with the exit status of `pulumi up`, and with --json prints what that prints. It is always judged by
    today, whatever --as-of says.
    """
    from meshwright.cli import preview
    from meshwright.cli.offline import Request, offline
    from meshwright.config.clock import is_pinned, today

    options.set_facts(as_of, catalog)
    request = Request(stack or stack_option, None, policy_pack, given, timeout, policy_pack_config)
    run = offline(request)
    if verbose:
        emit(run.graph.output, sys.stderr)
    if run.report.blocks:
        return _stop(run, as_json=as_json)
    if not as_json:
        show(preview.report(run))
    obstacle = _obstacle(run)
    if not obstacle and (yes or _can_ask(as_json=as_json)):
        if is_pinned():
            with _today():
                now = offline(request)
                if now.report.blocks:
                    return _stop(now, f"judged by today, {today()}, as a deployment is: ", as_json=as_json)
        if yes or _agreed(run):
            obstacle = _no_stack(run)
            if not obstacle:
                return _deploy(run, request, yes=yes, as_json=as_json)
    return _render(run, obstacle or "you did not say yes", as_json=as_json)


@contextmanager
def _today() -> "Iterator[None]":
    """Today is today, whatever --as-of says."""
    from meshwright.config.clock import VARIABLE

    pinned = os.environ.pop(VARIABLE)
    try:
        yield
    finally:
        os.environ[VARIABLE] = pinned


def _stop(run: "Offline", why: str = "", *, as_json: bool) -> int:
    """Say what policy finds, and that it ends here."""
    from meshwright.cli import findings, preview

    if as_json:
        show_json({**preview.content(run), "command": "up", "deploys": False, "folder": ""})
    else:
        show([*findings.full(run), line(f"{why}{findings.totals(run.report)}: nothing was deployed or written")])
    return 1


def _obstacle(run: "Offline") -> str:
    """Why `pulumi up` can't be run, as half a sentence; empty if it can."""
    from meshwright.cli.cluster import unreachable

    if shutil.which("pulumi") is None:
        return "pulumi is not on PATH"
    cluster = getattr(run.config.mesh, "cluster", None) if run.config else None
    if cluster is not None and cluster.stack:
        return ""  # another stack's output says where the cluster is: only Pulumi can ask for it
    kubeconfig = getattr(cluster, "kubeconfig", None)
    if kubeconfig:
        kubeconfig = str(run.project.root / Path(kubeconfig).expanduser())
    return unreachable(getattr(cluster, "context", None), kubeconfig)


def _can_ask(*, as_json: bool) -> bool:
    return not as_json and sys.stdin.isatty()


def _agreed(run: "Offline") -> bool:
    return typer.confirm(f"\nRun `pulumi up` for {run.settings.name} now?", default=False)


def _no_stack(run: "Offline") -> str:
    """Why Pulumi's backend doesn't have the stack, as half a sentence; one that it lacks is created, if that can be."""
    # What it says goes to standard error: it may ask for a passphrase, and --json promises JSON alone.
    ended = _pulumi(run, "stack", "select", "--create", to=sys.__stderr__)
    return f"`pulumi stack select --create` ended with status {ended}, and says why above" if ended else ""


def _deploy(run: "Offline", request: "Request", *, yes: bool, as_json: bool) -> int:
    """Hand over to Pulumi, with the same pack; its own preview and question come first unless `yes`."""
    from meshwright.cli.offline import pack_rules

    pack = request.pack or run.project.root / "policy"
    more = [*(["--yes"] if yes else []), *(["--json"] if as_json else [])]
    with tempfile.TemporaryDirectory(prefix="meshwright-") as folder:
        judging = ["--policy-pack", str(pack.absolute())] if (pack / "PulumiPolicy.yaml").is_file() else []
        if judging and request.pack_config:
            config = Path(folder) / "policy-pack-config.json"  # Pulumi takes JSON alone
            config.write_text(json.dumps(pack_rules(request.pack_config)))
            judging += ["--policy-pack-config", str(config)]
        return _pulumi(run, "up", *judging, *more)


def _pulumi(run: "Offline", *arguments: str, to: "TextIO | None" = None) -> int:
    """Run `pulumi` for the stack, with the real clock; returns its exit status."""
    from meshwright.config.clock import VARIABLE

    command = ["pulumi", *arguments, "--stack", run.settings.name, "--cwd", str(run.project.root)]
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    return subprocess.run(command, check=False, env=environment, stdout=to).returncode


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
