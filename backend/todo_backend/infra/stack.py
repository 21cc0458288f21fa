"""The stack: the boxes put together, and the outputs that clients and tests start from."""

from collections.abc import Sequence

from aws_cdk import Aws, CfnOutput, Stack
from constructs import Construct

from todo_backend.infra.alarms import Alarms
from todo_backend.infra.api import Api
from todo_backend.infra.cache import Cache
from todo_backend.infra.files import Files
from todo_backend.infra.function import Function
from todo_backend.infra.identity import Identity
from todo_backend.infra.settings import Settings
from todo_backend.infra.table import Table
from todo_backend.service.routes import Route


class TodoStack(Stack):
    """MyTodoList in one stack, for whichever account and region it is deployed to: nothing is looked up at synth."""

    def __init__(self, scope: Construct, settings: Settings, routes: Sequence[Route]) -> None:
        super().__init__(
            scope,
            settings.stack_name,
            description=f"MyTodoList, stage {settings.stage}",
        )
        identity = Identity(self, "Identity", settings)
        files = Files(self, "Files", settings)
        files.grant_own_folder(identity.signed_in_role)
        table = Table(self, "Data", settings)
        cache = Cache(self, "Cache", settings, table) if settings.dax else None
        function = Function(self, "Function", settings, cache)
        function.connect(table, identity, files, settings)
        api = Api(self, "Api", settings, routes)
        api.connect(identity, function)
        Alarms(self, "Alarms", api.rest_api, function.function)
        host = f"{api.rest_api.rest_api_id}.execute-api.{Aws.REGION}.{Aws.URL_SUFFIX}"
        self._outputs(
            {
                "Region": Aws.REGION,
                "ApiUrl": f"https://{host}/{settings.stage}",
                "UserPoolId": identity.user_pool.user_pool_id,
                "UserPoolClientId": identity.client.user_pool_client_id,
                "IdentityPoolId": identity.identity_pool.ref,
                "FilesBucket": files.bucket.bucket_name,
                "TableName": table.table.table_name,
            }
        )
        if cache:
            self._outputs({"DaxEndpoint": cache.cluster.attr_cluster_discovery_endpoint_url})

    def _outputs(self, values: dict[str, str]) -> None:
        for name, value in values.items():
            CfnOutput(self, f"Output{name}", value=value).override_logical_id(name)
