"""The settings of a stack: what its program gets from ``pulumi.Config``, secrets included.

The file is read as Pulumi reads it (sdk/go/common/workspace/loaders.go, sdk/go/common/resource/config,
pkg/workspace/config.go): keys without a namespace belong to the project, defaults and types come from ``Pulumi.yaml``,
anything but a string arrives as JSON.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from meshwright.engine import goyaml, secrets
from meshwright.errors import Code, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from meshwright.engine.project import ConfigType, Project

UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What stands in a config value for a secret that nobody decrypted: Pulumi's own sign for an unknown string."""

_ORGANIZATION: Final = "organization"  # what Pulumi calls it for a backend without organizations


@dataclass(frozen=True, slots=True)
class StackSettings:
    """The settings of one stack."""

    name: str
    organization: str = _ORGANIZATION
    path: Path | None = None
    """The stack file; ``None`` without one."""
    config: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By ``namespace:key``. A secret that could not be decrypted is `UNKNOWN_TEXT`, also inside of JSON."""
    secret_keys: frozenset[str] = frozenset()
    """Keys that are secret, or hold a secret."""
    unknown_keys: frozenset[str] = frozenset()
    """Those of ``secret_keys`` that nobody decrypted."""
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    """The plain text of every encrypted value that was decrypted."""
    by_passphrase: bool = False
    """Whether the stack's secrets are encrypted with a passphrase, and not by a cloud or by Pulumi's service."""
    environments: tuple[str, ...] = ()
    """Pulumi ESC environments that the stack imports; their values are unknown offline."""


def load_stack_settings(project: Project, stack: str, *, must_exist: bool = True) -> StackSettings:
    """Reads the settings of a stack.

    Secrets are decrypted when ``PULUMI_CONFIG_PASSPHRASE`` or ``PULUMI_CONFIG_PASSPHRASE_FILE`` is set, and are unknown
    otherwise, as they always are with a cloud secrets provider.

    Args:
        project: The stack's project.
        stack: Name, with or without organization and project: ``prod`` or ``acme/shop/prod``.
        must_exist: Whether a stack without a file is a mistake. Pulumi itself treats it as one without settings.

    Raises:
        ConfigError: MW-E065 to MW-E068, with every mistake of the file.
    """
    organization, _, name = stack.rpartition("/")
    path = project.stack_file(name)
    if not path.is_file():
        if must_exist or not name:
            known = ", ".join(project.stacks()) or "there is no stack file yet"
            raise ConfigError(Problem(Code.NO_STACK, f"there is no stack {name!r}", f"one of: {known}", f"{path}"))
        return _settings(project, name, organization, None, goyaml.Document({}))
    document = goyaml.load(path, Code.STACK_SETTINGS)
    if document.content is not None and not isinstance(document.content, dict):
        raise ConfigError(Problem(Code.STACK_SETTINGS, "isn't a mapping", "write `config:` at its top", f"{path}"))
    return _settings(project, name, organization, path, document)


def _settings(
    project: Project, name: str, organization: str, path: Path | None, document: goyaml.Document
) -> StackSettings:
    content = document.content or {}
    salt = _salt(content)
    reader = _Reader(project, path or project.file, document.lines, _decrypt(salt, path))
    reader.read(content.get("config"))
    reader.apply_project(name)
    if reader.problems:
        raise ConfigError(reader.problems)
    environment = content.get("environment")
    imports = environment.get("imports") if isinstance(environment, dict) else environment
    return StackSettings(
        name=name,
        organization=organization.split("/", maxsplit=1)[0] or _ORGANIZATION,
        path=path,
        config=reader.config,
        secret_keys=frozenset(reader.secret_keys),
        unknown_keys=frozenset(key for key in reader.secret_keys if UNKNOWN_TEXT in reader.config[key]),
        secrets=frozenset(reader.secrets),
        by_passphrase=salt is not None,
        environments=tuple(str(item) for item in imports) if isinstance(imports, list) else (),
    )


def _salt(content: Mapping[str, Any]) -> str | None:
    """The salt of a stack that is encrypted with a passphrase; ``None`` for any other."""
    salt = content.get("encryptionsalt")
    of_a_cloud = content.get("secretsprovider") not in (None, "", "passphrase") or content.get("encryptedkey")
    return salt if isinstance(salt, str) and not of_a_cloud else None


def _decrypt(salt: str | None, path: Path | None) -> Callable[[str], str]:
    """How to decrypt a value of this stack; deriving the key takes a third of a second, so it waits for a value."""
    phrase = secrets.passphrase() if salt is not None else None
    if phrase is None or salt is None:
        return lambda _: UNKNOWN_TEXT
    made: list[secrets.Decrypter] = []

    def decrypt(value: str) -> str:
        if not made:
            made.append(secrets.decrypter(salt, phrase, f"{path}"))
        return made[0].decrypt(value)

    return decrypt


@dataclass
class _Reader:
    """Collects values and mistakes."""

    project: Project
    file: Path
    lines: Mapping[tuple[str, ...], int]
    decrypt: Callable[[str], str]
    config: dict[str, str] = field(default_factory=dict)
    secret_keys: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list, repr=False)
    problems: list[Problem] = field(default_factory=list)

    def read(self, content: object) -> None:
        """Takes the ``config`` of a stack file."""
        if content is None:
            return
        if not isinstance(content, dict):
            self._refuse(Code.STACK_SETTINGS, "config isn't a mapping", "write `namespace:key: value`", ("config",))
            return
        for raw, value in content.items():
            key = self._key(str(raw))
            if key is None:
                remedy = "write `<namespace>:<name>`"
                self._refuse(Code.STACK_SETTINGS, f"config.{raw} is not a config key", remedy, ("config", str(raw)))
                continue
            plain, secret = self._plain(value)
            self.config[key] = goyaml.text(plain)
            if secret:
                self.secret_keys.append(key)
            declared = self.project.config.get(key)
            if declared:
                self._check(str(raw), declared, plain, secret)

    def _key(self, raw: str) -> str | None:
        parts = raw.split(":")
        if len(parts) == 1:
            return f"{self.project.name}:{raw}"
        if len(parts) == 3 and parts[1] == "config":  # an older form that Pulumi still reads
            return f"{parts[0]}:{parts[2]}"
        return raw if len(parts) == 2 else None

    def _plain(self, value: Any) -> tuple[Any, bool]:
        """A value with its secrets decrypted, and whether there are any."""
        if isinstance(value, dict):
            if set(value) == {"secure"} and isinstance(value["secure"], str):
                plain = self.decrypt(value["secure"])
                self.secrets += [plain] if plain != UNKNOWN_TEXT else []
                return plain, True
            items = {key: self._plain(item) for key, item in value.items()}
            return {key: plain for key, (plain, _) in items.items()}, any(secret for _, secret in items.values())
        if isinstance(value, list):
            found = [self._plain(item) for item in value]
            return [plain for plain, _ in found], any(secret for _, secret in found)
        return value, False

    def _check(self, raw: str, declared: ConfigType, plain: Any, secret: bool) -> None:
        where = ("config", raw)
        if declared.secret and not secret:
            remedy = f"encrypt it: pulumi config set --secret {raw}"
            self._refuse(
                Code.PROJECT_CONFIG, f"{raw} must be encrypted, since Pulumi.yaml says it is secret", remedy, where
            )
        text = goyaml.text(plain)
        value = json.loads(text) if isinstance(plain, (dict, list)) else text
        if declared.type and not (secret and UNKNOWN_TEXT in text) and not declared.accepts(value):
            self._refuse(Code.PROJECT_CONFIG, f"{raw} has another type", f"it must be of type {declared}", where)

    def apply_project(self, stack: str) -> None:
        """Adds what ``Pulumi.yaml`` sets, and misses what it requires."""
        for key, declared in sorted(self.project.config.items()):
            if key in self.config:
                continue
            if declared.default is not None:
                self.config[key] = goyaml.text(declared.default)
            else:  # a key of another namespace always has a value
                message = f"stack {stack!r} has no value for {key}"
                self._refuse(
                    Code.PROJECT_CONFIG, message, "add it under `config:`: Pulumi.yaml requires it", ("config",)
                )

    def _refuse(self, code: Code, message: str, remedy: str, where: tuple[str, ...]) -> None:
        line = self.lines.get(where)
        self.problems.append(Problem(code, message, remedy, f"{self.file}:{line}" if line else f"{self.file}"))
