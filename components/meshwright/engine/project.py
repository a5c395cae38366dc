"""A Pulumi project: ``Pulumi.yaml`` as far as running its program offline needs it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from meshwright.engine import goyaml
from meshwright.errors import Code, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILES: Final = ("Pulumi.yaml", "Pulumi.yml")
_TYPES: Final = ("string", "integer", "boolean", "object", "array")


@dataclass(frozen=True, slots=True)
class ConfigType:
    """What ``Pulumi.yaml`` says of one config key."""

    type: str = ""
    """string, integer, boolean, object or array; empty when any value will do."""
    items: ConfigType | None = None
    """Of an array."""
    default: Any = None
    """Default or fixed value; ``None`` when the stack has to give one."""
    secret: bool = False

    def __str__(self) -> str:
        return f"array<{self.items}>" if self.items else self.type

    def accepts(self, value: Any) -> bool:
        """Whether a value has this type, as Pulumi decides it (``ValidateConfigValue``)."""
        if self.type == "string":
            return isinstance(value, str)
        if self.type == "integer":
            return _is_integer(value)
        if self.type == "boolean":
            return isinstance(value, bool) or value in ("true", "false")
        if self.type == "object":
            return isinstance(value, dict)
        if self.type == "array":
            return isinstance(value, list) and self.items is not None and all(map(self.items.accepts, value))
        return True


def _is_integer(value: Any) -> bool:
    if isinstance(value, str):
        return value.lstrip("+-").isdecimal() and value[:2] not in ("++", "--", "+-", "-+")
    return not isinstance(value, bool) and isinstance(value, (int, float)) and value == int(value)


@dataclass(frozen=True, slots=True)
class Project:
    """A Python project. All paths are absolute."""

    name: str
    root: Path
    """The folder of ``Pulumi.yaml``."""
    file: Path
    """``Pulumi.yaml`` itself."""
    program: Path
    """Folder with a ``__main__.py``, or a Python file."""
    stack_dir: Path
    """The folder of the stack files."""
    python: Path
    """The interpreter that runs the program."""
    config: Mapping[str, ConfigType] = field(default_factory=dict)
    """By full key: ``namespace:key``."""

    def stacks(self) -> tuple[str, ...]:
        """The names of the stacks that have a file, sorted."""
        return tuple(sorted(path.name.split(".", 1)[1].rsplit(".", 1)[0] for path in self._stack_files()))

    def stack_file(self, stack: str) -> Path:
        """Where the settings of a stack are."""
        return self.stack_dir / f"Pulumi.{stack}{self.file.suffix}"

    def _stack_files(self) -> list[Path]:
        return list(self.stack_dir.glob(f"Pulumi.?*{self.file.suffix}"))


def load_project(directory: Path) -> Project:
    """Reads the project in a folder. Raises `ConfigError` (MW-E064, MW-E071)."""
    root = directory.resolve()
    file = next((root / name for name in _FILES if (root / name).is_file()), None)
    if file is None:
        raise _error(f"{directory}", "no Pulumi.yaml here", "name the folder of a Pulumi project")
    document = goyaml.load(file, Code.PROJECT_INVALID)
    content = document.content
    if not isinstance(content, dict):
        raise _error(f"{file}", "isn't a mapping", "write at least `name:` and `runtime: python`")
    name = content.get("name")
    if not isinstance(name, str) or not name:
        raise _error(f"{file}", "name is missing", "give the project a name")
    runtime = content.get("runtime")
    options = runtime.get("options") if isinstance(runtime, dict) else None
    language = runtime.get("name") if isinstance(runtime, dict) else runtime
    if language != "python":
        raise _error(f"{file}", f"runtime is {language!r}", "only Python programs can be run offline")
    return Project(
        name=name,
        root=root,
        file=file,
        program=_program(root, content.get("main"), file),
        stack_dir=root / str(content.get("stackConfigDir") or "."),
        python=_interpreter(root, options if isinstance(options, dict) else {}, file),
        config=_config_types(name, content.get("config") or {}, file, document.lines),
    )


def _program(root: Path, main: object, file: Path) -> Path:
    program = root / str(main or ".")
    if program.is_file() or (program / "__main__.py").is_file():
        return program.resolve()
    raise _error(
        f"{file}", f"main: there is no program in {program}", "it is a Python file or a folder with __main__.py"
    )


def _interpreter(root: Path, options: Mapping[str, Any], file: Path) -> Path:
    """The interpreter of the project's virtual environment; ours where there is none yet."""
    folder = options.get("virtualenv") or (".venv" if options.get("toolchain") in ("uv", "poetry") else None)
    if not folder:
        return Path(sys.executable)
    environment = root / str(folder)
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not environment.exists():
        return Path(sys.executable)
    if not python.exists():
        message = f"runtime.options.virtualenv: {environment} has no {python.name}"
        raise ConfigError(Problem(Code.NO_INTERPRETER, message, "create it again, or correct the path", f"{file}"))
    installed = any(environment.glob("lib*/python*/site-packages/pulumi")) or any(
        environment.glob("Lib/site-packages/pulumi")
    )
    return python if installed else Path(sys.executable)


def _config_types(
    project: str, content: object, file: Path, lines: Mapping[tuple[str, ...], int]
) -> dict[str, ConfigType]:
    if not isinstance(content, dict):
        raise _error(f"{file}", "config isn't a mapping", "write `key: {type: ..., default: ...}`")
    types: dict[str, ConfigType] = {}
    problems: list[Problem] = []
    for key, raw in content.items():
        name = str(key)
        own = ":" not in name or name.startswith(f"{project}:")
        form = raw if isinstance(raw, dict) else {"default" if own else "value": raw}
        mistake = _mistake(form, own)
        place = f"{file}:{lines.get(('config', name), 1)}"
        if mistake:
            problems.append(Problem(Code.PROJECT_INVALID, f"config.{name} {mistake[0]}", mistake[1], place))
        else:
            types[name if ":" in name else f"{project}:{name}"] = _config_type(form)
    if problems:
        raise ConfigError(problems)
    return types


def _mistake(form: Mapping[str, Any], own: bool) -> tuple[str, str] | None:
    if form.get("default") is not None and form.get("value") is not None:
        return "has a default and a value", "keep one of them"
    if not own and (form.get("type") or form.get("default") is not None or form.get("value") is None):
        return "is of another namespace", "give it a `value:` and nothing else"
    type_ = form.get("type")
    if type_ is None:
        return None
    if type_ not in _TYPES:
        return f"has the type {type_!r}", f"one of: {', '.join(_TYPES)}"
    if type_ == "array" and not isinstance(form.get("items"), dict):
        return "is an array without `items`", "say what its items are: `items: {type: string}`"
    config_type = _config_type(form)
    if config_type.default is not None and not config_type.accepts(config_type.default):
        return "has a default of another type", f"its type is {config_type}"
    return None


def _config_type(form: Mapping[str, Any]) -> ConfigType:
    items = form.get("items")
    default = form.get("default") if form.get("default") is not None else form.get("value")
    return ConfigType(
        type=str(form.get("type") or ""),
        items=_config_type(items) if isinstance(items, dict) else None,
        default=default,
        secret=form.get("secret") is True,
    )


def _error(place: str, message: str, remedy: str) -> ConfigError:
    return ConfigError(Problem(Code.PROJECT_INVALID, message, remedy, place))
