"""DAX: the cluster in front of the table, and the network that a cluster needs."""

from aws_cdk import aws_dax as dax
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from todo_backend.infra.settings import QUERY_TTL_SECONDS, RECORD_TTL_SECONDS, Settings
from todo_backend.infra.table import VERBS, Table

DAX_NODE_TYPE = "dax.t3.small"
DAX_PORT = 9111  # the port of an encrypted cluster; 8111 would be the plain one


class Cache(Construct):
    """The DAX cluster: TLS, encrypted at rest, in subnets that lead nowhere but to DynamoDB."""

    def __init__(self, scope: Construct, construct_id: str, settings: Settings, table: Table) -> None:
        super().__init__(scope, construct_id)
        self.vpc = self._network()
        self.client_security_group = ec2.SecurityGroup(
            self,
            "Client",
            vpc=self.vpc,
            description="The function, a client of DAX and DynamoDB",
            allow_all_outbound=False,
        )
        self._security_group = ec2.SecurityGroup(
            self, "Nodes", vpc=self.vpc, description="The nodes of the DAX cluster", allow_all_outbound=False
        )
        self.client_security_group.connections.allow_to(self._security_group, ec2.Port.tcp(DAX_PORT), "DAX over TLS")
        # The gateway endpoint's addresses are a list of AWS's, unknown at synth; the subnets have no other way out.
        self.client_security_group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "DynamoDB's endpoint")
        self.cluster = self._cluster(settings, table)

    def statement(self) -> iam.PolicyStatement:
        """What may be asked of this cluster. DD-33: who may ask it sees every user's items."""
        return iam.PolicyStatement(
            sid="Cache",
            actions=[f"dax:{verb}" for verb in VERBS],
            resources=[self.cluster.attr_arn],
        )

    def _network(self) -> ec2.Vpc:
        return ec2.Vpc(
            self,
            "Network",
            ip_addresses=ec2.IpAddresses.cidr("10.0.0.0/24"),
            max_azs=2,
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="Isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=26)
            ],
            gateway_endpoints={
                "DynamoDb": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.DYNAMODB)
            },
            # Emptying the default security group takes a custom resource; nothing here is ever put into that group.
            restrict_default_security_group=False,
        )

    def _cluster(self, settings: Settings, table: Table) -> dax.CfnCluster:
        role = iam.Role(
            self,
            "Service",
            description="DAX reads and writes the table with this role",
            assumed_by=iam.ServicePrincipal("dax.amazonaws.com"),
            inline_policies={"Table": iam.PolicyDocument(statements=[table.statement("DescribeTable")])},
        )
        subnets = dax.CfnSubnetGroup(
            self, "Subnets", subnet_ids=[subnet.subnet_id for subnet in self.vpc.isolated_subnets]
        )
        parameters = dax.CfnParameterGroup(
            self,
            "Parameters",
            parameter_name_values={
                "query-ttl-millis": str(QUERY_TTL_SECONDS * 1000),
                "record-ttl-millis": str(RECORD_TTL_SECONDS * 1000),
            },
        )
        return dax.CfnCluster(
            self,
            "Cluster",
            description="MyTodoList",
            node_type=DAX_NODE_TYPE,
            replication_factor=settings.dax_nodes,
            iam_role_arn=role.role_arn,
            subnet_group_name=subnets.ref,
            parameter_group_name=parameters.ref,
            security_group_ids=[self._security_group.security_group_id],
            cluster_endpoint_encryption_type="TLS",
            sse_specification=dax.CfnCluster.SSESpecificationProperty(sse_enabled=True),
        )
