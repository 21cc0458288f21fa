"""Cognito: the user pool that knows who somebody is, and the identity pool that lends AWS credentials for files."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_iam as iam
from constructs import Construct

from todo_backend.infra.settings import Settings


class Identity(Construct):
    """User pool, its one public client, and the identity pool whose role the files are granted to."""

    def __init__(self, scope: Construct, construct_id: str, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        self.user_pool = self._user_pool(settings)
        self.client = self._client()
        self.identity_pool = self._identity_pool()
        self.signed_in_role = self._signed_in_role()
        cognito.CfnIdentityPoolRoleAttachment(
            self,
            "Roles",
            identity_pool_id=self.identity_pool.ref,
            # No "unauthenticated": there is nothing for a guest.
            roles={"authenticated": self.signed_in_role.role_arn},
        )

    def _user_pool(self, settings: Settings) -> cognito.UserPool:
        return cognito.UserPool(
            self,
            "UserPool",
            self_sign_up_enabled=True,
            sign_in_aliases=cognito.SignInAliases(email=True),
            sign_in_case_sensitive=False,  # UP-18: Alice@… and alice@… are one person
            standard_attributes=cognito.StandardAttributes(
                email=cognito.StandardAttribute(required=True, mutable=True),
            ),
            auto_verify=cognito.AutoVerifiedAttrs(email=True),
            # SE-24: a new address must be proven before it replaces the old one, which stays the user name until then.
            keep_original=cognito.KeepOriginalAttrs(email=True),
            user_verification=cognito.UserVerificationConfig(
                email_style=cognito.VerificationEmailStyle.CODE,
                email_subject="Your MyTodoList code",
                email_body="Your MyTodoList code is {####}",
            ),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            password_policy=cognito.PasswordPolicy(
                min_length=8,
                require_lowercase=True,
                require_uppercase=True,
                require_digits=True,
                require_symbols=True,
                temp_password_validity=Duration.days(7),
            ),
            mfa=cognito.Mfa.OPTIONAL,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            # UP-83: a device counts as remembered only after its user said so; then it stands for the second factor.
            device_tracking=cognito.DeviceTracking(
                challenge_required_on_new_device=True,
                device_only_remembered_on_user_prompt=True,
            ),
            deletion_protection=settings.keeps_data,
            removal_policy=RemovalPolicy.RETAIN if settings.keeps_data else RemovalPolicy.DESTROY,
        )

    def _client(self) -> cognito.UserPoolClient:
        return self.user_pool.add_client(
            "Client",
            # SE-22: the password never travels, so no flow that carries it. CDK adds the refresh flow.
            auth_flows=cognito.AuthFlow(user_srp=True),
            generate_secret=False,  # SE-23: a phone cannot keep one
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            disable_o_auth=True,
            id_token_validity=Duration.hours(1),
            access_token_validity=Duration.hours(1),
            refresh_token_validity=Duration.days(30),
            read_attributes=cognito.ClientAttributes().with_standard_attributes(email=True, email_verified=True),
            write_attributes=cognito.ClientAttributes().with_standard_attributes(email=True),
        )

    def _identity_pool(self) -> cognito.CfnIdentityPool:
        return cognito.CfnIdentityPool(
            self,
            "IdentityPool",
            allow_unauthenticated_identities=False,  # IP-08
            allow_classic_flow=False,  # IP-22: only the enhanced flow, where the pool chooses the role
            cognito_identity_providers=[
                cognito.CfnIdentityPool.CognitoIdentityProviderProperty(
                    client_id=self.client.user_pool_client_id,
                    provider_name=self.user_pool.user_pool_provider_name,
                    server_side_token_check=True,  # IP-24: signed out everywhere means no new credentials
                )
            ],
        )

    def _signed_in_role(self) -> iam.Role:
        # IP-20, SE-25: without `aud` any identity pool of any account could assume the role.
        conditions = {
            "StringEquals": {"cognito-identity.amazonaws.com:aud": self.identity_pool.ref},
            "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"},
        }
        return iam.Role(
            self,
            "SignedIn",
            description="A signed-in user of MyTodoList: the own folder, nothing else",
            assumed_by=iam.FederatedPrincipal(
                "cognito-identity.amazonaws.com", conditions, "sts:AssumeRoleWithWebIdentity"
            ),
            max_session_duration=Duration.hours(1),
        )
