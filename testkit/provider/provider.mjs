// A certified OpenID Connect provider (npm `oidc-provider`) with some people, on a port of its own choosing.
//
// Prints its issuer, then does what each line of its standard input says, prints `done`, and ends with its input:
//   {"redirect_uris": ["http://…"]}         the addresses of its one client
//   {"person": "ada", "claims": {…}}        somebody, or what is said of them from now on
// Who logs in under a name of the list is that person; any password will do.
import http from "node:http";
import readline from "node:readline";
import Provider from "oidc-provider";

// The library says this and that in between.
console.info = console.error;

const [clientId, clientSecret] = process.argv.slice(2);

const people = {
  ada: { name: "Ada Lovelace", email: "ada@example.com", email_verified: true, groups: ["engineering", "everybody"] },
  grace: { name: "Grace Hopper", email: "grace@example.com", email_verified: false, groups: ["everybody"] },
  alan: { name: "Alan Turing", email: "alan@elsewhere.test", email_verified: true },
};

const server = http.createServer();
let handler;

function serve(issuer, redirectUris) {
  const provider = new Provider(issuer, {
    clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: redirectUris }],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
    scopes: ["openid", "email", "profile", "groups"],
    cookies: { keys: ["only for tests"] },
    pkce: { required: () => true },
    // Claims come from the userinfo endpoint alone, as the standard has it.
    conformIdTokenClaims: true,
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
  });
  handler = provider.callback();
}

server.on("request", (request, response) => handler(request, response));
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  serve(issuer, ["http://127.0.0.1/nobody"]);
  console.log(issuer);
  const lines = readline.createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    const { redirect_uris: redirectUris, person, claims } = JSON.parse(line);
    if (redirectUris) serve(issuer, redirectUris);
    if (person) people[person] = claims;
    console.log("done");
  });
  lines.on("close", () => process.exit(0));
});
