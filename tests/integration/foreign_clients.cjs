// A user's job with unmodified JavaScript clients: one line of JSON per step, [name, result].
const { readFileSync } = require("node:fs");
const { AuthenticationDetails, CognitoUser, CognitoUserPool } = require("amazon-cognito-identity-js");
const { CognitoJwtVerifier } = require("aws-jwt-verify");
const { CognitoIdentityClient, GetCredentialsForIdentityCommand, GetIdCommand } = require("@aws-sdk/client-cognito-identity");
const provider = require("@aws-sdk/client-cognito-identity-provider");
const s3 = require("@aws-sdk/client-s3");

const given = JSON.parse(readFileSync(0, "utf8"));
const { endpoint, region, userPoolId, clientId, identityPoolId, bucket, email, password, foreignKey } = given;
const say = (name, result) => console.log(JSON.stringify([name, result]));
const failure = async (call) => {
  try {
    await call();
    return "no error";
  } catch (error) {
    return error.name === "Error" ? error.constructor.name : error.name || error.code;
  }
};

function signIn(secret) {
  const pool = new CognitoUserPool({ UserPoolId: userPoolId, ClientId: clientId, endpoint });
  const user = new CognitoUser({ Username: email, Pool: pool });
  return new Promise((resolve, reject) =>
    user.authenticateUser(new AuthenticationDetails({ Username: email, Password: secret }), {
      onSuccess: (session, confirm) => resolve({ session, confirm, user }),
      onFailure: reject,
    }),
  );
}

async function main() {
  say("wrong password", await failure(() => signIn(`${password}-not`)));
  const { session, confirm, user } = await signIn(password);
  const idToken = session.getIdToken().getJwtToken();
  const accessToken = session.getAccessToken().getJwtToken();
  say("signed in", { email: session.getIdToken().payload.email, confirm });

  const jwks = await (await fetch(`${endpoint}/${userPoolId}/.well-known/jwks.json`)).json();
  const verifier = (tokenUse, client = clientId) => {
    const made = CognitoJwtVerifier.create({ userPoolId, tokenUse, clientId: client });
    made.cacheJwks(jwks);
    return made;
  };
  say("verified", [(await verifier("id").verify(idToken)).token_use, (await verifier("access").verify(accessToken)).token_use]);
  const last = accessToken.slice(-10, -9);
  const altered = accessToken.slice(0, -10) + (last === "A" ? "B" : "A") + accessToken.slice(-9);
  say("not verified", [
    await failure(() => verifier("access").verify(idToken)),
    await failure(() => verifier("id", "another").verify(idToken)),
    await failure(() => verifier("access").verify(altered)),
  ]);

  const refreshed = await new Promise((resolve, reject) =>
    user.refreshSession(session.getRefreshToken(), (error, found) => (error ? reject(error) : resolve(found))),
  );
  say("refreshed", refreshed.getAccessToken().getJwtToken() !== accessToken);

  const idp = new provider.CognitoIdentityProviderClient({ endpoint, region });
  const me = await idp.send(new provider.GetUserCommand({ AccessToken: accessToken }));
  say("who", me.UserAttributes.find(({ Name }) => Name === "email").Value);
  const weak = { ClientId: clientId, Username: `x-${email}`, Password: "weak" };
  say("weak password", await failure(() => idp.send(new provider.SignUpCommand(weak))));

  const identity = new CognitoIdentityClient({ endpoint, region });
  const logins = { [`cognito-idp.${region}.amazonaws.com/${userPoolId}`]: idToken };
  const { IdentityId } = await identity.send(new GetIdCommand({ IdentityPoolId: identityPoolId, Logins: logins }));
  const { Credentials } = await identity.send(new GetCredentialsForIdentityCommand({ IdentityId, Logins: logins }));
  say("guest", await failure(() => identity.send(new GetIdCommand({ IdentityPoolId: identityPoolId }))));

  const credentials = {
    accessKeyId: Credentials.AccessKeyId,
    secretAccessKey: Credentials.SecretKey,
    sessionToken: Credentials.SessionToken,
    expiration: Credentials.Expiration,
  };
  const files = new s3.S3Client({ endpoint, region, credentials, forcePathStyle: true });
  const place = { Bucket: bucket, Key: `${IdentityId}/von JavaScript/ä.txt` };
  await files.send(new s3.PutObjectCommand({ ...place, Body: "from JavaScript" }));
  const got = await files.send(new s3.GetObjectCommand({ ...place, ChecksumMode: "ENABLED" }));
  say("file", await got.Body.transformToString());
  const listed = await files.send(new s3.ListObjectsV2Command({ Bucket: bucket, Prefix: `${IdentityId}/` }));
  say("listed", listed.Contents.map(({ Key }) => Key.replace(IdentityId, "…")));
  say("foreign", [
    await failure(() => files.send(new s3.GetObjectCommand({ Bucket: bucket, Key: foreignKey }))),
    await failure(() => files.send(new s3.PutObjectCommand({ Bucket: bucket, Key: foreignKey, Body: "" }))),
    await failure(() => files.send(new s3.ListObjectsV2Command({ Bucket: bucket }))),
  ]);
  await files.send(new s3.DeleteObjectCommand(place));
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
