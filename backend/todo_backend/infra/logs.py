"""Log groups: made by the stack, so that they have a retention and go when the stack goes."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from todo_backend.infra.settings import Settings


def log_group(scope: Construct, construct_id: str, settings: Settings) -> logs.LogGroup:
    """A log group that keeps one month."""
    return logs.LogGroup(
        scope,
        construct_id,
        retention=logs.RetentionDays.ONE_MONTH,
        removal_policy=RemovalPolicy.RETAIN if settings.keeps_data else RemovalPolicy.DESTROY,
    )
