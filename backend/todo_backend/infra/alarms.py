"""Three alarms that are worth waking up for. They notify nobody until an action is added to them."""

from aws_cdk import Duration
from aws_cdk import aws_apigateway as gateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from constructs import Construct


class Alarms(Construct):
    """The API fails, the function fails, the function is throttled."""

    def __init__(self, scope: Construct, construct_id: str, api: gateway.RestApi, function: lambda_.Function) -> None:
        super().__init__(scope, construct_id)
        period = Duration.minutes(5)
        self._add("ApiErrors", api.metric_server_error(period=period, statistic="Sum"))
        self._add("FunctionErrors", function.metric_errors(period=period))
        self._add("FunctionThrottles", function.metric_throttles(period=period))

    def _add(self, name: str, metric: cloudwatch.Metric) -> None:
        cloudwatch.Alarm(
            self,
            name,
            metric=metric,
            threshold=5,
            evaluation_periods=2,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
