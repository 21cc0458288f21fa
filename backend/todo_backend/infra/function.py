"""Lambda: the one function, its layer, and what it may touch."""

import hashlib
from pathlib import Path

from aws_cdk import Annotations, Duration, FileAssetPackaging, Stack, Stage
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from todo_backend import artifacts, bundle
from todo_backend.infra.cache import Cache
from todo_backend.infra.files import Files
from todo_backend.infra.identity import Identity
from todo_backend.infra.logs import log_group
from todo_backend.infra.settings import QUERY_TTL_SECONDS, RECORD_TTL_SECONDS, Settings
from todo_backend.infra.table import Table


class Function(Construct):
    """The function `Api`: pure Python on arm64, in the cluster's network when there is a cluster."""

    def __init__(self, scope: Construct, construct_id: str, settings: Settings, cache: Cache | None) -> None:
        super().__init__(scope, construct_id)
        vpc = cache.vpc if cache else None
        self.function = lambda_.Function(
            self,
            "Api",
            description="The REST API of MyTodoList",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            handler=bundle.HANDLER,
            code=self._zip("code", bundle.code_hash(), bundle.code_zip()),
            layers=[self._layer()],
            memory_size=512,
            # Well under the gateway's 29 s (AG-27): the caller hears of a failure while there is time for a retry.
            timeout=Duration.seconds(10),
            tracing=lambda_.Tracing.ACTIVE,
            log_group=log_group(self, "Logs", settings),
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED) if vpc else None,
            security_groups=[cache.client_security_group] if cache else None,
        )
        if cache:
            self.function.add_environment("DAX_ENDPOINT", cache.cluster.attr_cluster_discovery_endpoint_url)
            self.function.add_to_role_policy(cache.statement())

    def connect(self, table: Table, identity: Identity, files: Files, settings: Settings) -> None:
        """Tell the function what it works on, and let it; the pools and the bucket it only names to clients."""
        environment = {
            "TABLE_NAME": table.table.table_name,
            "USER_POOL_ID": identity.user_pool.user_pool_id,
            "USER_POOL_CLIENT_ID": identity.client.user_pool_client_id,
            "IDENTITY_POOL_ID": identity.identity_pool.ref,
            "FILES_BUCKET": files.bucket.bucket_name,
            "STAGE": settings.stage,
            "QUERY_TTL_SECONDS": str(QUERY_TTL_SECONDS),
            "RECORD_TTL_SECONDS": str(RECORD_TTL_SECONDS),
            "POWERTOOLS_SERVICE_NAME": "todo",
            "POWERTOOLS_METRICS_NAMESPACE": "MyTodoList",
            "POWERTOOLS_LOG_LEVEL": "INFO",
        }
        for name, value in environment.items():
            self.function.add_environment(name, value)
        self.function.add_to_role_policy(table.statement())

    def _layer(self) -> lambda_.LayerVersion:
        content = artifacts.dependencies_zip()
        return lambda_.LayerVersion(
            self,
            "Dependencies",
            description="Powertools, X-Ray and DAX clients, pure Python",
            code=self._zip("dependencies", hashlib.sha256(content).hexdigest(), content),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[lambda_.Architecture.ARM_64, lambda_.Architecture.X86_64],
        )

    def _zip(self, name: str, source_hash: str, content: bytes) -> lambda_.Code:
        """Put a zip into the cloud assembly under the hash that we give it: its key is `<hash>.zip`.

        Not CDK's own asset: that would hash our hash once more, and the embedded stack could not know the key.
        """
        file_name = f"{name}.{source_hash}.zip"
        Path(_assembly_folder(self), file_name).write_bytes(content)
        location = Stack.of(self).synthesizer.add_file_asset(
            file_name=file_name, packaging=FileAssetPackaging.FILE, source_hash=source_hash
        )
        bucket = s3.Bucket.from_bucket_name(self, f"{name}-assets", location.bucket_name)
        Annotations.of(bucket).acknowledge_warning(
            "@aws-cdk/aws-lambda:codeFromBucketObjectVersionNotSpecified", "the key is the content's hash"
        )
        return lambda_.Code.from_bucket(bucket, location.object_key)


def _assembly_folder(scope: Construct) -> str:
    stage = Stage.of(scope)
    if stage is None:
        raise TypeError("the stack belongs to no app")
    return stage.outdir
