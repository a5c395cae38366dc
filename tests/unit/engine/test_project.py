from __future__ import annotations

import sys
from pathlib import Path

import pytest

from meshwright.engine.project import ConfigType, load_project
from meshwright.errors import ConfigError

from .conftest import MakeProject


def test_a_project_of_one_folder(make_project: MakeProject, tmp_path: Path) -> None:
    project = make_project(prod="", dev="")
    assert (project.name, project.root, project.program) == ("shop", tmp_path, tmp_path)
    assert (project.stack_dir, project.python) == (tmp_path, Path(sys.executable))
    assert project.stacks() == ("dev", "prod")
    assert project.stack_file("a.b") == tmp_path / "Pulumi.a.b.yaml"


@pytest.mark.parametrize(
    ("main", "program"), [("stacks", "stacks"), ("stacks/", "stacks"), ("stacks/app.py", "stacks/app.py")]
)
def test_main_and_stack_config_dir(main: str, program: str, tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks/__main__.py").touch()
    (tmp_path / "stacks/app.py").touch()
    (tmp_path / "Pulumi.yml").write_text(f"name: shop\nruntime: {{name: python}}\nmain: {main}\nstackConfigDir: conf\n")
    project = load_project(tmp_path)
    assert project.program == tmp_path / program
    assert project.stack_file("dev") == tmp_path / "conf/Pulumi.dev.yml"


def _environment(root: Path, *parts: str) -> Path:
    environment = root / "venv"
    (environment / "bin").mkdir(parents=True)
    for part in parts:
        path = environment / part
        path.mkdir(parents=True) if part.endswith("pulumi") else path.touch()
    return environment


def test_the_virtual_environment_of_the_project(make_project: MakeProject, tmp_path: Path) -> None:
    environment = _environment(tmp_path, "bin/python", "lib/python3.12/site-packages/pulumi")
    settings = "# a comment\nruntime2: x\n"
    project = make_project(settings=settings)
    assert project.python == Path(sys.executable)
    text = "name: shop\nruntime: {name: python, options: {virtualenv: venv}}\n"
    (tmp_path / "Pulumi.yaml").write_text(text)
    assert load_project(tmp_path).python == environment / "bin/python"
    (environment / "lib/python3.12/site-packages/pulumi").rmdir()
    assert load_project(tmp_path).python == Path(sys.executable)
    (environment / "bin/python").unlink()
    with pytest.raises(ConfigError, match=r"runtime.options.virtualenv: .*venv has no python; .* \(MW-E071\)"):
        load_project(tmp_path)
    (environment / "bin").rmdir()
    (tmp_path / "Pulumi.yaml").write_text(text.replace("virtualenv: venv", "toolchain: uv"))
    assert load_project(tmp_path).python == Path(sys.executable)


def test_config_types(make_project: MakeProject) -> None:
    project = make_project(
        settings="""
        config:
          plain: text
          list: [1]
          count: {type: integer, default: 3}
          shop:names: {type: array, items: {type: array, items: {type: string}}}
          token: {type: string, secret: true}
          aws:region: {value: eu-west-1}
          gcp:project: acme
        """
    )
    assert project.config == {
        "shop:plain": ConfigType(default="text"),
        "shop:list": ConfigType(default=[1]),
        "shop:count": ConfigType("integer", default=3),
        "shop:names": ConfigType("array", ConfigType("array", ConfigType("string"))),
        "shop:token": ConfigType("string", secret=True),
        "aws:region": ConfigType(default="eu-west-1"),
        "gcp:project": ConfigType(default="acme"),
    }
    assert str(project.config["shop:names"]) == "array<array<string>>"


ACCEPTED: list[tuple[ConfigType, list[object], list[object]]] = [
    (ConfigType("string"), ["", "1"], [{}, []]),
    (ConfigType("integer"), ["7", "-7", "+7", 7, 7.0], ["", "7.5", "x", "+-7", 7.5, True, []]),
    (ConfigType("boolean"), ["true", "false", True], ["yes", 1, {}]),
    (ConfigType("object"), [{}], ["x", []]),
    (ConfigType("array", ConfigType("integer")), [[], ["1", 2]], ["x", ["x"], {}]),
    (ConfigType("array"), [], [[]]),
    (ConfigType(), ["x", {}, []], []),
]


@pytest.mark.parametrize(("config_type", "good", "bad"), ACCEPTED, ids=[str(row[0]) or "any" for row in ACCEPTED])
def test_what_a_type_accepts(config_type: ConfigType, good: list[object], bad: list[object]) -> None:
    assert [value for value in good if not config_type.accepts(value)] == []
    assert [value for value in bad if config_type.accepts(value)] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "Pulumi.yaml: isn't a mapping; write at least `name:` and `runtime: python` (MW-E064)"),
        ("runtime: python", "Pulumi.yaml: name is missing; give the project a name (MW-E064)"),
        (
            "{name: shop, runtime: go}",
            "Pulumi.yaml: runtime is 'go'; only Python programs can be run offline (MW-E064)",
        ),
        ("{name: shop}", "Pulumi.yaml: runtime is None; only Python programs can be run offline (MW-E064)"),
        (
            "{name: a, runtime: python, config: 5}",
            "Pulumi.yaml: config isn't a mapping; write `key: {type: ..., default: ...}` (MW-E064)",
        ),
    ],
)
def test_a_wrong_project_file(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "__main__.py").touch()
    (tmp_path / "Pulumi.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_project(tmp_path)
    assert str(caught.value) == f"{tmp_path}/{message}"


def test_every_mistake_of_the_config(make_project: MakeProject, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        make_project(
            settings="""\
            config:
              both: {default: 1, value: 2}
              aws:region: {type: string}
              odd: {type: number}
              names: {type: array}
              count: {type: integer, default: abc}
            """
        )
    file = tmp_path / "Pulumi.yaml"
    assert str(caught.value).splitlines() == [
        f"{file}:4: config.both has a default and a value; keep one of them (MW-E064)",
        f"{file}:5: config.aws:region is of another namespace; give it a `value:` and nothing else (MW-E064)",
        f"{file}:6: config.odd has the type 'number'; one of: string, integer, boolean, object, array (MW-E064)",
        f"{file}:7: config.names is an array without `items`; say what its items are: `items: {{type: string}}` (MW-E064)",
        f"{file}:8: config.count has a default of another type; its type is integer (MW-E064)",
    ]


def test_no_project_and_no_program(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no Pulumi.yaml here; name the folder of a Pulumi project \(MW-E064\)"):
        load_project(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("{name: shop, runtime: python, main: nowhere}")
    with pytest.raises(ConfigError, match=r"main: there is no program in .*nowhere; it is a Python file or a folder"):
        load_project(tmp_path)
