"""The pack's process, as Pulumi's language host for Python starts it: one line with a port, and then it serves."""

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Thread
from typing import Final

import grpc
from pulumi.runtime.proto import analyzer_pb2 as proto
from pulumi.runtime.proto.analyzer_pb2_grpc import add_AnalyzerServicer_to_server

from meshwright.errors import MeshwrightError
from meshwright_policy.analyzer import Analyzer
from meshwright_policy.catalogue import RULES
from meshwright_policy.record import Rule
from meshwright_policy.values import today
from meshwright_policy.versions import known

_UNLIMITED: Final = (("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1))


def start(rules: tuple[Rule, ...] = RULES) -> tuple[grpc.Server, int]:
    """Start the server on a port of loopback's; returns both."""
    # One worker: the service is asked in the order of the deployment, and remembers.
    server = grpc.server(ThreadPoolExecutor(max_workers=1), options=_UNLIMITED)
    analyzer = Analyzer(rules)
    add_AnalyzerServicer_to_server(analyzer, server)
    server.add_generic_rpc_handlers((_our_own(analyzer),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def _our_own(analyzer: Analyzer) -> grpc.GenericRpcHandler:
    """What Pulumi's protocol doesn't have."""
    each = grpc.unary_stream_rpc_method_handler(
        analyzer.AnalyzeEach,
        request_deserializer=proto.AnalyzeStackRequest.FromString,
        response_serializer=proto.AnalyzeResponse.SerializeToString,
    )
    return grpc.method_handlers_generic_handler("meshwright.Analyzer", {"AnalyzeEach": each})


def serve(rules: tuple[Rule, ...] = RULES) -> None:
    """Serve until the process is ended, or interrupted."""
    server, port = start(rules)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    Thread(target=_prepare, daemon=True).start()
    with suppress(KeyboardInterrupt):
        server.wait_for_termination()
    server.stop(0)


def _prepare() -> None:
    """Read the clock and the catalog while the program that will be judged still runs."""
    # What is wrong with them is reported by the rule that needs them.
    with suppress(MeshwrightError):
        today()
        known()
