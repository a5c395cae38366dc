"""Prometheus, asked for instant vectors by its HTTP API."""

import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import Any, Final

from meshwright.errors import Code, ConfigError, Problem

_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One element of an instant vector."""

    labels: dict[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A server, or what speaks its query API (Thanos, Mimir, a managed service)."""

    url: str
    """Its address up to ``/api/v1``."""
    token: str = field(default="", repr=False)
    """Sent as a bearer token, where there is one."""

    def query(self, promql: str, at: float) -> list[Sample]:
        """The instant vector of a query at a time, in Unix seconds.

        Raises:
            ConfigError: MW-E175 where it can't be reached, or refuses the query.
        """
        body = urllib.parse.urlencode({"query": promql, "time": f"{at:.0f}"}).encode()
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if not self.url.startswith(("http://", "https://")):
            raise self._failed("its address is none; it begins with http:// or https://")
        if "@" in urllib.parse.urlsplit(self.url).netloc:
            raise self._failed("a name and password in the address aren't sent; a token is")
        request = urllib.request.Request(f"{self.url.rstrip('/')}/api/v1/query", body, headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
                content: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            raise self._failed(f"it answered {error.code}: {_reason(error.read())}") from None
        except (OSError, ValueError) as error:
            raise self._failed(str(getattr(error, "reason", error))) from None
        if content.get("status") != "success" or content.get("data", {}).get("resultType") != "vector":
            raise self._failed("what it answered is no instant vector")
        return [Sample(each["metric"], float(each["value"][1])) for each in content["data"]["result"]]

    def _failed(self, why: str) -> ConfigError:
        message = f"Prometheus at {_without_password(self.url)} can't be asked: {' '.join(why.split())[:300]}"
        return ConfigError(
            Problem(Code.PROMETHEUS_UNREADABLE, message, "check the address, and the token if it has one")
        )


def _reason(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")


def _without_password(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
