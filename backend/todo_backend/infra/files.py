"""S3: one private bucket, one folder for each identity."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from todo_backend.infra.settings import Settings

# IAM puts the caller's identity id here (IP-31): the folder's name, not the user pool's `sub` (SE-15).
OWN_FOLDER = "${cognito-identity.amazonaws.com:sub}/*"

OWN_FOLDER_ACTIONS = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
)


class Files(Construct):
    """The bucket, and the grant of a folder in it."""

    def __init__(self, scope: Construct, construct_id: str, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(id="unfinished-uploads", abort_incomplete_multipart_upload_after=Duration.days(7)),
                s3.LifecycleRule(
                    id="old-versions",
                    noncurrent_version_expiration=Duration.days(30),
                    expired_object_delete_marker=True,
                ),
            ],
            removal_policy=RemovalPolicy.RETAIN if settings.keeps_data else RemovalPolicy.DESTROY,
        )

    def grant_own_folder(self, role: iam.Role) -> None:
        """Let the identities that assume `role` use the folder named after them, and nothing beside it."""
        role.attach_inline_policy(
            iam.Policy(
                self,
                "OwnFolder",
                statements=[
                    iam.PolicyStatement(
                        sid="OwnFolder",
                        actions=list(OWN_FOLDER_ACTIONS),
                        # SE-13: the slash keeps the neighbour out whose id begins with this one.
                        resources=[self.bucket.arn_for_objects(OWN_FOLDER)],
                    ),
                    iam.PolicyStatement(
                        sid="ListOwnFolder",
                        actions=["s3:ListBucket"],
                        resources=[self.bucket.bucket_arn],
                        # SE-14: without the prefix the condition key is absent, and the list is refused.
                        conditions={"StringLike": {"s3:prefix": OWN_FOLDER}},
                    ),
                ],
            )
        )
