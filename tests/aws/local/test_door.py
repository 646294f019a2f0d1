"""The local AWS runs commands, so it opens for clients of this machine that know its key, and for nobody else."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from urllib.parse import urlencode

import boto3
import psutil
import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from workbench.aws.local import LocalAWS

REGION = "eu-west-1"
LIST = json.dumps({}).encode()


def ask(
    local: LocalAWS, body: bytes = b"", method: str = "POST", path: str = "/", **headers: str
) -> tuple[int, str]:
    """Send exactly these headers; return status and text."""
    connection = http.client.HTTPConnection("127.0.0.1", local.port, timeout=120)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def signed(local: LocalAWS, body: bytes = LIST, **headers: str) -> dict[str, str]:
    """Headers of a call of ECS's ListClusters, signed with the server's key."""
    key = Credentials(local.environment["AWS_ACCESS_KEY_ID"], local.environment["AWS_SECRET_ACCESS_KEY"])
    given = {
        "Host": f"127.0.0.1:{local.port}",
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters",
    } | headers
    request = AWSRequest("POST", f"http://{given['Host']}/", headers=given, data=body)
    SigV4Auth(key, "ecs", REGION).add_auth(request)
    return {name.replace("-", "_"): value for name, value in request.headers.items()}


def test_a_signed_request_of_this_machine_is_answered(local: LocalAWS) -> None:
    assert ask(local, LIST, **signed(local))[0] == 200
    assert ask(local, LIST, **signed(local, Host=f"localhost:{local.port}"))[0] == 200
    assert ask(local, LIST, **signed(local), Origin="http://localhost:8888")[0] == 200


@pytest.mark.parametrize(
    "host", ["rebound.example:1", "127.0.0.1.example", "169.254.1.1", "", "localhost.example"]
)
def test_a_name_that_leads_here_is_not_enough(local: LocalAWS, host: str) -> None:
    status, text = ask(local, LIST, **signed(local, Host=host or "x") | {"Host": host})
    assert (status, "answers to 127.0.0.1" in text) == (403, True)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example", "file://"]
)
def test_a_page_of_another_origin_is_refused(local: LocalAWS, origin: str) -> None:
    assert ask(local, LIST, **signed(local), Origin=origin)[0] == 403


def test_what_a_page_can_send_without_asking_is_refused(local: LocalAWS) -> None:
    """A browser sends forms and plain text to anywhere, and pictures' addresses without an origin."""
    host = f"127.0.0.1:{local.port}"
    form = urlencode({"Action": "ListQueues", "Version": "2012-11-05"}).encode()
    assert ask(local, form, Host=host, Content_Type="application/x-www-form-urlencoded")[0] == 403
    assert ask(local, LIST, Host=host, Content_Type="text/plain")[0] == 403
    assert (
        ask(local, b"--x--", Host=host, Content_Type="multipart/form-data; boundary=x", path="/bucket")[0]
        == 403
    )
    for path in ("/", "/moto-api/", "/moto-api/data.json", "/bucket/key", "/?Action=ListQueues"):
        assert ask(local, method="GET", path=path, Host=host)[0] == 403
    assert ask(local, method="POST", path="/moto-api/reset", Host=host)[0] == 403
    assert ask(local, method="OPTIONS", Host=host)[0] == 403


@pytest.mark.parametrize(
    ("key", "code"), [("AKIAINVENTED00000000", "InvalidAccessKeyId"), ("", "SignatureDoesNotMatch")]
)
def test_invented_credentials_start_nothing(local: LocalAWS, tmp_path: Path, key: str, code: str) -> None:
    proof = tmp_path / "ran"
    login = {
        "aws_access_key_id": key or os.environ["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": "invented",
    }  # fmt: skip
    ecs = boto3.client("ecs", **login)
    with pytest.raises(ClientError, match=code):
        ecs.register_task_definition(
            family="f",
            containerDefinitions=[{"name": "main", "image": "x", "command": ["touch", str(proof)]}],
        )
    with pytest.raises(ClientError, match=code):
        ecs.run_task(taskDefinition="f")
    for service, call in (("s3", "list_buckets"), ("sqs", "list_queues"), ("lambda", "list_functions")):
        client = boto3.client(service, **login)
        with pytest.raises(ClientError, match=code):
            getattr(client, call)()
    assert not proof.exists()


def test_a_request_is_held_to_what_was_signed(local: LocalAWS) -> None:
    headers = signed(local)
    assert ask(local, b'{"maxResults": 1}', **headers)[0] == 403
    other = headers | {"X_Amz_Target": headers["X_Amz_Target"].replace("ListClusters", "ListServices")}
    assert ask(local, LIST, **other)[0] == 403
    assert ask(local, LIST, path="/?a=b", **headers)[0] == 403
    old = headers | {"X_Amz_Date": "20200101T000000Z"}
    assert "another time" in ask(local, LIST, **old)[1]
    for broken in (
        "AWS4-HMAC-SHA256 x",
        "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=b, Signature=c",
        "Bearer x",
    ):
        assert ask(local, LIST, **headers | {"Authorization": broken})[0] == 403


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_what_s3_is_presigned_for_can_be_done_without_the_key(local: LocalAWS, version: str) -> None:
    s3 = boto3.client("s3", config=Config(signature_version=version if version == "s3v4" else None))
    bucket, key = f"b{uuid.uuid4().hex[:8]}", "a b/ü+&.csv"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    name = {"Bucket": bucket, "Key": key}
    put = s3.generate_presigned_url("put_object", Params=name)
    assert ("X-Amz-Signature" in put) == (version == "s3v4")
    assert urllib3.request("PUT", put, body=b"mine").status == 200
    get = s3.generate_presigned_url("get_object", Params=name)
    assert urllib3.request("GET", get).data == b"mine"
    over = s3.generate_presigned_url("get_object", Params=name, ExpiresIn=-5)
    for wrong in (get.replace("csv", "csw"), get[:-6] + "AAAAAA", over):
        assert urllib3.request("GET", wrong).status == 403
    assert urllib3.request("PUT", get, body=b"other").status == 403

    post = s3.generate_presigned_post(bucket, "posted")
    assert send_form(post["url"], post["fields"]) == 204
    assert s3.get_object(Bucket=bucket, Key="posted")["Body"].read() == b"a file"
    sign = next(name for name in post["fields"] if "signature" in name)
    assert send_form(post["url"], post["fields"] | {sign: "invented"}) == 403
    assert send_form(post["url"], s3.generate_presigned_post(bucket, "late", ExpiresIn=-5)["fields"]) == 403


def send_form(url: str, fields: dict[str, str]) -> int:
    parts = [f'--x\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()]
    file = '--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\na file\r\n--x--\r\n'
    body = ("".join(parts) + file).encode()
    return urllib3.request(
        "POST", url, body=body, headers={"Content-Type": "multipart/form-data; boundary=x"}
    ).status


def test_odd_keys_queries_and_large_bodies_keep_their_signature(local: LocalAWS) -> None:
    s3 = boto3.client("s3")
    bucket = f"b{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    for key in ("a//b", "a b+c%20d", "ü/~!*'()", "x=1&y?z#"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x" * 300_000, Metadata={"who": "me  and  you"})
        assert s3.get_object(Bucket=bucket, Key=key)["ContentLength"] == 300_000
        assert s3.list_objects_v2(Bucket=bucket, Prefix=key, Delimiter="/")["KeyCount"] == 1
    part = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="parts", UploadId=part, PartNumber=1, Body=b"y" * 5_300_000)


def test_a_role_that_was_taken_on_opens_it_too(local: LocalAWS) -> None:
    arn = "arn:aws:iam::123456789012:role/any"
    given = boto3.client("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    s3 = boto3.client(
        "s3", aws_access_key_id=given["AccessKeyId"], aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )  # fmt: skip
    assert s3.list_buckets()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_the_key_differs_from_server_to_server_and_is_in_no_list_of_processes(local: LocalAWS) -> None:
    secret = local.environment["AWS_SECRET_ACCESS_KEY"]
    assert LocalAWS().environment["AWS_SECRET_ACCESS_KEY"] != secret
    process = psutil.Process(local.pid)
    assert secret not in " ".join(process.cmdline())
    addresses = {
        connection.laddr.ip for connection in process.net_connections("inet") if connection.status == "LISTEN"
    }
    assert addresses == {"127.0.0.1"}


def test_a_server_without_a_key_does_not_start(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "workbench.aws.local.server", "0", str(tmp_path / "port")]
    done = subprocess.run(command, capture_output=True, timeout=300, check=False)
    assert done.returncode and not (tmp_path / "port").exists()
