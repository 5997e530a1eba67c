package capture

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/neureaux/cloudmock/internal/body"
)

// The kinds of calls, by protocol. In bodies and queries SECRET is the canary
// and BASE64 its base64.
func jsonCall(service, target, request, response string) call {
	return call{host: service + ".us-east-1.amazonaws.com", body: request, answer: response,
		header:       []string{"Authorization", fmt.Sprintf(signed, service), "X-Amz-Target", target, "Content-Type", "application/x-amz-json-1.1"},
		answerHeader: []string{"Content-Type", "application/x-amz-json-1.1"}}
}

func queryCall(service, version, request, response string) call {
	return call{host: service + ".us-east-1.amazonaws.com", body: request + "&Version=" + version, answer: response,
		header:       []string{"Authorization", fmt.Sprintf(signed, service), "Content-Type", "application/x-www-form-urlencoded; charset=utf-8"},
		answerHeader: []string{"Content-Type", "text/xml"}}
}

func restCall(service, method, target, request, response string) call {
	path, query, _ := strings.Cut(target, "?")
	return call{method: method, host: service + ".us-east-1.amazonaws.com", path: path, query: query, body: request, answer: response,
		header: []string{"Authorization", fmt.Sprintf(signed, service), "Content-Type", "application/json"}, answerHeader: []string{"Content-Type", "application/json"}}
}

func (c call) with(secret string) call {
	r := strings.NewReplacer("SECRET", secret, "BASE64", base64.StdEncoding.EncodeToString([]byte(secret)))
	c.path, c.query, c.body, c.answer = r.Replace(c.path), r.Replace(c.query), r.Replace(c.body), r.Replace(c.answer)
	return c
}

const stsCredentials = `<Credentials><AccessKeyId>ASIAQ3EGVQ7XJQZ5XYZW</AccessKeyId><SecretAccessKey>SECRET</SecretAccessKey><SessionToken>SECRET</SessionToken><Expiration>2026-01-01T00:00:00Z</Expiration></Credentials>`

func stsCall(action, request string) call {
	return queryCall("sts", "2011-06-15", "Action="+action+request,
		"<"+action+"Response><"+action+"Result>"+stsCredentials+"</"+action+"Result></"+action+"Response>")
}

// TestSecretsOfServices has a row for each operation that is known to carry
// secrets, each in its protocol. keep is text that is no secret and stays.
func TestSecretsOfServices(t *testing.T) {
	for _, tt := range []struct {
		name string
		call call
		keep string
	}{
		{"sts AssumeRole", stsCall("AssumeRole", "&RoleArn=arn:aws:iam::123456789012:role/r&TokenCode=SECRET"), "arn:aws:iam::123456789012:role/r"},
		{"sts GetSessionToken", stsCall("GetSessionToken", "&DurationSeconds=900"), "2026-01-01T00:00:00Z"},
		{"sts GetFederationToken", stsCall("GetFederationToken", "&Name=bob"), "bob"},
		{"sts AssumeRoleWithWebIdentity", stsCall("AssumeRoleWithWebIdentity", "&WebIdentityToken=SECRET"), ""},
		{"sts AssumeRoleWithSAML", stsCall("AssumeRoleWithSAML", "&SAMLAssertion=SECRET"), ""},

		{"secretsmanager GetSecretValue, text", jsonCall("secretsmanager", "secretsmanager.GetSecretValue", `{"SecretId":"s1"}`, `{"ARN":"arn:aws:secretsmanager:us-east-1:123456789012:secret:s1","SecretString":"SECRET"}`), `"SecretId":"s1"`},
		{"secretsmanager GetSecretValue, JSON within", jsonCall("secretsmanager", "secretsmanager.GetSecretValue", `{"SecretId":"s1"}`, `{"SecretString":"{\"username\":\"admin\",\"password\":\"SECRET\"}"}`), `\"password\":`},
		{"secretsmanager GetSecretValue, binary", jsonCall("secretsmanager", "secretsmanager.GetSecretValue", `{"SecretId":"s1"}`, `{"SecretBinary":"BASE64"}`), ""},
		{"secretsmanager BatchGetSecretValue", jsonCall("secretsmanager", "secretsmanager.BatchGetSecretValue", `{}`, `{"SecretValues":[{"Name":"s1","SecretString":"SECRET"},{"SecretBinary":"BASE64"}]}`), `"Name":"s1"`},
		{"secretsmanager PutSecretValue", jsonCall("secretsmanager", "secretsmanager.PutSecretValue", `{"SecretId":"s1","SecretString":"SECRET"}`, `{"VersionId":"v"}`), `"SecretId":"s1"`},
		{"secretsmanager CreateSecret", jsonCall("secretsmanager", "secretsmanager.CreateSecret", `{"Name":"s1","SecretBinary":"BASE64"}`, `{"Name":"s1"}`), `"Name":"s1"`},
		{"secretsmanager GetRandomPassword", jsonCall("secretsmanager", "secretsmanager.GetRandomPassword", `{"PasswordLength":32}`, `{"RandomPassword":"SECRET"}`), `"PasswordLength":32`},

		{"ssm GetParameter", jsonCall("ssm", "AmazonSSM.GetParameter", `{"Name":"/p","WithDecryption":true}`, `{"Parameter":{"Name":"/p","Type":"SecureString","Value":"SECRET"}}`), `"Type":"SecureString"`},
		{"ssm GetParameters", jsonCall("ssm", "AmazonSSM.GetParameters", `{"Names":["/p"]}`, `{"Parameters":[{"Name":"/p","Value":"SECRET"}]}`), `"Name":"/p"`},
		{"ssm GetParametersByPath", jsonCall("ssm", "AmazonSSM.GetParametersByPath", `{"Path":"/"}`, `{"Parameters":[{"Name":"/p","Value":"SECRET"}],"NextToken":"page2"}`), `page2`},
		{"ssm GetParameterHistory", jsonCall("ssm", "AmazonSSM.GetParameterHistory", `{"Name":"/p"}`, `{"Parameters":[{"Name":"/p","Value":"SECRET"}]}`), ""},
		{"ssm PutParameter", jsonCall("ssm", "AmazonSSM.PutParameter", `{"Name":"/p","Value":"SECRET","Type":"SecureString"}`, `{"Version":1}`), ""},
		{"ssm StartSession", jsonCall("ssm", "AmazonSSM.StartSession", `{"Target":"i-1"}`, `{"SessionId":"s","TokenValue":"SECRET","StreamUrl":"wss://x/y?token=SECRET"}`), `"SessionId":"s"`},

		{"kms Decrypt", jsonCall("kms", "TrentService.Decrypt", `{"CiphertextBlob":"AAAA"}`, `{"KeyId":"k","Plaintext":"BASE64"}`), `"KeyId":"k"`},
		{"kms Encrypt", jsonCall("kms", "TrentService.Encrypt", `{"KeyId":"k","Plaintext":"BASE64"}`, `{"CiphertextBlob":"AAAA"}`), `"CiphertextBlob":"AAAA"`},
		{"kms GenerateDataKey", jsonCall("kms", "TrentService.GenerateDataKey", `{"KeyId":"k"}`, `{"CiphertextBlob":"AAAA","Plaintext":"BASE64"}`), ""},
		{"kms GenerateRandom", jsonCall("kms", "TrentService.GenerateRandom", `{"NumberOfBytes":32}`, `{"Plaintext":"BASE64"}`), ""},
		{"kms GenerateDataKeyPair", jsonCall("kms", "TrentService.GenerateDataKeyPair", `{"KeyId":"k","KeyPairSpec":"RSA_2048"}`, `{"PrivateKeyPlaintext":"BASE64","PublicKey":"AAAA"}`), `"PublicKey":"AAAA"`},

		{"cognito InitiateAuth", jsonCall("cognito-idp", "AWSCognitoIdentityProviderService.InitiateAuth", `{"AuthFlow":"USER_PASSWORD_AUTH","AuthParameters":{"USERNAME":"u","PASSWORD":"SECRET"}}`, `{"AuthenticationResult":{"AccessToken":"SECRET","IdToken":"SECRET","RefreshToken":"SECRET"}}`), `"AuthFlow":"USER_PASSWORD_AUTH"`},
		{"cognito SignUp", jsonCall("cognito-idp", "AWSCognitoIdentityProviderService.SignUp", `{"ClientId":"c","Username":"u","Password":"SECRET"}`, `{"UserConfirmed":false}`), ""},
		{"cognito AdminSetUserPassword", jsonCall("cognito-idp", "AWSCognitoIdentityProviderService.AdminSetUserPassword", `{"UserPoolId":"p","Username":"u","Password":"SECRET"}`, `{}`), `"UserPoolId":"p"`},
		{"cognito DescribeUserPoolClient", jsonCall("cognito-idp", "AWSCognitoIdentityProviderService.DescribeUserPoolClient", `{"UserPoolId":"p","ClientId":"c"}`, `{"UserPoolClient":{"ClientSecret":"SECRET"}}`), ""},
		{"cognito GetCredentialsForIdentity", jsonCall("cognito-identity", "AWSCognitoIdentityService.GetCredentialsForIdentity", `{"IdentityId":"i"}`, `{"Credentials":{"AccessKeyId":"ASIAQ3EGVQ7XJQZ5XYZW","SecretKey":"SECRET","SessionToken":"SECRET"}}`), `"IdentityId":"i"`},

		{"iam CreateAccessKey", queryCall("iam", "2010-05-08", "Action=CreateAccessKey&UserName=u", `<CreateAccessKeyResponse><CreateAccessKeyResult><AccessKey><UserName>u</UserName><AccessKeyId>AKIAQ3EGVQ7XJQZ5XYZW</AccessKeyId><SecretAccessKey>SECRET</SecretAccessKey></AccessKey></CreateAccessKeyResult></CreateAccessKeyResponse>`), "<UserName>u</UserName>"},
		{"iam CreateLoginProfile", queryCall("iam", "2010-05-08", "Action=CreateLoginProfile&UserName=u&Password=SECRET", `<R/>`), "UserName=u"},
		{"iam UpdateLoginProfile", queryCall("iam", "2010-05-08", "Action=UpdateLoginProfile&UserName=u&Password=SECRET", `<R/>`), ""},
		{"iam ChangePassword", queryCall("iam", "2010-05-08", "Action=ChangePassword&OldPassword=SECRET&NewPassword=SECRET", `<R/>`), ""},
		{"iam UploadServerCertificate", queryCall("iam", "2010-05-08", "Action=UploadServerCertificate&ServerCertificateName=n&PrivateKey=SECRET", `<R/>`), "ServerCertificateName=n"},
		{"iam CreateVirtualMFADevice", queryCall("iam", "2010-05-08", "Action=CreateVirtualMFADevice&VirtualMFADeviceName=n", `<CreateVirtualMFADeviceResponse><CreateVirtualMFADeviceResult><VirtualMFADevice><SerialNumber>arn</SerialNumber><Base32StringSeed>BASE64</Base32StringSeed><QRCodePNG>BASE64</QRCodePNG></VirtualMFADevice></CreateVirtualMFADeviceResult></CreateVirtualMFADeviceResponse>`), "<SerialNumber>arn</SerialNumber>"},
		{"iam CreateServiceSpecificCredential", queryCall("iam", "2010-05-08", "Action=CreateServiceSpecificCredential&UserName=u", `<CreateServiceSpecificCredentialResponse><CreateServiceSpecificCredentialResult><ServiceSpecificCredential><ServicePassword>SECRET</ServicePassword></ServiceSpecificCredential></CreateServiceSpecificCredentialResult></CreateServiceSpecificCredentialResponse>`), ""},

		{"rds CreateDBInstance", queryCall("rds", "2014-10-31", "Action=CreateDBInstance&DBInstanceIdentifier=d&MasterUsername=m&MasterUserPassword=SECRET", `<R/>`), "DBInstanceIdentifier=d"},
		{"redshift CreateCluster", queryCall("redshift", "2012-12-01", "Action=CreateCluster&ClusterIdentifier=c&MasterUserPassword=SECRET", `<R/>`), ""},
		{"docdb CreateDBCluster", queryCall("rds", "2014-10-31", "Action=CreateDBCluster&Engine=docdb&MasterUserPassword=SECRET", `<R/>`), "Engine=docdb"},
		{"neptune ModifyDBCluster", queryCall("rds", "2014-10-31", "Action=ModifyDBCluster&MasterUserPassword=SECRET", `<R/>`), ""},
		{"redshift GetClusterCredentials", queryCall("redshift", "2012-12-01", "Action=GetClusterCredentials&DbUser=u", `<GetClusterCredentialsResponse><GetClusterCredentialsResult><DbUser>u</DbUser><DbPassword>SECRET</DbPassword></GetClusterCredentialsResult></GetClusterCredentialsResponse>`), ""},
		{"elasticache CreateReplicationGroup", queryCall("elasticache", "2015-02-02", "Action=CreateReplicationGroup&AuthToken=SECRET&ReplicationGroupId=r", `<R/>`), "ReplicationGroupId=r"},

		{"ecr GetAuthorizationToken", jsonCall("ecr", "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken", `{}`, `{"authorizationData":[{"authorizationToken":"BASE64","proxyEndpoint":"https://123456789012.dkr.ecr.us-east-1.amazonaws.com"}]}`), "dkr.ecr"},
		{"codeartifact GetAuthorizationToken", restCall("codeartifact", "POST", "/v1/authorization-token?domain=d", ``, `{"authorizationToken":"SECRET","expiration":1.7e9}`), `"expiration":`},

		{"lambda CreateFunction", restCall("lambda", "POST", "/2015-03-31/functions", `{"FunctionName":"f","Environment":{"Variables":{"DB_PASS":"SECRET"}}}`, `{"FunctionName":"f","Environment":{"Variables":{"DB_PASS":"SECRET"}}}`), `"FunctionName":"f"`},
		{"lambda GetFunctionConfiguration", restCall("lambda", "GET", "/2015-03-31/functions/f/configuration", ``, `{"Environment":{"Variables":{"A":"SECRET"}}}`), ""},
		{"lambda GetFunction", restCall("lambda", "GET", "/2015-03-31/functions/f", ``, `{"Code":{"Location":"https://awslambda.s3.amazonaws.com/x?X-Amz-Signature=SECRET&X-Amz-Security-Token=SECRET"}}`), "https://awslambda.s3.amazonaws.com/"},
		{"lambda Invoke, JSON", restCall("lambda", "POST", "/2015-03-31/functions/f/invocations", `{"password":"SECRET"}`, `{"token":"SECRET"}`), ""},
		{"lambda Invoke, text", restCall("lambda", "POST", "/2015-03-31/functions/f/invocations", `"SECRET"`, `Plain SECRET`), ""},
		{"ecs RegisterTaskDefinition", jsonCall("ecs", "AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition", `{"family":"f","containerDefinitions":[{"name":"c","environment":[{"name":"PW","value":"SECRET"}]}]}`, `{"taskDefinition":{"containerDefinitions":[{"environment":[{"name":"PW","value":"SECRET"}]}]}}`), `"family":"f"`},
		{"codebuild CreateProject", jsonCall("codebuild", "CodeBuild_20161006.CreateProject", `{"name":"n","environment":{"environmentVariables":[{"name":"PW","value":"SECRET"}]}}`, `{}`), `"name":"n"`},
		{"ec2 RunInstances", queryCall("ec2", "2016-11-15", "Action=RunInstances&ImageId=ami-1&UserData=BASE64", `<R/>`), "ImageId=ami-1"},
		{"ec2 DescribeInstanceAttribute", queryCall("ec2", "2016-11-15", "Action=DescribeInstanceAttribute&Attribute=userData", `<DescribeInstanceAttributeResponse><userData><value>BASE64</value></userData></DescribeInstanceAttributeResponse>`), "Attribute=userData"},
		{"ec2 CreateKeyPair", queryCall("ec2", "2016-11-15", "Action=CreateKeyPair&KeyName=k", `<CreateKeyPairResponse><keyName>k</keyName><keyMaterial>-----BEGIN RSA PRIVATE KEY-----&#13;
SECRETSECRETSECRET
-----END RSA PRIVATE KEY-----</keyMaterial></CreateKeyPairResponse>`), "-----BEGIN RSA PRIVATE KEY-----"},
		{"ec2 GetPasswordData", queryCall("ec2", "2016-11-15", "Action=GetPasswordData&InstanceId=i-1", `<GetPasswordDataResponse><instanceId>i-1</instanceId><passwordData>SECRET</passwordData></GetPasswordDataResponse>`), "i-1"},
		{"acm ExportCertificate", jsonCall("acm", "CertificateManager.ExportCertificate", `{"CertificateArn":"a","Passphrase":"BASE64"}`, `{"PrivateKey":"-----BEGIN ENCRYPTED PRIVATE KEY-----\nSECRETSECRET\n-----END ENCRYPTED PRIVATE KEY-----"}`), ""},
		{"acm ImportCertificate", jsonCall("acm", "CertificateManager.ImportCertificate", `{"PrivateKey":"BASE64","Certificate":"AAAA"}`, `{}`), `"Certificate":"AAAA"`},
		{"iot CreateKeysAndCertificate", restCall("iot", "POST", "/keys-and-certificate", ``, `{"certificateId":"c","keyPair":{"PublicKey":"p","PrivateKey":"-----BEGIN RSA PRIVATE KEY-----\nSECRETSECRET\n-----END RSA PRIVATE KEY-----\n"}}`), `"certificateId":"c"`},
		{"dms CreateEndpoint", jsonCall("dms", "AmazonDMSv20160101.CreateEndpoint", `{"EndpointIdentifier":"e","Password":"SECRET"}`, `{}`), ""},
		{"ds CreateDirectory", jsonCall("ds", "DirectoryService_20150416.CreateDirectory", `{"Name":"n","Password":"SECRET"}`, `{}`), ""},
		{"mq CreateUser", restCall("mq", "POST", "/v1/brokers/b/users/u", `{"password":"SECRET","consoleAccess":true}`, ``), `"consoleAccess":true`},
		{"lightsail GetInstanceAccessDetails", jsonCall("lightsail", "Lightsail_20161128.GetInstanceAccessDetails", `{"instanceName":"i"}`, `{"accessDetails":{"username":"u","password":"SECRET","privateKey":"SECRET"}}`), ""},
		{"lightsail CreateKeyPair", jsonCall("lightsail", "Lightsail_20161128.CreateKeyPair", `{"keyPairName":"k"}`, `{"privateKeyBase64":"SECRET"}`), ""},
		{"s3 CreateSession", call{method: "GET", host: "b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com", query: "session",
			header: []string{"Authorization", fmt.Sprintf(signed, "s3express")}, answerHeader: []string{"Content-Type", "application/xml"},
			answer: `<CreateSessionResult><Credentials><SessionToken>SECRET</SessionToken><SecretAccessKey>SECRET</SecretAccessKey><AccessKeyId>SECRET</AccessKeyId><Expiration>2026-01-01T00:00:00Z</Expiration></Credentials></CreateSessionResult>`}, "2026-01-01T00:00:00Z"},
		{"sso GetRoleCredentials", call{method: "GET", host: "portal.sso.us-east-1.amazonaws.com", path: "/federation/credentials", query: "role_name=r&account_id=123456789012",
			header: []string{"x-amz-sso_bearer_token", "token"}, answer: `{"roleCredentials":{"accessKeyId":"SECRET","secretAccessKey":"SECRET","sessionToken":"SECRET","expiration":1700000000000}}`}, "role_name=r"},
		{"sso-oidc CreateToken", call{host: "oidc.us-east-1.amazonaws.com", path: "/token", body: `{"clientId":"c","clientSecret":"SECRET","deviceCode":"SECRET","grantType":"urn:ietf:params:oauth:grant-type:device_code"}`,
			header: []string{"Content-Type", "application/json"}, answer: `{"accessToken":"SECRET","refreshToken":"SECRET","idToken":"SECRET","tokenType":"Bearer"}`}, `"tokenType":"Bearer"`},
		{"bedrock InvokeModel", restCall("bedrock-runtime", "POST", "/model/m/invoke", `{"prompt":"SECRET"}`, `{"completion":"SECRET"}`), `"completion"`},
		{"cloudformation CreateStack", queryCall("cloudformation", "2010-05-15", "Action=CreateStack&StackName=s&Parameters.member.1.ParameterKey=Pw&Parameters.member.1.ParameterValue=SECRET", `<R/>`), "StackName=s"},
		{"elbv2 CreateListener", queryCall("elasticloadbalancing", "2015-12-01", "Action=CreateListener&DefaultActions.member.1.AuthenticateOidcConfig.ClientSecret=SECRET&Port=443", `<R/>`), "Port=443"},
		{"apigateway CreateApiKey", restCall("apigateway", "POST", "/apikeys", `{"name":"n","value":"SECRET"}`, `{"id":"i","name":"n","value":"SECRET"}`), `"name":"n"`},

		{"an unknown service's credentials", jsonCall("newservice", "NewService_2030.GetTemporaryCredentials", `{"Role":"r"}`, `{"Anything":"SECRET"}`), `"Role":"r"`},
		{"an unknown service's password", jsonCall("newservice", "NewService_2030.CreateThing", `{"Name":"n","AdminPassword":"SECRET"}`, `{"Thing":{"api_key":"SECRET","Name":"n"}}`), `"Name":"n"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			secret := canary(t)
			line := record(t, Options{}, tt.call.with(secret))[0]
			if how := leak(t, line, secret); how != "" {
				t.Errorf("in %s: %s", how, line)
			}
			e := decodeLine(t, line)
			all := e.Query + "\n" + string(e.RequestBody.Data) + "\n" + string(e.ResponseBody.Data)
			if !strings.Contains(all, tt.keep) {
				t.Errorf("%q is gone: %s", tt.keep, line)
			}
			for _, part := range []struct{ was, is string }{{tt.call.body, string(e.RequestBody.Data)}, {tt.call.answer, string(e.ResponseBody.Data)}} {
				var was, is body.Tree
				was.Parse([]byte(part.was), body.Options{ContentType: e.RequestHeaders.Get("Content-Type")})
				if err := is.Parse([]byte(part.is), body.Options{ContentType: e.RequestHeaders.Get("Content-Type")}); err != nil || is.Format() != was.Format() || is.Size() != was.Size() {
					t.Errorf("the form changed (%v): %s", err, part.is)
				}
			}
			if plain := record(t, Options{NoRedact: true}, tt.call.with(secret))[0]; leak(t, plain, secret) == "" {
				t.Error("the test's secret is not even in the body: the test cannot fail")
			}
		})
	}
}

func TestSecretsInCBOR(t *testing.T) {
	secret := canary(t)
	request, err := cbor.Marshal(map[string]any{"Name": "n", "Password": secret, "AdminPassword": secret})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := cbor.Marshal(map[string]any{"Credentials": map[string]any{"SecretAccessKey": []byte(secret), "SessionToken": secret, "Count": 7}})
	if err != nil {
		t.Fatal(err)
	}
	c := call{host: "newservice.us-east-1.amazonaws.com", path: "/service/NewService/operation/GetCredentials", body: string(request), answer: string(answer),
		header:       []string{"Authorization", fmt.Sprintf(signed, "newservice"), "Smithy-Protocol", "rpc-v2-cbor", "Content-Type", "application/cbor"},
		answerHeader: []string{"Content-Type", "application/cbor"}}
	line := record(t, Options{}, c)[0]
	if how := leak(t, line, secret); how != "" {
		t.Errorf("in %s: %s", how, line)
	}
	var got map[string]map[string]any
	if err := cbor.Unmarshal(decodeLine(t, line).ResponseBody.Data, &got); err != nil || got["Credentials"]["Count"] == nil {
		t.Errorf("%v, %v", got, err)
	}
}
