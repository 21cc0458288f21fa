"""DynamoDB: the one table."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from constructs import Construct

from todo_backend.infra.settings import Settings

# What the function does to items, written once: the same verbs for DynamoDB and, spelled `dax:`, for DAX.
# A transaction needs no verb of its own: it is allowed by what it consists of.
VERBS = ("BatchGetItem", "ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem")


class Table(Construct):
    """The one table: `pk` is the user, `sk` the to-do, the index `by_revision` gives the changes since a revision."""

    def __init__(self, scope: Construct, construct_id: str, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute="expires_at",
            deletion_protection=settings.keeps_data,
            removal_policy=RemovalPolicy.RETAIN if settings.keeps_data else RemovalPolicy.DESTROY,
        )
        self.table.add_local_secondary_index(
            index_name="by_revision",
            sort_key=dynamodb.Attribute(name="revision", type=dynamodb.AttributeType.NUMBER),
            projection_type=dynamodb.ProjectionType.ALL,
        )

    def statement(self, *more_verbs: str) -> iam.PolicyStatement:
        """What may be done to the items of this table and its index."""
        return iam.PolicyStatement(
            sid="Items",
            actions=[f"dynamodb:{verb}" for verb in sorted((*VERBS, *more_verbs))],
            resources=[self.table.table_arn, f"{self.table.table_arn}/index/by_revision"],
        )
