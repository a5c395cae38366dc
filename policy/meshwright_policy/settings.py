"""Which rules are asked, at which level and with which options."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from meshwright.errors import Code, PolicyPackError, Problem
from meshwright_policy.record import Level, Rule

ALL: Final = "all"
"""The name under which the Pulumi CLI passes on what was set for every rule."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A rule that is asked."""

    rule: Rule
    level: Level
    """``remediate`` is mandatory here: no rule mends by itself."""
    config: Mapping[str, Any]
    """Every option of the rule."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen for a rule: a level, ``remediate`` or ``disabled``, and options."""

    level: str
    options: Mapping[str, Any]


class Settings:
    """The rules that are asked, by what they look at."""

    def __init__(self, rules: Iterable[Rule], chosen: Mapping[str, Chosen]) -> None:
        """Checks what was chosen against the rules.

        Raises:
            PolicyPackError: Every name and value that doesn't fit (MW-E084).
        """
        by_id = {rule.id: rule for rule in rules}
        problems = [problem for name, choice in chosen.items() for problem in _mistakes(name, choice, by_id)]
        if problems:
            raise PolicyPackError(problems)
        self._of_type: defaultdict[str, list[Setting]] = defaultdict(list)
        settings = [_setting(rule, chosen.get(rule.id)) for rule in by_id.values() if not _is_off(chosen.get(rule.id))]
        for setting in settings:
            for token in setting.rule.applies_to if setting.rule.check else ():
                self._of_type[token].append(setting)
        self.of_resources = tuple(setting for setting in settings if setting.rule.check)
        self.of_stack = tuple(setting for setting in settings if setting.rule.check_stack)
        self.context = frozenset(token for setting in settings for token in setting.rule.context)
        self.judged = frozenset(setting.rule.id for setting in settings)
        self.unmending = tuple(name for name, choice in chosen.items() if choice.level == "remediate" and name != ALL)

    def of_type(self, token: str) -> list[Setting]:
        """The resource rules that look at a type."""
        return self._of_type.get(token, [])


def _is_off(choice: Chosen | None) -> bool:
    return choice is not None and choice.level == "disabled"


def _setting(rule: Rule, choice: Chosen | None) -> Setting:
    if choice is None:
        return Setting(rule, rule.level, rule.configured({}))
    level = Level.MANDATORY if choice.level == "remediate" else Level(choice.level)
    return Setting(rule, level, rule.configured(choice.options))


def _mistakes(name: str, choice: Chosen, rules: Mapping[str, Rule]) -> Iterable[Problem]:
    rule = rules.get(name)
    if rule is None:
        if name != ALL:
            yield _problem(f"it has no rule {name!r}", f"one of: {ALL}, or what meshwright rules list has")
        return
    for option, value in choice.options.items():
        schema = rule.config.get(option)
        if schema is None:
            wanted = ", ".join(sorted(rule.config)) or "it has no options"
            yield _problem(f"{name} has no option {option!r}", f"one of: {wanted}")
        elif not _FITS[schema["type"]](value) or (schema["type"] == "integer" and value < schema.get("minimum", value)):
            least = f" of at least {schema['minimum']}" if "minimum" in schema else ""
            yield _problem(
                f"the option {option!r} of {name} doesn't fit", f"give it a value of type {schema['type']}{least}"
            )


def _problem(what: str, remedy: str) -> Problem:
    return Problem(Code.PACK_CONFIG, f"the configuration of the pack doesn't fit: {what}", remedy)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()


_FITS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "integer": _is_whole,
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list) and all(isinstance(element, str) for element in value),
}
