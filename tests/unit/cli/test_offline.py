"""One offline run: which project, stack, mesh and pack; and real programs from end to end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from meshwright.cli.offline import choose_stack, find_project, pack_folder
from meshwright.engine.project import load_project
from meshwright.errors import ConfigError

if TYPE_CHECKING:
    from tests.unit.cli.test_preview import Command

PROGRAM = """\
import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap, Secret

print("a word from the program")
ConfigMap("settings", metadata={"name": "settings", "namespace": "shop"}, data={"on": "yes"})
Secret("key", metadata={"name": "key", "namespace": "shop"}, string_data={"key": pulumi.Output.secret("s3cr3t")})
"""
RULE = """\
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy


def check(args, report):
    if args.resource_type == "kubernetes:core/v1:ConfigMap":
        report("no ConfigMaps here")


PolicyPack("strict", [ResourceValidationPolicy("no-config-maps", "No ConfigMaps.", check, EnforcementLevel.MANDATORY)])
"""


def _project(folder: Path, *stacks: str, program: str = PROGRAM, config: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "Pulumi.yaml").write_text(f"name: {'meshwright' if config else 'shop'}\nruntime: python\n{config}")
    (folder / "__main__.py").write_text(program)
    for name in stacks:
        (folder / f"Pulumi.{name}.yaml").write_text("config: {}\n")
    return folder


def test_a_project_is_found_upwards(tmp_path: Path) -> None:
    root = _project(tmp_path / "shop")
    (root / "a" / "b").mkdir(parents=True)
    assert find_project(root / "a" / "b") == root
    assert find_project(tmp_path) == tmp_path


@pytest.mark.parametrize(
    ("stacks", "named", "environment", "program_given", "chosen"),
    [
        (["dev", "prod"], "prod", "dev", False, "prod"),
        (["dev", "prod"], "", "dev", False, "dev"),
        (["prod"], "", "", False, "prod"),
        ([], "", "", True, "dev"),
    ],
)
def test_which_stack(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stacks: list[str],
    named: str,
    environment: str,
    program_given: bool,
    chosen: str,
) -> None:
    monkeypatch.setenv("PULUMI_STACK", environment)
    project = load_project(_project(tmp_path / "shop", *stacks))
    assert choose_stack(project, named, program_given=program_given) == chosen


@pytest.mark.parametrize(
    ("stacks", "remedy"), [(["dev", "prod"], "name one of: dev, prod"), ([], "create Pulumi.dev.yaml")]
)
def test_no_stack_to_choose(tmp_path: Path, stacks: list[str], remedy: str) -> None:
    project = load_project(_project(tmp_path / "shop", *stacks))
    with pytest.raises(ConfigError) as caught:
        choose_stack(project, "")
    assert str(caught.value) == f"{tmp_path}/shop: no stack was named; {remedy} (MW-E097)"


def test_which_pack(tmp_path: Path) -> None:
    project = load_project(_project(tmp_path / "shop"))
    with pack_folder(project, None) as folder:
        assert "meshwright_policy" in (folder / "__main__.py").read_text()
    assert not folder.exists()
    own = project.root / "policy"
    own.mkdir()
    (own / "PulumiPolicy.yaml").touch()
    with pack_folder(project, None) as folder:
        assert folder == own
    with pack_folder(project, tmp_path / "other") as folder:
        assert folder == tmp_path / "other"


def test_every_mistake_of_a_mesh_at_once(meshwright: Command) -> None:
    _project(Path(), config="config: {meshwright:mesh: {type: object}}\n")
    Path("Pulumi.dev.yaml").write_text("config:\n  meshwright:mesh:\n    kind: istio-ambient\n    verison: '1.31'\n")
    status, out, err = meshwright("preview")
    assert (status, out) == (2, "")
    assert len(err.splitlines()) > 1
    assert all(line.startswith("Pulumi.dev.yaml:") for line in err.splitlines())


def test_an_empty_stack_file_of_a_mesh(meshwright: Command) -> None:
    _project(Path(), config="config: {meshwright:mesh: {type: object}}\n")
    Path("Pulumi.dev.yaml").touch()
    assert meshwright("preview")[2].startswith("Pulumi.dev.yaml: the file is empty")


def test_a_stack_that_is_not_there(meshwright: Command) -> None:
    _project(Path(), "dev")
    assert meshwright("preview", "prod")[2].endswith("there is no stack 'prod'; one of: dev (MW-E067)\n")


def test_a_program_from_end_to_end(meshwright: Command) -> None:
    _project(Path("shop"))
    Path("given.yaml").write_text("stacks: {}\n")
    status, out, err = meshwright("render", "--program", "shop", "--to", "out", "--with", "given.yaml", "--verbose")
    assert (status, err) == (0, "a word from the program\n")
    assert out.splitlines()[:2] == [
        "out/  1 object in 1 wave",
        "  1 resource not rendered: reasons in out/NOT-RENDERED.md",
    ]
    assert Path("out/wave-01/configmap-shop-settings.yaml").read_text().endswith('data:\n  "on": "yes"\n')
    assert not any(b"s3cr3t" in path.read_bytes() for path in Path("out").rglob("*") if path.is_file())


def test_a_pack_of_the_users_that_stops_a_program(meshwright: Command) -> None:
    _project(Path("shop"), "prod")
    Path("pack").mkdir()
    Path("pack/PulumiPolicy.yaml").write_text("name: strict\nruntime: python\n")
    Path("pack/__main__.py").write_text(RULE)
    status, out, _ = meshwright("gate", "--program", "shop/", "-s", "prod", "--policy-pack", "pack", "--json")
    content = json.loads(out)
    assert status == 1
    assert (content["stack"], content["policy"]["pack"]) == ("prod", "strict")
    assert [(each["rule"], each["place"]) for each in content["findings"]] == [("no-config-maps", "shop/__main__.py:5")]


def test_a_program_that_raises(meshwright: Command) -> None:
    _project(Path("shop"), program="import pulumi\nraise pulumi.RunError('no region')\n")
    assert meshwright("preview", "--program", "shop")[::2] == (2, "error: no region\n")


RULES = '{"no-config-maps": "advisory"}'


@pytest.mark.parametrize("text", [RULES, "no-config-maps:\n  enforcementLevel: advisory\n"])
def test_levels_of_rules_from_a_file(meshwright: Command, text: str) -> None:
    _project(Path("shop"), "prod")
    Path("shop/policy").mkdir()
    Path("shop/policy/PulumiPolicy.yaml").write_text("name: strict\nruntime: python\n")
    Path("shop/policy/__main__.py").write_text(RULE)
    Path("rules").write_text(text)
    given = ("--program", "shop", "--policy-pack-config", "rules")
    assert meshwright("gate", "--program", "shop")[0] == 1
    assert meshwright("gate", *given)[0] == 0
    assert meshwright("preview", *given)[0] == 0
    assert meshwright("render", "--to", "out", *given)[0] == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "rules: can't be read (No such file or directory); check the path (MW-E084)"),
        ("{", "rules:1: isn't YAML that Pulumi reads: "),
        *(
            (
                text,
                (
                    "rules: is not a mapping of rules to levels and options; "
                    'write `{"RULE": {"enforcementLevel": "advisory"}}` (MW-E084)'
                ),
            )
            for text in ("", "[]", "null")
        ),
        ("{}", ""),
        ('{"nothing": "advisory"}', "the configuration of the pack doesn't fit: it has no rule 'nothing'; one of: "),
    ],
)
def test_a_file_of_rules_that_does_not_fit(meshwright: Command, text: str | None, said: str) -> None:
    _project(Path("shop"), "prod")
    if text is not None:
        Path("rules").write_text(text)
    status, _, err = meshwright("preview", "--program", "shop", "--policy-pack-config", "rules")
    assert status == (2 if said else 0)
    assert said in err
    assert err.count("\n") == (1 if said else 0)


def test_a_decrypted_secret_is_never_shown(meshwright: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    program = 'import pulumi\ntoken = pulumi.Config().require("token")\npulumi.warn(token)\nprint(token)\n'
    _project(Path("shop"), program=program)
    Path("shop/Pulumi.dev.yaml").write_text(
        "encryptionsalt: v1:BI/bPVJ+tIg=:v1:HvYzBRQ3DCgbos6Z:L5nfStdnEPCZXNblC1uovDRX2PdvoQ==\n"
        "config: {token: {secure: 'v1:auL8AspgQwIfA1oY:RKAyqPzAgOg0c7W+NLtMeEy1kpKovg=='}}\n"
    )
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "hunter2")
    status, out, err = meshwright("preview", "--program", "shop", "--verbose")
    assert (status, err) == (0, "[secret]\n")
    assert "the program says: [secret]" in out
    (Path("shop") / "__main__.py").write_text(program + "raise ValueError(token)\n")
    status, out, err = meshwright("preview", "--program", "shop", "--verbose", "--json")
    assert status == 2
    assert json.loads(out)["problems"][0]["message"] == "ValueError: [secret]"
    assert "s3cr3t" not in out + err
