"""The configurations that are given to botocore and to the library.

If `why` is None, both must behave the same: the same hosts, routes, identities and result. Otherwise `library` is the behaviour
of the library, and `why` is the reason for the difference. In texts, $HOME and $CA stand for the home folder of the case and for
the file of the CA."""

from dataclasses import dataclass, field

LATER = "2099-01-01T00:00:00Z"
PAST = "2020-01-01T00:00:00Z"


@dataclass
class Case:
    name: str
    environment: dict = field(default_factory=dict)
    config: str = None
    credentials: str = None
    json: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)  # more files, below $HOME
    library: str = None
    why: str = None
    retries: bool = False  # whether the environment sets the number of attempts
    ipv6: bool = False


CASES = []


def case(name, environment=None, *, library=None, why=None, **more):
    assert (library is None) == (why is None), name
    CASES.append(Case(name, environment or {}, library=library, why=why, **more))


def process(key="AKIAPROCESS", **members):
    import json

    return (
        "credential_process = echo '"
        + json.dumps({"Version": 1, "AccessKeyId": key, "SecretAccessKey": "s", **members})
        + "'\n"
    )


KEYS = {"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "s"}
REGION = {"AWS_DEFAULT_REGION": "us-west-2"}
HERE = KEYS | REGION
DEFAULT = "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = s\n"
WORK = "[work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = s\naws_session_token = ofWork\n"
BOTH = DEFAULT + WORK
PROFILES = "[default]\nregion = eu-central-1\n[profile work]\nregion = eu-west-1\n"
NO_REGION = "the README: us-east-1 if no region is configured"


def at(region, who="AKIAENV", host=None, way="direct"):
    """A successful converse call, as world.py records it."""
    return f"converse {who} {region} bedrock at {host or f'bedrock-runtime.{region}.amazonaws.com'} {way} | ok"


# Static keys, and their precedence.
case("keys of the variables", HERE)
case("keys with a session token", HERE | {"AWS_SESSION_TOKEN": "ofEnv"})
case("keys with the old name of a session token", HERE | {"AWS_SECURITY_TOKEN": "old"})
case(
    "keys with both names of a session token",
    HERE | {"AWS_SECURITY_TOKEN": "old", "AWS_SESSION_TOKEN": "new"},
    library=at("us-west-2").replace(" bedrock at", " bedrock session new at"),
    why="AWS_SESSION_TOKEN is the name that AWS documents",
)
case("an empty session token", HERE | {"AWS_SESSION_TOKEN": ""})
case("a key id without a secret", REGION | {"AWS_ACCESS_KEY_ID": "AKIAENV"})
case("a secret without a key id", REGION | {"AWS_SECRET_ACCESS_KEY": "s"})
case(
    "an empty key id, and a profile",
    REGION | {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
    credentials=DEFAULT,
)
case(
    "a key id with an empty secret",
    REGION | {"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": ""},
    credentials=DEFAULT,
)
case("no credentials at all", REGION)
case("keys of the credentials file", REGION, credentials=DEFAULT)
case("keys of the config file", REGION, config=DEFAULT)
case("keys of both files", REGION, config=DEFAULT.replace("AKIADEFAULT", "AKIACONFIG"), credentials=DEFAULT)
case("keys of the variables win over the default profile", HERE, credentials=DEFAULT)
case("keys of the variables win over AWS_PROFILE", HERE | {"AWS_PROFILE": "work"}, credentials=BOTH)
case("keys of the config JSON", REGION, credentials=DEFAULT, json={"api_key": "AKIAJSON", "secret_key": "s"})
case(
    "keys of the config JSON win over variables",
    HERE | {"AWS_SESSION_TOKEN": "ofEnv"},
    json={"api_key": "AKIAJSON", "secret_key": "s"},
)
case(
    "keys of the config JSON with a token",
    HERE,
    json={"api_key": "AKIAJSON", "secret_key": "s", "session_token": "ofJson"},
)
case("a profile with a session token", REGION | {"AWS_PROFILE": "work"}, credentials=BOTH)
case("a profile with the old name of a session token", REGION, credentials=DEFAULT + "aws_security_token = old\n")
case("a profile with a key id alone", REGION, credentials="[default]\naws_access_key_id = AKIADEFAULT\n")
case("a profile with a secret alone", REGION, credentials="[default]\naws_secret_access_key = s\n")
case(
    "a profile with empty keys",
    REGION,
    credentials="[default]\naws_access_key_id =\naws_secret_access_key =\n",
    library="credentials",
    why="an empty value is ignored; botocore signs with an empty key",
)

# Profiles, and their names.
case("AWS_PROFILE", REGION | {"AWS_PROFILE": "work"}, credentials=BOTH)
case("AWS_DEFAULT_PROFILE", REGION | {"AWS_DEFAULT_PROFILE": "work"}, credentials=BOTH)
case(
    "both names of the profile",
    REGION | {"AWS_DEFAULT_PROFILE": "work", "AWS_PROFILE": "default"},
    credentials=BOTH,
    library=at("us-west-2", "AKIADEFAULT"),
    why="AWS_PROFILE is the name that AWS documents; the other SDKs read it first, too",
)
case(
    "an empty AWS_PROFILE",
    REGION | {"AWS_PROFILE": ""},
    credentials=BOTH,
    library=at("us-west-2", "AKIADEFAULT"),
    why="an empty variable is ignored",
)
case("profile of the config JSON", REGION, credentials=BOTH, json={"profile": "work"})
case(
    "profile of the config JSON wins over AWS_PROFILE",
    REGION | {"AWS_PROFILE": "default"},
    credentials=BOTH,
    json={"profile": "work"},
)
case("profile of the config JSON wins over keys", HERE, credentials=BOTH, json={"profile": "work"})
case("an absent AWS_PROFILE", REGION | {"AWS_PROFILE": "nobody"}, credentials=BOTH)
case("an absent AWS_PROFILE beside keys", HERE | {"AWS_PROFILE": "nobody"}, credentials=BOTH)
case(
    "an absent AWS_PROFILE beside keys of the config JSON",
    REGION | {"AWS_PROFILE": "nobody"},
    credentials=BOTH,
    json={"api_key": "AKIAJSON", "secret_key": "s"},
    library=at("us-west-2", "AKIAJSON"),
    why="a program with its own keys needs no profile",
)
case("an absent profile of the config JSON", REGION, credentials=BOTH, json={"profile": "nobody"})
case(
    "a profile of the config file alone",
    REGION | {"AWS_PROFILE": "work"},
    config="[profile work]\n" + WORK.partition("\n")[2],
)
case("a section of the config file that is not a profile", REGION | {"AWS_PROFILE": "work"}, config=WORK)
case("[profile default]", REGION, config="[profile default]\n" + DEFAULT.partition("\n")[2])
case(
    "[profile x] in the credentials file",
    REGION | {"AWS_PROFILE": "work"},
    credentials="[profile work]\n" + WORK.partition("\n")[2],
)
case("a name in double quotes", REGION | {"AWS_PROFILE": "my p"}, config='[profile "my p"]\n' + WORK.partition("\n")[2])
case("a name in single quotes", REGION | {"AWS_PROFILE": "my p"}, config="[profile 'my p']\n" + WORK.partition("\n")[2])
case(
    "a name with a space in the credentials file",
    REGION | {"AWS_PROFILE": "my p"},
    credentials="[my p]\n" + WORK.partition("\n")[2],
)
case(
    "a name with a space and without quotes",
    REGION | {"AWS_PROFILE": "my p"},
    config="[profile my p]\n" + WORK.partition("\n")[2],
)
case(
    "a name in quotes without a space",
    REGION | {"AWS_PROFILE": "p"},
    config='[profile "p"]\n' + WORK.partition("\n")[2],
)
case("spaces around a name", REGION | {"AWS_PROFILE": "work"}, config="[profile   work ]\n" + WORK.partition("\n")[2])
case("a name with umlauts", REGION | {"AWS_PROFILE": "bürö"}, config="[profile bürö]\n" + WORK.partition("\n")[2])
case(
    "AWS_CONFIG_FILE",
    HERE | {"AWS_CONFIG_FILE": "$HOME/mine"},
    files={"mine": "[default]\nregion = eu-north-1\n"},
    config=PROFILES,
)
case("AWS_CONFIG_FILE with ~", KEYS | {"AWS_CONFIG_FILE": "~/mine"}, files={"mine": "[default]\nregion = eu-north-1\n"})
case(
    "AWS_SHARED_CREDENTIALS_FILE",
    REGION | {"AWS_SHARED_CREDENTIALS_FILE": "$HOME/mine"},
    files={"mine": WORK.replace("[work]", "[default]")},
    credentials=DEFAULT,
)
case("a missing AWS_CONFIG_FILE", HERE | {"AWS_CONFIG_FILE": "/no/such/file"}, config=PROFILES)
case(
    "an empty AWS_CONFIG_FILE",
    KEYS | {"AWS_CONFIG_FILE": ""},
    config=PROFILES,
    library=at("eu-central-1"),
    why="an empty variable is ignored",
)
case(
    "an empty AWS_SHARED_CREDENTIALS_FILE",
    REGION | {"AWS_SHARED_CREDENTIALS_FILE": ""},
    credentials=DEFAULT,
    library=at("us-west-2", "AKIADEFAULT"),
    why="an empty variable is ignored",
)
case("/dev/null for both files", HERE | {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"})
case("a folder instead of a file", HERE | {"AWS_CONFIG_FILE": "/tmp"})

# The syntax of files.
case("comment lines", HERE, config="# one\n; two\n[default]\n# three\nregion = eu-west-1\n  # four\n")
case(
    "a comment after a value",
    KEYS,
    config="[default]\nregion = eu-west-1 # mine\n",
    library=at("eu-west-1"),
    why="a comment may end a line, as in the SDKs for Go, Java and JavaScript",
)
case("a comment after a section", KEYS, config="[default] # mine\nregion = eu-west-1\n")
case("a colon for the equals sign", KEYS, config="[default]\nregion: eu-west-1\n")
case("keys in capitals", KEYS, config="[default]\nREGION = eu-west-1\n")
case("no spaces around the equals sign", KEYS, config="[default]\nregion=eu-west-1\n")
case("indented keys", KEYS, config="[default]\n  region = eu-west-1\n  output = json\n")
case("blank lines, carriage returns", KEYS, config="\r\n[default]\r\n\r\nregion = eu-west-1\r\n")
case(
    "another section's nested keys", KEYS, config="[default]\ns3 =\n  max_concurrent_requests = 5\nregion = eu-west-1\n"
)
case("an unknown key", KEYS, config="[default]\nwhatever = 5\nregion = eu-west-1\n[plugins]\nx = y\n")
case("a key before any section", HERE, config="region = eu-west-1\n[default]\n")
case("a line that is not a setting", HERE, config="[default]\nregion\n")
case("a section without its end", HERE, config="[default\nregion = eu-west-1\n")
case("a section twice", HERE, config="[default]\nregion = eu-west-1\n[default]\noutput = json\n")
case("a key twice", HERE, config="[default]\nregion = eu-west-1\nregion = eu-west-2\n")
case("a nested line without an equals sign", HERE, config="[default]\ns3 =\n  max\nregion = eu-west-1\n")
case("a file that is not UTF-8", HERE, config=b"[default]\nregion = \xff\xfe\n")
case("a broken credentials file", HERE, credentials="[default]\nAKIADEFAULT\n")
case(
    "a broken file beside a complete config JSON",
    {},
    config="[default]\nregion\n",
    json={"api_key": "AKIAJSON", "secret_key": "s", "region": "eu-west-1"},
)
case(
    "a byte order mark",
    KEYS,
    config="\ufeff[default]\nregion = eu-west-1\n",
    library=at("eu-west-1"),
    why="editors on Windows write one; botocore rejects the file",
)
case("an empty file", HERE, config="", credentials="")

# Regions.
case("AWS_DEFAULT_REGION", HERE)
case(
    "AWS_REGION",
    KEYS | {"AWS_REGION": "eu-west-1"},
    library=at("eu-west-1"),
    why="AWS_REGION is the name that AWS documents, and all SDKs but botocore read",
)
case(
    "AWS_REGION wins",
    KEYS | {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-west-2"},
    library=at("eu-west-1"),
    why="AWS_REGION is the name that AWS documents, and all SDKs but botocore read",
)
case("an empty AWS_REGION", HERE | {"AWS_REGION": ""})
case(
    "an empty AWS_DEFAULT_REGION and a profile",
    KEYS | {"AWS_DEFAULT_REGION": ""},
    config=PROFILES,
    library=at("eu-central-1"),
    why="an empty variable is ignored",
)
case("the default profile's region", KEYS, config=PROFILES)
case("AWS_PROFILE's region", KEYS | {"AWS_PROFILE": "work"}, config=PROFILES)
case("the region of the config JSON's profile", {}, config=PROFILES, credentials=BOTH, json={"profile": "work"})
case("the region of the config JSON wins", HERE, config=PROFILES, json={"region": "ap-south-1"})
case("a region in the credentials file", KEYS, credentials="[default]\nregion = eu-north-1\n")
case("regions in both files", KEYS, config=PROFILES, credentials="[default]\nregion = eu-north-1\n")
case("no region", KEYS, library=at("us-east-1"), why=NO_REGION)
case("an empty region in the profile", KEYS, config="[default]\nregion =\n", library=at("us-east-1"), why=NO_REGION)
case("an invalid region", KEYS | {"AWS_DEFAULT_REGION": "US East"})
case("a region with a dot", KEYS | {"AWS_DEFAULT_REGION": "us-east-1.evil.example"})
case("an invalid region of a profile", KEYS, config="[default]\nregion = us east\n")
case("us-gov", KEYS | {"AWS_DEFAULT_REGION": "us-gov-west-1"})

# Endpoints.
GATEWAY = "https://gateway.example"
case("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", HERE | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": GATEWAY})
case("AWS_ENDPOINT_URL", HERE | {"AWS_ENDPOINT_URL": GATEWAY})
case(
    "both endpoint variables",
    HERE | {"AWS_ENDPOINT_URL": "https://all.example", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": GATEWAY},
)
case("an empty AWS_ENDPOINT_URL", HERE | {"AWS_ENDPOINT_URL": ""})
case("an empty AWS_ENDPOINT_URL_BEDROCK_RUNTIME", HERE | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": ""})
case(
    "an empty endpoint variable and a profile's",
    HERE | {"AWS_ENDPOINT_URL": ""},
    config=f"[default]\nendpoint_url = {GATEWAY}\n",
)
case("endpoint_url of the profile", HERE, config=f"[default]\nendpoint_url = {GATEWAY}\n")
case("an empty endpoint_url of the profile", HERE, config="[default]\nendpoint_url =\n")
SERVICES = f"[default]\nservices = mine\n[services mine]\nbedrock_runtime =\n  endpoint_url = {GATEWAY}\n"
case("a services section", HERE, config=SERVICES)
case(
    "a services section beside endpoint_url",
    HERE,
    config=SERVICES.replace("services = mine\n[", "services = mine\nendpoint_url = https://all.example\n["),
)
case("a services section beside AWS_ENDPOINT_URL", HERE | {"AWS_ENDPOINT_URL": "https://all.example"}, config=SERVICES)
case(
    "a services section with another service name",
    HERE,
    config=SERVICES.replace("bedrock_runtime", "bedrock-runtime"),
)
case("a services section of another service", HERE, config=SERVICES.replace("bedrock_runtime", "s3"))
case(
    "a missing services section",
    HERE,
    config="[default]\nservices = nobody\n",
    library=at("us-west-2"),
    why="a missing section configures nothing; botocore fails",
)
case("a services section with a quoted name", HERE, config=SERVICES.replace("[services mine]", '[services "mine"]'))
case(
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    HERE | {"AWS_ENDPOINT_URL": GATEWAY, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
)
case(
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is false",
    HERE | {"AWS_ENDPOINT_URL": GATEWAY, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false"},
)
case(
    "ignore_configured_endpoint_urls",
    HERE,
    config=SERVICES.replace("services = mine\n[", "services = mine\nignore_configured_endpoint_urls = true\n["),
)
case(
    "ignored endpoints and base_url", HERE | {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, json={"base_url": GATEWAY}
)
case("base_url", HERE | {"AWS_ENDPOINT_URL": "https://all.example"}, json={"base_url": GATEWAY})
case("base_url with a path", HERE, json={"base_url": GATEWAY + "/prefix"})
case("an endpoint on this machine", HERE | {"AWS_ENDPOINT_URL": "http://127.0.0.1:8080"})
case("an endpoint of another service alone", HERE | {"AWS_ENDPOINT_URL_S3": GATEWAY})
case("an endpoint that is not a URL", HERE | {"AWS_ENDPOINT_URL": "gateway"})
case(
    "an http:// endpoint",
    HERE | {"AWS_ENDPOINT_URL": "http://gateway.example"},
    library="config",
    why="no secret is sent over http:// to another machine without allow_http",
)
case(
    "an http:// endpoint with allow_http",
    HERE | {"AWS_ENDPOINT_URL": "http://gateway.example"},
    json={"allow_http": True},
)
case(
    "an endpoint with a password",
    HERE | {"AWS_ENDPOINT_URL": "https://user:password@gateway.example"},
    library="config",
    why="a password in an endpoint would be sent in the Host header, or not at all",
)

# FIPS and dual stack.
case("AWS_USE_FIPS_ENDPOINT", KEYS | {"AWS_DEFAULT_REGION": "us-east-1", "AWS_USE_FIPS_ENDPOINT": "true"})
case("AWS_USE_FIPS_ENDPOINT is TRUE", KEYS | {"AWS_DEFAULT_REGION": "us-east-1", "AWS_USE_FIPS_ENDPOINT": "TRUE"})
case("AWS_USE_FIPS_ENDPOINT is 1", KEYS | {"AWS_DEFAULT_REGION": "us-east-1", "AWS_USE_FIPS_ENDPOINT": "1"})
case("an empty AWS_USE_FIPS_ENDPOINT", HERE | {"AWS_USE_FIPS_ENDPOINT": ""})
case("use_fips_endpoint", HERE, config="[default]\nuse_fips_endpoint = true\n")
case(
    "AWS_USE_FIPS_ENDPOINT wins over the profile",
    HERE | {"AWS_USE_FIPS_ENDPOINT": "false"},
    config="[default]\nuse_fips_endpoint = true\n",
)
case("fips of the config JSON", HERE, json={"fips": True})
case("fips of the config JSON is off", HERE | {"AWS_USE_FIPS_ENDPOINT": "true"}, json={"fips": False})
case("AWS_USE_DUALSTACK_ENDPOINT", HERE | {"AWS_USE_DUALSTACK_ENDPOINT": "true"})
case("use_dualstack_endpoint", HERE, config="[default]\nuse_dualstack_endpoint = true\n")
case("dual_stack of the config JSON", HERE, json={"dual_stack": True})
case("FIPS and dual stack", HERE | {"AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_USE_FIPS_ENDPOINT": "true"})
case(
    "FIPS and an endpoint",
    HERE | {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_ENDPOINT_URL": GATEWAY},
    library="config",
    why="the service has no rule for FIPS at another endpoint; botocore silently ignores FIPS",
)
case(
    "FIPS and base_url",
    HERE | {"AWS_USE_FIPS_ENDPOINT": "true"},
    json={"base_url": GATEWAY},
    library="config",
    why="the service has no rule for FIPS at another endpoint; botocore silently ignores FIPS",
)
case(
    "FIPS and a role",
    HERE | {"AWS_USE_FIPS_ENDPOINT": "true"},
    config="[default]\nrole_arn = arn:aws:iam::1:role/reader\ncredential_source = Environment\n",
    json={"profile": "default"},
)

# Bearer tokens.
TOKEN = {"AWS_BEARER_TOKEN_BEDROCK": "bedrockKey"}
case("AWS_BEARER_TOKEN_BEDROCK", REGION | TOKEN)
case("AWS_BEARER_TOKEN_BEDROCK wins over keys", HERE | TOKEN)
case(
    "an empty AWS_BEARER_TOKEN_BEDROCK",
    HERE | {"AWS_BEARER_TOKEN_BEDROCK": ""},
    library=at("us-west-2"),
    why="an empty variable is ignored; botocore sends an empty token",
)
case("another product's bearer token", HERE | {"AWS_BEARER_TOKEN": "other"})
case("another service's bearer token", HERE | {"AWS_BEARER_TOKEN_S3": "other"})
case("a bearer token and an endpoint", REGION | TOKEN | {"AWS_ENDPOINT_URL": GATEWAY})
case(
    "a bearer token and an http:// endpoint",
    REGION | TOKEN | {"AWS_ENDPOINT_URL": "http://gateway.example"},
    json={"allow_http": True},
    library="config",
    why="a bearer token is never sent over http:// to another machine",
)
case(
    "keys of the config JSON win over a bearer token",
    REGION | TOKEN,
    json={"api_key": "AKIAJSON", "secret_key": "s"},
    library=at("us-west-2", "AKIAJSON"),
    why="the config JSON wins over the environment",
)
case(
    "a profile of the config JSON wins over a bearer token",
    REGION | TOKEN,
    credentials=BOTH,
    json={"profile": "work"},
    library=at("us-west-2", "AKIAWORK").replace(" bedrock at", " bedrock session ofWork at"),
    why="the config JSON wins over the environment",
)
case("AWS_PROFILE and a bearer token", REGION | TOKEN | {"AWS_PROFILE": "work"}, credentials=BOTH)
case(
    "a bearer token with a line break",
    REGION | {"AWS_BEARER_TOKEN_BEDROCK": "bedrock\nKey"},
    library="credentials",
    why="the same failure, with a status that says what to do",
)
case(
    "a key id with a line break",
    HERE | {"AWS_ACCESS_KEY_ID": "AKIAENV\n"},
    library="credentials",
    why="the same failure, with a status that says what to do",
)

# Roles.
AS_READER = at("us-west-2", "ASIAREADER").replace(" bedrock at", " bedrock session ofREADER at")
ROLE = "[default]\nrole_arn = arn:aws:iam::1:role/reader\nsource_profile = work\n"
case("a role with a source_profile", REGION, config=ROLE, credentials=WORK)
case("a role whose source is in the config file", REGION, config=ROLE + "[profile work]\n" + WORK.partition("\n")[2])
case(
    "a role with an external id and a name",
    REGION,
    config=ROLE + "external_id = mine\nrole_session_name = given\n",
    credentials=WORK,
)
case("a role with a duration", REGION, config=ROLE + "duration_seconds = 7200\n", credentials=WORK)
case(
    "a role with an invalid duration",
    REGION,
    config=ROLE + "duration_seconds = long\n",
    credentials=WORK,
    library="config",
    why="an invalid value is an error; botocore ignores it",
)
case(
    "a role with an MFA device",
    REGION,
    config=ROLE + "mfa_serial = arn:aws:iam::1:mfa/me\n",
    credentials=WORK,
    library="credentials",
    why="a library cannot ask for an MFA code; botocore reads it from the terminal",
)
case(
    "a role whose source is a role",
    REGION,
    config=ROLE.replace("work", "middle")
    + "[profile middle]\nrole_arn = arn:aws:iam::1:role/middle\nsource_profile = work\n",
    credentials=WORK,
)
case(
    "a role with its own keys",
    REGION,
    config="[default]\nrole_arn = arn:aws:iam::1:role/reader\nsource_profile = default\n",
    credentials=DEFAULT,
)
case(
    "a role with its own name and no keys",
    REGION,
    config="[default]\nrole_arn = arn:aws:iam::1:role/reader\nsource_profile = default\n",
)
case(
    "roles in a circle",
    REGION,
    config=ROLE.replace("work", "b") + "[profile b]\nrole_arn = arn:aws:iam::1:role/b\nsource_profile = default\n",
)
case("a role with an absent source_profile", REGION, config=ROLE)
case(
    "a role with an empty source_profile",
    REGION,
    config="[default]\nrole_arn = arn:aws:iam::1:role/reader\nsource_profile =\n",
)
case(
    "a role without a source", REGION, config="[default]\nrole_arn = arn:aws:iam::1:role/reader\n", credentials=DEFAULT
)
case(
    "a role with two sources",
    HERE | {"AWS_PROFILE": "two", "AWS_ACCESS_KEY_ID": ""},
    config=ROLE.replace("default", "profile two") + "credential_source = Environment\n",
    credentials=WORK,
)
case("a role whose source has no credentials", REGION, config=ROLE + "[profile work]\nregion = eu-west-1\n")
case("keys of the variables win over a role", HERE, config=ROLE, credentials=WORK)
case(
    "a role of the config JSON's profile",
    HERE,
    config=ROLE.replace("default", "profile role"),
    credentials=WORK,
    json={"profile": "role"},
)
case(
    "credential_source Environment",
    HERE,
    config="[profile p]\nrole_arn = arn:aws:iam::1:role/reader\ncredential_source = Environment\n",
    json={"profile": "p"},
)
case(
    "credential_source Environment without keys",
    REGION,
    config="[profile p]\nrole_arn = arn:aws:iam::1:role/reader\ncredential_source = Environment\n",
    json={"profile": "p"},
)
case(
    "credential_source EcsContainer",
    REGION | {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x"},
    config="[default]\nrole_arn = arn:aws:iam::1:role/reader\ncredential_source = EcsContainer\n",
)
case(
    "credential_source Ec2InstanceMetadata",
    REGION | {"AWS_EC2_METADATA_DISABLED": None},
    config="[default]\nrole_arn = arn:aws:iam::1:role/reader\ncredential_source = Ec2InstanceMetadata\n",
)
case(
    "an unknown credential_source",
    REGION,
    config="[default]\nrole_arn = arn:aws:iam::1:role/reader\ncredential_source = Nobody\n",
)
case("a role without permission", REGION, config=ROLE.replace("reader", "denied"), credentials=WORK)
case("a role and base_url", REGION, config=ROLE, credentials=WORK, json={"base_url": GATEWAY})
case(
    "a role and AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    REGION | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": GATEWAY},
    config=ROLE,
    credentials=WORK,
)
case(
    "a role and AWS_ENDPOINT_URL_STS",
    REGION | {"AWS_ENDPOINT_URL_STS": "https://sts.example"},
    config=ROLE,
    credentials=WORK,
)
case("a role and AWS_ENDPOINT_URL", REGION | {"AWS_ENDPOINT_URL": GATEWAY}, config=ROLE, credentials=WORK)
case(
    "a role and an empty AWS_ENDPOINT_URL",
    REGION | {"AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_STS": ""},
    config=ROLE,
    credentials=WORK,
)
case(
    "a role and a services section for STS",
    REGION,
    config=ROLE + "services = mine\n[services mine]\nsts =\n  endpoint_url = https://sts.example\n",
    credentials=WORK,
)
case("a role with the region of the profile", {}, config=ROLE + "region = eu-west-1\n", credentials=WORK)
case("a role with the region of the config JSON", REGION, config=ROLE, credentials=WORK, json={"region": "ap-south-1"})
case(
    "AWS_STS_REGIONAL_ENDPOINTS is legacy",
    REGION | {"AWS_STS_REGIONAL_ENDPOINTS": "legacy"},
    config=ROLE,
    credentials=WORK,
    library="AssumeRole reader AKIAWORK us-west-2 sts session ofWork at sts.us-west-2.amazonaws.com direct | " + AS_READER,
    why="STS is called in the region of the call; its global endpoint is legacy",
)

# Web identity.
WEB = {"AWS_WEB_IDENTITY_TOKEN_FILE": "$HOME/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/pod"}
POD = {"token": "webToken"}
case("web identity of the variables", REGION | WEB, files=POD)
case("web identity with a session name", REGION | WEB | {"AWS_ROLE_SESSION_NAME": "given"}, files=POD)
case("web identity without a role", REGION | {"AWS_WEB_IDENTITY_TOKEN_FILE": "$HOME/token"}, files=POD)
case("a role without a token file", REGION | {"AWS_ROLE_ARN": "arn:aws:iam::1:role/pod"}, credentials=DEFAULT)
case("an empty AWS_WEB_IDENTITY_TOKEN_FILE", REGION | WEB | {"AWS_WEB_IDENTITY_TOKEN_FILE": ""}, credentials=DEFAULT)
case(
    "a missing token file",
    REGION | WEB,
    library="credentials",
    why="the same failure; botocore fails with the file's own error",
)
case("web identity without permission", REGION | WEB | {"AWS_ROLE_ARN": "arn:aws:iam::1:role/denied"}, files=POD)
case("web identity wins over the default profile's keys", REGION | WEB, files=POD, credentials=DEFAULT)
case("keys of the variables win over web identity", HERE | WEB, files=POD)
case("a role of the profile wins over web identity", REGION | WEB, files=POD, config=ROLE, credentials=WORK)
case(
    "a profile of the config JSON wins over web identity",
    REGION | WEB,
    files=POD,
    credentials=BOTH,
    json={"profile": "work"},
)
case(
    "web identity of a profile",
    REGION,
    files=POD,
    config="[default]\nrole_arn = arn:aws:iam::1:role/web\nweb_identity_token_file = $HOME/token\n",
)
case(
    "web identity of a profile with a session name",
    REGION,
    files=POD,
    config="[default]\nrole_arn = arn:aws:iam::1:role/web\nweb_identity_token_file = $HOME/token\n"
    "role_session_name = given\n",
)
case(
    "web identity as the source of a role",
    REGION,
    files=POD,
    config=ROLE + "[profile work]\nrole_arn = arn:aws:iam::1:role/web\nweb_identity_token_file = $HOME/token\n",
)
case("web identity and base_url", REGION | WEB, files=POD, json={"base_url": GATEWAY})

# A process.
case("credential_process", REGION, config="[default]\n" + process())
case(
    "credential_process with a session token",
    REGION,
    config="[default]\n" + process(SessionToken="ofProcess", Expiration=LATER),
)
case(
    "credential_process that has expired",
    REGION,
    config="[default]\n" + process(Expiration=PAST),
    library="credentials",
    why="the same failure; botocore fails with an error of its refresh",
)
case("credential_process of another version", REGION, config="[default]\n" + process(Version=2))
case("credential_process that fails", REGION, config="[default]\ncredential_process = false\n")
case(
    "a missing credential_process",
    REGION,
    config="[default]\ncredential_process = /no/such/program\n",
    library="credentials",
    why="the same failure; botocore fails with the system's own error",
)
case(
    "credential_process that prints no JSON",
    REGION,
    config="[default]\ncredential_process = echo hello\n",
    library="credentials",
    why="the same failure; botocore fails with the parser's own error",
)
case("credential_process with a comment's characters", REGION, config="[default]\n" + process(AccountId="1 # 2 ; 3"))
case(
    "credential_process with a shell",
    REGION,
    config="[default]\ncredential_process = true && " + process().partition("= ")[2],
    library=at("us-west-2", "AKIAPROCESS"),
    why="a shell runs the command, as in the SDKs for Go, Java, JavaScript and Rust",
)
case("keys of the credentials file win over a process", REGION, config="[default]\n" + process(), credentials=DEFAULT)
case("a process wins over keys of the config file", REGION, config=DEFAULT + process())
case("a process as the source of a role", REGION, config=ROLE + "[profile work]\n" + process())

# A container.
ECS = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/x"}
EKS = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials"}
case("a container by its relative URI", REGION | ECS)
case("a container by its full URI", REGION | EKS)
case(
    "a container on this machine", REGION | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:8080/credentials"}
)
case(
    "a container over IPv6",
    REGION | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://[fd00:ec2::23]/v1/credentials"},
    ipv6=True,
)
case(
    "a container over TLS",
    REGION | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "https://agent.example/credentials"},
    library="container /credentials at agent.example direct | "
    + at("us-west-2", "ASIACONTAINER").replace(" bedrock at", " bedrock session ofContainer at"),
    why="the README: AWS_CA_BUNDLE also applies to calls that fetch credentials",
)
case(
    "a container at an http:// URL of another machine",
    REGION | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://agent.example/credentials"},
    library="credentials",
    why="the same failure; botocore fails with a ValueError",
)
case("a container with a token", REGION | EKS | {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "Basic x"})
case(
    "a container with a token in a file",
    REGION | EKS | {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "$HOME/token"},
    files={"token": "fromFile"},
)
case(
    "a container with both tokens",
    REGION | EKS | {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "$HOME/token", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "x"},
    files={"token": "fromFile"},
)
case(
    "a container with a token with a line break",
    REGION | EKS | {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "$HOME/token"},
    files={"token": "fromFile\n"},
    library="credentials",
    why="the same failure; botocore fails with a ValueError",
)
case("both URIs of a container", REGION | ECS | EKS)
case(
    "an empty relative URI and a full one",
    REGION | EKS | {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": ""},
    library="container /v1/credentials at 169.254.170.23 direct | "
    + at("us-west-2", "ASIACONTAINER").replace(" bedrock at", " bedrock session ofContainer at"),
    why="an empty variable is ignored",
)
case(
    "an empty full URI",
    REGION | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": ""},
    library="credentials",
    why="an empty variable is ignored; the failure is the same",
)
case("a profile wins over a container", REGION | ECS, credentials=DEFAULT)
case("a container wins over an instance", REGION | ECS | {"AWS_EC2_METADATA_DISABLED": None})

# An instance.
EC2 = {"AWS_EC2_METADATA_DISABLED": None}
INSTANCE = (
    "metadata PUT token at {0} direct | metadata GET roles at {0} direct | metadata GET role at {0} direct | "
    + at("us-west-2", "ASIAINSTANCE").replace(" bedrock at", " bedrock session ofInstance at")
)
case("an instance", REGION | EC2)
case("an instance that is disabled", REGION | {"AWS_EC2_METADATA_DISABLED": "true"})
case("an instance that is disabled in capitals", REGION | {"AWS_EC2_METADATA_DISABLED": "TRUE"})
case("an instance that is disabled by 1", REGION | {"AWS_EC2_METADATA_DISABLED": "1"})
case("an empty AWS_EC2_METADATA_DISABLED", REGION | {"AWS_EC2_METADATA_DISABLED": ""})
case("an instance at an endpoint", REGION | EC2 | {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:8080"})
case(
    "an instance at an endpoint with a slash",
    REGION | EC2 | {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:8080/"},
)
case(
    "an instance at an endpoint of the profile",
    REGION | EC2,
    config="[default]\nec2_metadata_service_endpoint = http://127.0.0.1:8080\n",
)
case("an instance at an empty endpoint", REGION | EC2 | {"AWS_EC2_METADATA_SERVICE_ENDPOINT": ""})
case("an instance over IPv6", REGION | EC2 | {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6"}, ipv6=True)
case(
    "an instance over IPv6 by the profile",
    REGION | EC2,
    config="[default]\nec2_metadata_service_endpoint_mode = ipv6\n",
    ipv6=True,
)
case("an instance in another mode", REGION | EC2 | {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv5"})
case("a profile wins over an instance", REGION | EC2, credentials=DEFAULT)
case("an instance for a profile without credentials", REGION | EC2 | {"AWS_PROFILE": "work"}, config=PROFILES)
case("version 1 is disabled", REGION | EC2 | {"AWS_EC2_METADATA_V1_DISABLED": "true"})


# SSO.
def cached(name, **members):
    import hashlib
    import json

    token = {
        "startUrl": "https://start.example",
        "region": "eu-west-1",
        "accessToken": "ssoToken",
        "expiresAt": LATER,
        **members,
    }
    return {f".aws/sso/cache/{hashlib.sha1(name.encode()).hexdigest()}.json": json.dumps(token)}


SSO = (
    "[default]\nsso_session = mine\nsso_account_id = 123456789012\nsso_role_name = reader\n"
    "[sso-session mine]\nsso_region = eu-west-1\nsso_start_url = https://start.example\n"
)
OLD_SSO = (
    "[default]\nsso_start_url = https://start.example\nsso_region = eu-west-1\nsso_account_id = 123456789012\n"
    "sso_role_name = reader\n"
)
case("SSO by a session", REGION, config=SSO, files=cached("mine"))
case("SSO in the older form", REGION, config=OLD_SSO, files=cached("https://start.example"))
case("SSO without a login", REGION, config=SSO)
case("SSO in the older form without a login", REGION, config=OLD_SSO)
case("an expired SSO login", REGION, config=SSO, files=cached("mine", expiresAt=PAST))
case(
    "an expired SSO login in the older form", REGION, config=OLD_SSO, files=cached("https://start.example", expiresAt=PAST)
)
case("SSO without a role", REGION, config=SSO.replace("sso_role_name = reader\n", ""), files=cached("mine"))
case("SSO with a missing session", REGION, config=SSO.partition("[sso")[0], files=cached("mine"))
case(
    "SSO with a quoted session",
    REGION,
    config=SSO.replace("[sso-session mine]", '[sso-session "mine"]'),
    files=cached("mine"),
)
case(
    "SSO with two regions",
    REGION,
    config=SSO.replace("reader\n", "reader\nsso_region = us-east-1\n"),
    files=cached("mine"),
)
case("SSO wins over keys of the profile", REGION, config=SSO, credentials=DEFAULT, files=cached("mine"))
case(
    "SSO as the source of a role",
    REGION,
    config=ROLE.replace("work", "s") + SSO.replace("default", "profile s"),
    files=cached("mine"),
)
case(
    "SSO and AWS_ENDPOINT_URL_SSO",
    REGION | {"AWS_ENDPOINT_URL_SSO": "https://sso.example"},
    config=SSO,
    files=cached("mine"),
)
case("SSO and an empty AWS_ENDPOINT_URL", REGION | {"AWS_ENDPOINT_URL": ""}, config=SSO, files=cached("mine"))
case("SSO and base_url", REGION, config=SSO, files=cached("mine"), json={"base_url": GATEWAY})

# Proxies.
PROXY, OTHER, DEAD = "http://proxy.example:3128", "http://other-proxy.example:3128", "http://nobody.example:3128"
case("HTTPS_PROXY", HERE | {"HTTPS_PROXY": PROXY})
case("https_proxy", HERE | {"https_proxy": PROXY})
case("HTTPS_PROXY and https_proxy", HERE | {"https_proxy": PROXY, "HTTPS_PROXY": OTHER})
case("an empty HTTPS_PROXY", HERE | {"HTTPS_PROXY": ""})
case("HTTP_PROXY for https://", HERE | {"HTTP_PROXY": DEAD})
case(
    "HTTP_PROXY for http://",
    HERE | {"HTTP_PROXY": PROXY, "AWS_ENDPOINT_URL": "http://gateway.example"},
    json={"allow_http": True},
)
case(
    "ALL_PROXY",
    HERE | {"ALL_PROXY": PROXY},
    library=at("us-west-2", way="by proxy.example"),
    why="the README: ALL_PROXY is read, as curl and most others do",
)
case("a proxy with a password", HERE | {"HTTPS_PROXY": "http://user:pass%20word@proxy.example:3128"})
case("a proxy without a scheme", HERE | {"HTTPS_PROXY": "proxy.example:3128"})
case("an unreachable proxy", HERE | {"HTTPS_PROXY": DEAD})
case(
    "a proxy that is not a URL",
    HERE | {"HTTPS_PROXY": "not a url"},
    library="config",
    why="the same failure, with a status that says what to do",
)
case(
    "a proxy whose address is broken",
    HERE | {"HTTPS_PROXY": "http://u:p@[::1"},
    library="config",
    why="the same failure, with a status that says what to do",
)
case("proxy of the config JSON", HERE, json={"proxy": PROXY})
case("proxy of the config JSON wins", HERE | {"HTTPS_PROXY": OTHER}, json={"proxy": PROXY})
case("NO_PROXY with the host", HERE | {"HTTPS_PROXY": DEAD, "NO_PROXY": "bedrock-runtime.us-west-2.amazonaws.com"})
case("NO_PROXY with a domain", HERE | {"HTTPS_PROXY": DEAD, "NO_PROXY": ".amazonaws.com"})
case("NO_PROXY with a domain without a dot", HERE | {"HTTPS_PROXY": DEAD, "NO_PROXY": "amazonaws.com"})
case("NO_PROXY with everything", HERE | {"HTTPS_PROXY": DEAD, "NO_PROXY": "*"})
case("NO_PROXY in a list", HERE | {"HTTPS_PROXY": DEAD, "NO_PROXY": "localhost, .amazonaws.com"})
case("NO_PROXY with another host", HERE | {"HTTPS_PROXY": PROXY, "NO_PROXY": "gateway.example"})
case("no_proxy", HERE | {"HTTPS_PROXY": DEAD, "no_proxy": ".amazonaws.com"})
case("an empty NO_PROXY", HERE | {"HTTPS_PROXY": PROXY, "NO_PROXY": ""})
case(
    "NO_PROXY with the config JSON's proxy",
    HERE | {"NO_PROXY": ".amazonaws.com"},
    json={"proxy": PROXY},
    library=at("us-west-2"),
    why="NO_PROXY also applies to the proxy of the config JSON",
)
case("a role through a proxy", REGION | {"HTTPS_PROXY": PROXY}, config=ROLE, credentials=WORK)
case(
    "a role through the config JSON's proxy",
    REGION,
    config=ROLE,
    credentials=WORK,
    json={"proxy": PROXY},
    library="AssumeRole reader AKIAWORK us-west-2 sts session ofWork at sts.us-west-2.amazonaws.com by proxy.example | "
    + AS_READER.replace("direct", "by proxy.example"),
    why="the README: proxy also applies to calls that fetch credentials",
)
case("web identity through a proxy", REGION | WEB | {"HTTPS_PROXY": PROXY}, files=POD)
case("SSO through a proxy", REGION | {"HTTPS_PROXY": PROXY}, config=SSO, files=cached("mine"))
case("a container beside a proxy", REGION | ECS | {"HTTP_PROXY": PROXY, "HTTPS_PROXY": PROXY})
case("EKS beside a proxy", REGION | EKS | {"HTTP_PROXY": PROXY, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "secret"})
case("a container beside the config JSON's proxy", REGION | ECS, json={"proxy": PROXY})
case("a container beside a dead proxy", REGION | ECS | {"HTTP_PROXY": DEAD})
case(
    "an instance beside HTTP_PROXY",
    REGION | EC2 | {"HTTP_PROXY": PROXY},
    library=INSTANCE.format("169.254.169.254"),
    why="keys of an instance never go through a proxy; botocore uses HTTP_PROXY",
)
case("an instance beside the config JSON's proxy", REGION | EC2, json={"proxy": PROXY})
case(
    "this machine beside a proxy",
    HERE | {"HTTP_PROXY": DEAD, "AWS_ENDPOINT_URL": "http://127.0.0.1:8080"},
    library=at("us-west-2", host="127.0.0.1:8080"),
    why="the README: no proxy for this machine",
)

# Certificates.
UNSET = {"AWS_CA_BUNDLE": None}
case("AWS_CA_BUNDLE", HERE)
case("no CA", HERE | UNSET)
case("ca_bundle of the profile", HERE | UNSET, config="[default]\nca_bundle = $CA\n")
case("AWS_CA_BUNDLE wins over the profile", HERE, config="[default]\nca_bundle = /no/such/file\n")
case("REQUESTS_CA_BUNDLE", HERE | UNSET | {"REQUESTS_CA_BUNDLE": "$CA"})
case(
    "ca_bundle wins over REQUESTS_CA_BUNDLE",
    HERE | UNSET | {"REQUESTS_CA_BUNDLE": "/no/such/file"},
    config="[default]\nca_bundle = $CA\n",
)
case(
    "an empty AWS_CA_BUNDLE and a profile's",
    HERE | {"AWS_CA_BUNDLE": ""},
    config="[default]\nca_bundle = $CA\n",
    library=at("us-west-2"),
    why="an empty variable is ignored",
)
case("ca_file of the config JSON", HERE | {"AWS_CA_BUNDLE": "/no/such/file"}, json={"ca_file": "$CA"})
case(
    "a missing CA file",
    HERE | {"AWS_CA_BUNDLE": "/no/such/file"},
    library="config",
    why="the same failure, with a status that says what to do",
)
case(
    "SSL_CERT_FILE",
    HERE | UNSET | {"SSL_CERT_FILE": "$CA"},
    library=at("us-west-2"),
    why="the README: SSL_CERT_FILE replaces the system's certificates, as in OpenSSL",
)
case("a role and REQUESTS_CA_BUNDLE", REGION | UNSET | {"REQUESTS_CA_BUNDLE": "$CA"}, config=ROLE, credentials=WORK)

# Retries.
for variable, values in {
    "AWS_RETRY_MODE": ["legacy", "standard", "adaptive"],
    "AWS_MAX_ATTEMPTS": ["5", "1", " 3"],
}.items():
    for value in values:
        case(f"{variable} is {value!r}", HERE | {variable: value}, retries=True)
for value in ["odd", ""]:
    case(
        f"AWS_RETRY_MODE is {value!r}",
        HERE | {"AWS_RETRY_MODE": value},
        retries=True,
        library=at("us-west-2"),
        why="the README: retries are set by `retry`",
    )
for value in ["0", "-1", "", "3.0", "x"]:
    case(
        f"AWS_MAX_ATTEMPTS is {value!r}",
        HERE | {"AWS_MAX_ATTEMPTS": value},
        retries=True,
        library=at("us-west-2"),
        why="the README: retries are set by `retry`",
    )
case("retry_mode of the profile is legacy", HERE, config="[default]\nretry_mode = legacy\n", retries=True)
case("max_attempts of the profile", HERE, config="[default]\nmax_attempts = 5\n", retries=True)
case(
    "max_attempts of the profile is invalid",
    HERE,
    config="[default]\nmax_attempts = x\n",
    retries=True,
    library=at("us-west-2"),
    why="the README: retries are set by `retry`",
)

# Settings that the library ignores.
case("AWS_DEFAULTS_MODE", HERE | {"AWS_DEFAULTS_MODE": "mobile"})
case("AWS_SDK_UA_APP_ID", HERE | {"AWS_SDK_UA_APP_ID": "app"})
case("an AWS_SDK_UA_APP_ID with spaces", HERE | {"AWS_SDK_UA_APP_ID": "my app (1)"})
case(
    "a login that does not exist",
    REGION,
    config="[default]\nlogin_session = arn:aws:iam::123456789012:user/me\n",
    library="credentials",
    why="the same failure; botocore needs another package for such sessions",
)
