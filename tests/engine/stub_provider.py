"""A provider that says yes: the real engine plans and deploys with it, and no cloud is needed.

It echoes inputs as state, knows no schema, and makes no children of remote components. Installed on PATH under the name of
any provider, it turns the Pulumi CLI into an offline test rig.
"""

import sys
from concurrent import futures
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, resource_pb2, resource_pb2_grpc


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    def __init__(self, version: str) -> None:
        self._version = version

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version=self._version)

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    Check = CheckConfig

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        same = request.olds == request.news
        response = provider_pb2.DiffResponse
        return response(changes=response.DIFF_NONE if same else response.DIFF_SOME)

    Diff = DiffConfig

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=True, acceptOutputs=True
        )

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        name = request.urn.rsplit("::", 1)[1]
        return provider_pb2.CreateResponse(id="" if request.preview else f"{name}-id", properties=request.properties)

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.UpdateResponse(properties=request.news)

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.InvokeResponse(**{"return": struct_pb2.Struct()})

    def Construct(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Registers the component alone: its children would come from a real provider."""
        monitor = resource_pb2_grpc.ResourceMonitorStub(grpc.insecure_channel(request.monitorEndpoint))
        registered = monitor.RegisterResource(
            resource_pb2.RegisterResourceRequest(
                type=request.type,
                name=request.name,
                parent=request.parent,
                acceptSecrets=True,
                object=request.inputs,
                retainOnDelete=request.retainOnDelete,
                dependencies=request.dependencies,
            )
        )
        return provider_pb2.ConstructResponse(urn=registered.urn, state=struct_pb2.Struct())

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()


def main() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(sys.argv[1]), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
