"""Programs in processes of their own: unmodified, hostile, or both."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pulumi
import pytest

from meshwright.engine.given import Given, Invoke
from meshwright.engine.graph import UNKNOWN, Graph, Note, Secret
from meshwright.engine.project import Project, load_project
from meshwright.engine.run import FailedProgramError, run_program
from meshwright.engine.stack import UNKNOWN_TEXT, StackSettings, load_stack_settings

from .conftest import MakeProject

PROGRAMS = Path(__file__).parents[2] / "programs"
DEV = StackSettings("dev")


def failure(project: Project, settings: StackSettings = DEV, timeout_s: float = 60) -> FailedProgramError:
    with pytest.raises(FailedProgramError) as caught:
        run_program(project, settings, timeout_s=timeout_s)
    return caught.value


def alive(process: int) -> bool:
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@pytest.fixture(scope="module")
def composed() -> Graph:
    project = load_project(PROGRAMS / "composed")
    return run_program(project, load_stack_settings(project, "dev"))


def test_the_graph_of_a_program(composed: Graph) -> None:
    stack = "urn:pulumi:dev::composed::"
    team = "shop:index:Team"
    web, api = (f"{stack}{team}::{name}" for name in ("web", "api"))
    namespace = f"{stack}{team}$kubernetes:core/v1:Namespace::web-ns"
    settings = f"{stack}{team}$shop:index:Inner$kubernetes:core/v1:ConfigMap::web-settings"
    provider = f"{stack}pulumi:providers:kubernetes::cluster"
    by_urn = {resource.urn: resource for resource in composed}
    assert len(by_urn) == 11
    assert by_urn[web].inputs == {"size": 4, "token": Secret("t")}
    assert by_urn[web].outputs == {"settings": UNKNOWN, "token": Secret("t")}
    assert by_urn[settings].inputs == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": "web"},
        "data": {"id": UNKNOWN, "key": Secret("k")},
    }
    assert by_urn[settings].parent == f"{stack}{team}$shop:index:Inner::web-inner"
    assert by_urn[settings].dependencies == (namespace,)
    assert by_urn[settings].property_dependencies == {"data": (namespace,), "metadata": (namespace,)}
    assert (by_urn[settings].provider, by_urn[settings].options.protect) == (provider, True)
    assert by_urn[api].options.retain_on_delete
    assert namespace in by_urn[api].dependencies
    options = by_urn[f"{stack}kubernetes:core/v1:ConfigMap::options"].options
    assert options.aliases == ("name=older", f"parent={web}")
    assert composed.outputs == {
        "labels": {"team": "web", "tier": 1.3},
        "id": UNKNOWN,
        "token": Secret("t"),
    }


def test_source_positions_are_in_the_program(composed: Graph) -> None:
    file = str(PROGRAMS / "composed/__main__.py")
    lines = Path(file).read_text().splitlines()
    found = {
        item.name: lines[item.source.line - 1].strip() for item in composed if item.source and item.source.file == file
    }
    assert found["web"] == 'web = Team("web", ResourceOptions(protect=True, providers=[provider]))'
    assert found["web-ns"].startswith("self.namespace = kubernetes.core.v1.Namespace(")


def test_a_program_finds_what_it_finds_under_pulumi(make_project: MakeProject, tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("VALUE = 1")
    (tmp_path / "monitor.py").write_text("VALUE = 2")
    project = make_project(
        """
        import os, sys
        import helper, monitor
        import pulumi

        seen = {"argv": sys.argv, "path": sys.path[0], "cwd": os.getcwd(), "name": __name__}
        seen |= {"values": [helper.VALUE, monitor.VALUE], "config": "PULUMI_CONFIG" in os.environ}
        seen |= {"project": pulumi.get_project(), "stack": pulumi.get_stack(), "preview": pulumi.runtime.is_dry_run()}
        seen |= {"organization": pulumi.get_organization(), "root": pulumi.runtime.get_root_directory()}
        seen |= {"passphrase": os.environ.get("PULUMI_CONFIG_PASSPHRASE"), "stdin": sys.stdin.read()}
        pulumi.export("seen", {key: str(value) for key, value in seen.items()})
        """
    )
    assert run_program(project, StackSettings("dev", "acme")).outputs["seen"] == {
        "argv": "['.']",
        "path": ".",
        "cwd": str(tmp_path),
        "name": "__main__",
        "values": "[1, 2]",
        "config": "False",
        "project": "shop",
        "stack": "dev",
        "preview": "True",
        "organization": "acme",
        "root": str(tmp_path),
        "passphrase": "None",
        "stdin": "",
    }


def test_a_program_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks/app.py").write_text("import os, sys, pulumi; pulumi.export('at', [sys.argv[0], os.getcwd()])")
    (tmp_path / "Pulumi.yaml").write_text("{name: shop, runtime: python, main: stacks/app.py}")
    outputs = run_program(load_project(tmp_path), DEV).outputs
    assert outputs == {"at": ["app.py", str(tmp_path / "stacks")]}


def test_the_environment_of_the_program(make_project: MakeProject, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    site = next((tmp_path / "venv/lib").glob("python*/site-packages"))
    text = "name: shop\nruntime: {name: python, options: {virtualenv: venv}}\n"
    make_project("import os, sys, pulumi; pulumi.export('env', [os.environ['VIRTUAL_ENV'], sys.prefix])")
    (tmp_path / "Pulumi.yaml").write_text(text)
    (site / "pulumi").mkdir()
    caught = failure(load_project(tmp_path), StackSettings("dev", config={"shop:never-read": "x" * 300_000}))
    assert str(caught) == (
        "the program's interpreter can't import Pulumi: No module named 'pulumi.runtime'; "
        "install it there: pip install pulumi (MW-E071)"
    )
    (site / "pulumi").rmdir()
    installed = Path(pulumi.__file__ or "").parent
    (site / "pulumi").symlink_to(installed)
    (site / "all.pth").write_text(str(installed.parent))
    outputs = run_program(load_project(tmp_path), DEV).outputs
    assert outputs == {"env": [str(tmp_path / "venv"), str(tmp_path / "venv")]}


def test_an_interpreter_that_cannot_be_started(make_project: MakeProject, tmp_path: Path) -> None:
    make_project()
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/lib/python3/site-packages/pulumi").mkdir(parents=True)
    (tmp_path / "venv/bin/python").write_text("not a program")
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: {name: python, options: {virtualenv: venv}}\n")
    python = tmp_path / "venv/bin/python"
    assert str(failure(load_project(tmp_path))) == (
        f"{tmp_path}/Pulumi.yaml: {python} can't be started (Permission denied); "
        "create the virtual environment again (MW-E071)"
    )


def test_config_secrets_and_given_values_reach_the_program(make_project: MakeProject) -> None:
    project = make_project(
        """
        import pulumi
        config = pulumi.Config()
        pulumi.export("name", config.require("name"))
        pulumi.export("token", config.require_secret("token"))
        pulumi.export("unknown", config.require_secret("unknown"))
        pulumi.export("region", pulumi.runtime.invoke("a:b:c", {}).value)
        pulumi.export("vpc", pulumi.StackReference("acme/net/prod").get_output("vpc"))
        """
    )
    values = {"shop:name": "x" * 300_000, "shop:token": "t", "shop:unknown": UNKNOWN_TEXT}
    settings = StackSettings("dev", config=values, secret_keys=frozenset({"shop:token", "shop:unknown"}))
    given = Given({"acme/net/prod": {"vpc": Secret("vpc-1")}}, (Invoke("a:b:c", {"id": "eu"}),))
    assert run_program(project, settings, given).outputs == {
        "name": "x" * 300_000,
        "token": Secret("t"),
        "unknown": Secret(UNKNOWN),
        "region": {"id": "eu"},
        "vpc": Secret("vpc-1"),
    }


def test_environments_are_noted(make_project: MakeProject) -> None:
    graph = run_program(make_project(), StackSettings("dev", environments=("prod",)))
    assert graph.notes == (Note("environment prod", "its values are unknown offline: it is kept by Pulumi ESC"),)


@pytest.mark.parametrize(
    ("by_passphrase", "why"),
    [
        (True, "it is encrypted; set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE to have it decrypted"),
        (False, "the stack's secrets provider encrypted it, and is not asked offline"),
    ],
)
def test_secrets_that_nobody_decrypted_are_noted(make_project: MakeProject, by_passphrase: bool, why: str) -> None:
    keys = frozenset({"shop:token"})
    config = {"shop:token": UNKNOWN_TEXT}
    settings = StackSettings("dev", config=config, secret_keys=keys, unknown_keys=keys, by_passphrase=by_passphrase)
    project = make_project("import pulumi\ntoken = pulumi.Config().require('token')\nprint(token)\npulumi.warn(token)")
    graph = run_program(project, settings)
    assert graph.notes == (Note("config shop:token", f"this secret is unknown: {why}"),)
    assert (graph.output, [log.message for log in graph.logs]) == ("[unknown]\n", ["[unknown]"])


def test_a_required_output_that_was_not_given_is_named(make_project: MakeProject, tmp_path: Path) -> None:
    project = make_project(
        """
        import pulumi
        network = pulumi.StackReference("network", stack_name="acme/net/prod")
        pulumi.export("vpc", network.require_output("vpc"))
        pulumi.export("none", network.get_output("zzz"))
        pulumi.export("unknown", pulumi.StackReference("acme/dns/prod").require_output("zone"))
        """
    )
    given = Given({"acme/net/prod": {"vpc": Secret("vpc-1")}})
    assert run_program(project, DEV, given).outputs == {"vpc": Secret("vpc-1"), "unknown": UNKNOWN}
    with pytest.raises(FailedProgramError) as caught:
        run_program(project, DEV, Given({"acme/net/prod": {"id": "vpc-1"}}))
    assert str(caught.value) == (
        f"{tmp_path}/__main__.py:4: the program requires output 'vpc' of stack acme/net/prod, and it is not among "
        "those given for it; add `vpc` under `stacks: acme/net/prod:` in the file for --with (MW-E069)"
    )


SECRETS = {
    "token": "s3cr3t",
    "key": 'two\nlines of a "key"',
    "login": '{"user": "ada", "password": "hunter2"}',
    "pin": "12",
}


@pytest.mark.parametrize("end", ["", "raise ValueError(text)", "sys.exit(text)", "raise pulumi.RunError(text)"])
def test_secrets_are_in_nothing_that_the_program_says(make_project: MakeProject, end: str) -> None:
    program = f"""
        import json, sys, pulumi
        config = pulumi.Config()
        found = [config.require(name) for name in ("token", "key", "pin")] + [config.require_object("login")]
        text = " ".join([*found[:2], repr(found), json.dumps(found)])
        print(text)
        print(text, file=sys.stderr)
        pulumi.warn(text)
        def tell(vpc):
            print(vpc["id"])
            pulumi.info("vpc " + vpc["id"])
            {end}
        pulumi.StackReference("acme/net/prod").get_output("vpc").apply(tell)
        """
    values = {f"shop:{name}": value for name, value in SECRETS.items()}
    settings = StackSettings("dev", config=values, secret_keys=frozenset(values), secrets=frozenset(SECRETS.values()))
    given = Given({"acme/net/prod": {"vpc": Secret({"id": "vpc-0123"})}})
    if end:
        with pytest.raises(FailedProgramError) as caught:
            run_program(make_project(program), settings, given)
        said = [str(caught.value), caught.value.traceback, caught.value.output]
    else:
        graph = run_program(make_project(program), settings, given)
        said = [graph.output, *(log.message for log in graph.logs)]
    for text in filter(None, said):
        assert not [word for word in ("s3cr3t", "two", "lines of", "hunter2", "vpc-0123") if word in text], text
        assert "[secret]" in text
    assert "'12'" in said[0] + said[-1]


def test_a_secret_at_the_cut_of_the_output(make_project: MakeProject) -> None:
    secret = "0123456789"
    project = make_project(f"print('x' * (256 * 1024 - 5) + '{secret}' + 'y' * 85)")
    output = run_program(project, StackSettings("dev", secrets=frozenset({secret}))).output
    assert output == "x" * (256 * 1024 - 10) + "\n[101 more bytes were printed]\n"


def test_output_is_kept_apart_and_cut(make_project: MakeProject) -> None:
    project = make_project("import sys\nfor i in range(10):\n  print('x' * 99_999)\n  print('e', file=sys.stderr)")
    graph = run_program(project, DEV)
    assert (len(graph.resources), graph.outputs) == (1, {})
    assert graph.output == ("x" * 99_999 + "\ne\n") * 2 + "x" * (256 * 1024 - 200_004) + (
        f"\n[{10 * 100_002 - 256 * 1024} more bytes were printed]\n"
    )


def test_exit_without_an_error_is_success(make_project: MakeProject) -> None:
    graph = run_program(make_project("import sys, pulumi\npulumi.export('a', 1)\nsys.exit()"), DEV)
    assert graph.outputs == {"a": 1}


ENDS = {
    "sys.exit(3)": "the program exited with status 3; it printed nothing (MW-E062)",
    "sys.exit('no')": "the program exited and said: no; it printed nothing (MW-E062)",
    "pulumi.log.error('no network'); pulumi.log.info('bye'); sys.exit(1)": (
        "the program exited with status 1; it logged: no network (MW-E062)"
    ),
    "os._exit(0)": "the program's process exited with status 0 before the program was done; it printed nothing (MW-E062)",
    "print('last'); os._exit(7)": (
        "the program's process exited with status 7 before the program was done; "
        "the last that it printed is: last (MW-E062)"
    ),
    "os.kill(os.getpid(), 9)": "the program's process was ended by SIGKILL; it printed nothing (MW-E062)",
    "os.kill(os.getpid(), 40)": "the program's process was ended by signal 40; it printed nothing (MW-E062)",
    "os.kill(os.getppid(), 9); time.sleep(30)": (
        "the program's process ended without a word; it printed nothing (MW-E062)"
    ),
    "raise pulumi.RunError('bad')": "error: bad",
    "raise pulumi.RunError('a.yaml:1: x; y (MW-E014)\\nb: z; w (MW-E099)')": "a.yaml:1: x; y (MW-E014)\nb: z; w (MW-E099)",
    "raise KeyboardInterrupt": "{file}:2: KeyboardInterrupt; correct the program; --verbose shows the traceback (MW-E060)",
    "{}['x']": "{file}:2: KeyError: 'x'; correct the program; --verbose shows the traceback (MW-E060)",
    "raise ValueError('bad hub\\n  in line 3\\nsee the docs')": (
        "{file}:2: ValueError: bad hub; correct the program; --verbose shows the traceback (MW-E060)"
    ),
    "raise ValueError('\\nbad hub\\nsee the docs')": (
        "{file}:2: ValueError: bad hub; correct the program; --verbose shows the traceback (MW-E060)"
    ),
    "e = ValueError('bad'); e.add_note('a note'); raise e": (
        "{file}:2: ValueError: bad; correct the program; --verbose shows the traceback (MW-E060)"
    ),
    "import nothing": (
        "{file}:2: ModuleNotFoundError: No module named 'nothing'; "
        "correct the program; --verbose shows the traceback (MW-E060)"
    ),
    "def f(:": "{file}:2: SyntaxError: invalid syntax; correct the program; --verbose shows the traceback (MW-E060)",
    "pulumi.export('a', pulumi.Output.from_input(1).apply(lambda a: a / 0))": (
        "{file}:2: ZeroDivisionError: division by zero; correct the program; --verbose shows the traceback (MW-E060)"
    ),
    "pulumi.Config().require('a')": (
        "error: Missing required configuration variable 'shop:a' "
        "please set a value using the command `pulumi config set shop:a <value>`"
    ),
    "pulumi.Config().require_int('token')": (
        "Configuration 'shop:token' value '[unknown]' is not a valid 'int'; "
        "this value is unknown offline: set PULUMI_CONFIG_PASSPHRASE, or read it with `require_secret` (MW-E060)"
    ),
    "pulumi.ComponentResource('a', 'b'); pulumi.ComponentResource('a', 'b')": (
        "{file}:2: Duplicate resource URN 'urn:pulumi:dev::shop::a::b' (the first is at {file}:2); "
        "try giving it a unique name (MW-E061)"
    ),
    "os.write(int(open('/proc/self/cmdline').read().split('\\0')[-2]), b'no json\\n')": (
        "the program's process sent what no Pulumi program sends; check what it writes to (MW-E072)"
    ),
}


@pytest.mark.parametrize(("statement", "message"), ENDS.items(), ids=list(ENDS))
def test_a_program_that_does_not_end_well(
    statement: str, message: str, make_project: MakeProject, tmp_path: Path
) -> None:
    project = make_project(f"import os, sys, time, pulumi\n{statement}\n")
    settings = StackSettings("dev", config={"shop:token": UNKNOWN_TEXT}, secret_keys=frozenset({"shop:token"}))
    caught = failure(project, settings)
    expected = message.replace("{file}", str(tmp_path / "__main__.py"))
    assert str(caught) == expected


def test_a_traceback_begins_with_the_program(make_project: MakeProject, tmp_path: Path) -> None:
    caught = failure(make_project("import pulumi\nprint('before')\nraise ValueError('no')"))
    assert caught.traceback.splitlines()[:2] == [
        "Traceback (most recent call last):",
        f'  File "{tmp_path}/__main__.py", line 3, in <module>',
    ]
    assert caught.output == "before\n"


def test_the_place_is_the_deepest_line_of_the_project(make_project: MakeProject, tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("import json\ndef f():\n    json.loads('{')\n")
    assert str(failure(make_project("import helper\nhelper.f()"))).startswith(f"{tmp_path}/helper.py:3: json.decoder.")


def test_a_loop_ends_with_the_time(make_project: MakeProject) -> None:
    started = time.monotonic()
    caught = failure(make_project("while True: pass"), timeout_s=1)
    assert str(caught) == (
        "the program didn't end within 1 s, and was ended with all that it started; "
        "check for a loop or a wait, or allow it more time (MW-E063)"
    )
    assert time.monotonic() - started < 10


def test_a_process_that_does_not_listen_is_ended(make_project: MakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshwright.engine.run._GRACE_S", 0.2)
    project = make_project("import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)\nwhile True: pass")
    assert "didn't end within 1 s" in str(failure(project, timeout_s=1))


def test_too_many_messages(make_project: MakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshwright.engine.run._MOST_RESULT", 10)
    expected = "the program registers more than 1 GB; keep large data in files (MW-E072)"
    assert str(failure(make_project())) == expected


LEAVES = """
import os, pathlib, signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
processes = [subprocess.Popen(["sleep", "300"], start_new_session=True).pid]
for _ in range(3):
    if (child := os.fork()) == 0:
        os.setsid()
        if (grandchild := os.fork()) == 0:
            signal.pause()
        pathlib.Path(f"left-{grandchild}").touch()
        os._exit(0)
    os.waitpid(child, 0)
pathlib.Path(f"left-{processes[0]}").touch()
"""


@pytest.mark.parametrize("ending", ["", "time.sleep(300)", "os._exit(1)", "raise ValueError"])
def test_nothing_is_left_running(ending: str, make_project: MakeProject, tmp_path: Path) -> None:
    project = make_project(LEAVES + ending)
    if ending:
        failure(project, timeout_s=5 if "sleep" in ending else 60)
    else:
        assert len(run_program(project, DEV).resources) == 1
    left = [int(path.name.removeprefix("left-")) for path in tmp_path.glob("left-*")]
    assert len(left) == 4
    assert [process for process in left if alive(process)] == []


def test_a_program_ends_when_the_one_who_asked_is_gone(make_project: MakeProject, tmp_path: Path) -> None:
    make_project("import os, pathlib, time\npathlib.Path('pid').write_text(str(os.getpid()))\ntime.sleep(300)")
    script = (
        "import sys; from pathlib import Path; from meshwright.engine.project import load_project;"
        "from meshwright.engine.run import run_program; from meshwright.engine.stack import StackSettings;"
        "run_program(load_project(Path(sys.argv[1])), StackSettings('dev'))"
    )
    asking = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)])
    file = tmp_path / "pid"
    for _ in range(200):
        if file.is_file() and file.read_text():
            break
        time.sleep(0.05)
    program = int(file.read_text())
    asking.send_signal(signal.SIGKILL)
    asking.wait()
    for _ in range(100):
        if not alive(program):
            break
        time.sleep(0.05)
    assert not alive(program)


def test_a_forked_copy_of_the_program_sends_nothing(make_project: MakeProject) -> None:
    project = make_project(
        """
        import os, pulumi
        for index in range(300):
            pulumi.ComponentResource("a:b:C", f"c-{index}", {"text": "x" * 1000})
        async def main():
            if os.fork() == 0:
                os._exit(0)
            return {"a": 1}
        pulumi.run(main)
        if os.fork() == 0:
            pulumi.export("b", 2)
        """
    )
    graph = run_program(project, DEV)
    assert (len(graph.resources), graph.outputs) == (301, {"a": 1})


def test_nothing_secret_is_on_the_command_line(make_project: MakeProject) -> None:
    project = make_project(
        """
        import os, pathlib, pulumi
        watching, own = pathlib.Path(f"/proc/{os.getppid()}"), pathlib.Path("/proc/self")
        text = b"".join((process / name).read_bytes() for process in (watching, own) for name in ("cmdline", "environ"))
        pulumi.export("found", b"very-secret" in text)
        """
    )
    settings = StackSettings("dev", config={"shop:a": "very-secret"}, secret_keys=frozenset({"shop:a"}))
    assert run_program(project, settings).outputs == {"found": False}


def test_the_same_program_gives_the_same_graph(composed: Graph) -> None:
    project = load_project(PROGRAMS / "composed")
    assert run_program(project, load_stack_settings(project, "dev")) == composed
