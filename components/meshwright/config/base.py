"""What the config models are made of: their base class, and the types of single values."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Strict,
    StringConstraints,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from meshwright.config.clock import today
from meshwright.errors import Code
from meshwright.kubernetes import labels

MISTAKE = "meshwright"
"""The type of the pydantic errors that carry mistakes of ours."""


class Mistake(NamedTuple):
    """What is wrong with a value. In a message it follows the value's key path."""

    code: Code
    message: str
    """Goes on after the key path: `is in the future`."""
    remedy: str
    at: tuple[str | int, ...] = ()
    """The key path from the model that found it."""


def refusal(*mistakes: Mistake) -> PydanticCustomError:
    """The error by which pydantic hands mistakes of ours on."""
    return PydanticCustomError(MISTAKE, "refused", {"mistakes": mistakes})


class Model(BaseModel):
    """A part of a stack's config: frozen, and closed to keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, allow_inf_nan=False)

    def mistakes(self) -> Iterator[Mistake]:
        """What can't work although each value is right in itself."""
        return iter(())

    @model_validator(mode="after")
    def _can_work(self) -> Self:
        if mistakes := tuple(self.mistakes()):
            raise refusal(*mistakes)
        return self


def repeated(key: str, names: Iterable[object], field: str = "") -> Iterator[Mistake]:
    """One mistake for each name in a list that was there before; None is no name."""
    seen: dict[object, int] = {}
    for index, name in enumerate(names):
        if name is None:
            continue
        if name in seen:
            what = f'is "{name}", as is {key}[{seen[name]}]' + (f".{field}" if field else "")
            at = (key, index, field) if field else (key, index)
            yield Mistake(Code.DUPLICATE_NAME, what, "keep one of the two", at)
        seen.setdefault(name, index)


@dataclass(frozen=True)
class Spelt:
    """A constraint on text: all of it matches a pattern, and it is no longer than a limit."""

    pattern: str
    what: str
    """What it is when it matches, for `which is no ...`."""
    remedy: str
    limit: int = 253

    def check(self, text: str) -> str:
        """Refuse what does not match."""
        if len(text) <= self.limit and re.fullmatch(self.pattern, text, re.ASCII):
            return text
        shown = f'"{text}"' if 0 < len(text) <= 60 else f"{len(text)} characters long"
        raise refusal(Mistake(Code.BAD_VALUE, f"is {shown}, which is no {self.what}", self.remedy))

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$", "maxLength": self.limit}


_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T00:00:00Z| 00:00:00 \+0000 UTC)?", re.ASCII)
"""A date as people write it, and as Pulumi passes an unquoted one on: in JSON, and as Go prints a time."""


def _day(value: object) -> object:
    if isinstance(value, date):
        return value
    if isinstance(value, str) and (match := _DAY.fullmatch(value)):
        try:
            return date.fromisoformat(match[1])
        except ValueError:
            pass
    if isinstance(value, str):
        raise refusal(Mistake(Code.BAD_DATE, f'is "{value[:40]}", which is no date', "write it as YYYY-MM-DD"))
    return value


def _not_in_the_future(day: date) -> date:
    if day > today():
        message = f"is {day}, which is after today ({today()})"
        raise refusal(Mistake(Code.BAD_DATE, message, "write the day on which it happened"))
    return day


Text = Annotated[str, StringConstraints(min_length=1)]
Flag = Annotated[bool, Strict()]
Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
Day = Annotated[date, Strict(), BeforeValidator(_day)]
"""A date; YYYY-MM-DD, quoted or not."""
PastDay = Annotated[Day, AfterValidator(_not_in_the_future)]
"""A date on which something happened: not after the clock's today."""
Count = Annotated[Whole, Field(ge=0, le=10_000_000)]
Replicas = Annotated[Whole, Field(ge=1, le=1000)]
Port = Annotated[Whole, Field(ge=1, le=65535)]
ChartValues = dict[str, Any]
"""Helm values, as they are."""


def _as_kubernetes_has_them(given: dict[str, str]) -> dict[str, str]:
    if mistakes := tuple(Mistake(Code.BAD_VALUE, *each) for each in labels.misspelt(given)):
        raise refusal(*mistakes)
    return given


Labels = Annotated[dict[str, str], AfterValidator(_as_kubernetes_has_them)]
"""Labels of Kubernetes objects."""
PodLabels = Annotated[dict[str, str], Field(min_length=1), AfterValidator(_as_kubernetes_has_them)]
"""Labels by which pods are picked: one at least."""

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_LABEL_REMEDY = "use lower-case letters, digits and '-', at most 63, with a letter or digit at both ends (RFC 1123)"
NamespaceName = Annotated[str, Spelt(_LABEL, "namespace name", _LABEL_REMEDY, limit=63)]
ServiceName = Annotated[str, Spelt(_LABEL, "service name", _LABEL_REMEDY, limit=63)]
HostName = Annotated[
    str, Spelt(rf"{_LABEL}(\.{_LABEL})*", "host name", 'write a name as DNS has it: "shop.example.com"')
]
MinorVersion = Annotated[
    str, Spelt(r"\d{1,3}\.\d{1,3}(\.\d{1,3})?", "Kubernetes version", 'write it as "1.34" or "1.34.2"', limit=11)
]
Duration = Annotated[
    str, Spelt(r"[1-9]\d{0,6}[smhdy]", "duration", 'write a number and s, m, h, d or y: "48h"', limit=8)
]
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "y": 365 * 86_400}


def seconds(duration: str) -> int:
    """How long a `Duration` is; a year has 365 days."""
    return int(duration[:-1]) * _SECONDS[duration[-1]]
