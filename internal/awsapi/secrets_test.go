package awsapi

import (
	"strings"
	"testing"
)

// TestSecretsAreSensitive checks members known to be secret, each by the way its
// own protocol names it. "in" is the request's body, "out" the response's; a
// member counts as sensitive if something that contains it is.
func TestSecretsAreSensitive(t *testing.T) {
	for row := range strings.SplitSeq(strings.TrimSpace(`
		sts:AssumeRole:out:AssumeRoleResult.Credentials.SessionToken
		sts:AssumeRole:in:TokenCode
		sts:GetSessionToken:out:GetSessionTokenResult.Credentials.SecretAccessKey
		sts:GetFederationToken:out:GetFederationTokenResult.Credentials.SessionToken
		sts:AssumeRoleWithWebIdentity:in:WebIdentityToken
		sts:AssumeRoleWithWebIdentity:out:AssumeRoleWithWebIdentityResult.Credentials.SessionToken
		sts:AssumeRoleWithSAML:in:SAMLAssertion
		secretsmanager:GetSecretValue:out:SecretString
		secretsmanager:GetSecretValue:out:SecretBinary
		secretsmanager:BatchGetSecretValue:out:SecretValues.*.SecretString
		secretsmanager:PutSecretValue:in:SecretString
		secretsmanager:CreateSecret:in:SecretBinary
		secretsmanager:GetRandomPassword:out:RandomPassword
		ssm:GetParameter:out:Parameter.Value
		ssm:GetParameters:out:Parameters.*.Value
		ssm:GetParametersByPath:out:Parameters.*.Value
		ssm:GetParameterHistory:out:Parameters.*.Value
		ssm:PutParameter:in:Value
		ssm:StartSession:out:TokenValue
		kms:Decrypt:out:Plaintext
		kms:Encrypt:in:Plaintext
		kms:GenerateDataKey:out:Plaintext
		kms:GenerateDataKeyPair:out:PrivateKeyPlaintext
		kms:GenerateRandom:out:Plaintext
		cognito-idp:InitiateAuth:in:AuthParameters
		cognito-idp:InitiateAuth:out:AuthenticationResult.AccessToken
		cognito-idp:SignUp:in:Password
		cognito-idp:AdminSetUserPassword:in:Password
		cognito-idp:DescribeUserPoolClient:out:UserPoolClient.ClientSecret
		cognito-identity:GetCredentialsForIdentity:out:Credentials.SecretKey
		cognito-identity:GetCredentialsForIdentity:out:Credentials.SessionToken
		cognito-identity:GetOpenIdToken:out:Token
		iam:CreateAccessKey:out:CreateAccessKeyResult.AccessKey.SecretAccessKey
		iam:CreateLoginProfile:in:Password
		iam:UpdateLoginProfile:in:Password
		iam:ChangePassword:in:OldPassword
		iam:UploadServerCertificate:in:PrivateKey
		iam:CreateVirtualMFADevice:out:CreateVirtualMFADeviceResult.VirtualMFADevice.Base32StringSeed
		iam:CreateServiceSpecificCredential:out:CreateServiceSpecificCredentialResult.ServiceSpecificCredential.ServicePassword
		RDS:CreateDBInstance:in:MasterUserPassword
		Neptune:CreateDBCluster:in:MasterUserPassword
		DocDB:CreateDBCluster:in:MasterUserPassword
		redshift:CreateCluster:in:MasterUserPassword
		redshift:GetClusterCredentials:out:GetClusterCredentialsResult.DbPassword
		ecr:GetAuthorizationToken:out:authorizationData.*.authorizationToken
		ecr-public:GetAuthorizationToken:out:authorizationData.authorizationToken
		codeartifact:GetAuthorizationToken:out:authorizationToken
		lambda:CreateFunction:in:Environment.Variables
		lambda:GetFunction:out:Configuration.Environment.Variables
		lambda:GetFunction:out:Code.Location
		ecs:RegisterTaskDefinition:in:containerDefinitions.*.environment.*.value
		codebuild:CreateProject:in:environment.environmentVariables.*.value
		codebuild:CreateWebhook:out:webhook.secret
		ec2:RunInstances:in:UserData
		ec2:CreateKeyPair:out:keyMaterial
		ec2:GetPasswordData:out:passwordData
		acm:ExportCertificate:in:Passphrase
		acm:ExportCertificate:out:PrivateKey
		acm:ImportCertificate:in:PrivateKey
		iot:CreateKeysAndCertificate:out:keyPair.PrivateKey
		dms:CreateEndpoint:in:Password
		ds:CreateDirectory:in:Password
		mq:CreateUser:in:password
		lightsail:CreateRelationalDatabase:in:masterUserPassword
		lightsail:GetInstanceAccessDetails:out:accessDetails.privateKey
		s3:CreateSession:out:Credentials.SecretAccessKey
		s3:CreateSession:out:Credentials.SessionToken
		awsssoportal:GetRoleCredentials:out:roleCredentials.secretAccessKey
		sso-oauth:CreateToken:in:clientSecret
		sso-oauth:CreateToken:out:accessToken
		elasticache:CreateReplicationGroup:in:AuthToken
		elasticache:CreateUser:in:Passwords
		glue:CreateConnection:in:ConnectionInput.ConnectionProperties
		elasticmapreduce:RunJobFlow:in:KerberosAttributes.KdcAdminPassword
		apigateway:CreateApiKey:out:value
		apigateway:CreateDomainName:in:certificatePrivateKey
		cloudformation:CreateStack:in:Parameters.*.ParameterValue
		mobiletargeting:UpdateGcmChannel:in:ApiKey
		elasticloadbalancing:CreateListener:in:DefaultActions.*.AuthenticateOidcConfig.ClientSecret
		sagemaker:CreatePresignedDomainUrl:out:AuthorizedUrl
		license-manager:GetAccessToken:out:AccessToken
		lakeformation:GetTemporaryGlueTableCredentials:out:SecretAccessKey
		appsync:CreateApiKey:out:apiKey.id
		fsx:CreateFileSystem:in:WindowsConfiguration.SelfManagedActiveDirectoryConfiguration.Password
		wafv2:CreateAPIKey:out:APIKey
		SSO OIDC:CreateToken:in:code
		SSO OIDC:CreateToken:in:codeVerifier
		SSO OIDC:CreateToken:in:deviceCode
		SSO OIDC:CreateToken:in:refreshToken
		SSO OIDC:CreateTokenWithIAM:in:code
		SSO OIDC:CreateTokenWithIAM:in:assertion
		SSO OIDC:StartDeviceAuthorization:out:userCode
		SSO OIDC:StartDeviceAuthorization:out:verificationUriComplete
		Signin:CreateOAuth2Token:in:code
		Signin:CreateOAuth2Token:in:codeVerifier
		Signin:CreateOAuth2Token:in:refreshToken
		cognito-idp:ConfirmSignUp:in:ConfirmationCode
		cognito-idp:ConfirmForgotPassword:in:ConfirmationCode
	`), "\n") {
		row = strings.TrimSpace(row)
		t.Run(row, func(t *testing.T) {
			part := strings.SplitN(row, ":", 4)
			o := LookUp(part[0], part[1])
			if o == nil {
				t.Fatal("no such operation")
			}
			s := o.RequestBody(o.Protocols()[0])
			if part[2] == "out" {
				s = o.ResponseBody(o.Protocols()[0])
			}
			sensitive := false
			for name := range strings.SplitSeq(part[3], ".") {
				s = walk(s, name)
				if !s.Valid() {
					t.Fatalf("no member %s", name)
				}
				sensitive = sensitive || s.Sensitive()
			}
			if !sensitive {
				t.Error("is not sensitive")
			}
		})
	}
}

// TestProgramsAreNoSecrets: what the models mark and the overlay does not.
func TestProgramsAreNoSecrets(t *testing.T) {
	for _, tt := range []struct {
		service, action string
		path            []string
	}{
		{"lambda", "CreateFunction", []string{"Code", "ZipFile"}},
		{"lambda", "UpdateFunctionCode", []string{"ZipFile"}},
		{"lambda", "PublishLayerVersion", []string{"Content", "ZipFile"}},
		{"cloudfront", "CreateFunction", []string{"FunctionCode"}},
	} {
		t.Run(tt.service+" "+tt.action, func(t *testing.T) {
			o := LookUp(tt.service, tt.action)
			s := o.RequestBody(o.Protocols()[0])
			for _, name := range tt.path {
				s = walk(s, name)
				if !s.Valid() || s.Sensitive() {
					t.Fatalf("%s: valid %v, sensitive %v", name, s.Valid(), s.Sensitive())
				}
			}
			if s.Kind() != Blob {
				t.Errorf("kind %v", s.Kind())
			}
		})
	}
}
