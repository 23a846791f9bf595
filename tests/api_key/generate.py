"""Prints the Bedrock API key that AWS's token generator makes of the given credentials, region, seconds and time.

generate.py ACCESS_KEY SECRET_KEY SESSION_TOKEN REGION SECONDS YYYYMMDDTHHMMSSZ
"""

import datetime
import sys

import botocore.auth
from aws_bedrock_token_generator import provide_token
from botocore.credentials import Credentials

access_key, secret_key, session_token, region, seconds, time = sys.argv[1:]
now = datetime.datetime.strptime(time, "%Y%m%dT%H%M%SZ")
# What add_auth calls for the time of the signature.
assert callable(botocore.auth.get_current_datetime)
botocore.auth.get_current_datetime = lambda *_, **__: now


class Given:
    def load(self):
        return Credentials(access_key, secret_key, session_token or None)


print(provide_token(region, Given(), datetime.timedelta(seconds=int(seconds))))
