"""What of a URL may be written: all that names a place, nothing that opens it."""

from __future__ import annotations

import pytest

from lstdata.errors import ConfigError, Rejected, Unavailable
from lstdata.objects import refuse_password
from lstdata.records import DeadLetter
from lstdata.redaction import redacted

SIGNED = {
    "https://b.s3.amazonaws.com/a.wav?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=KEY%2F2026&X-Amz-Signature=S3CRET":
    "https://b.s3.amazonaws.com/a.wav?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=***&X-Amz-Signature=***",
    "https://b.s3.amazonaws.com/a.wav?AWSAccessKeyId=KEY&Signature=S3CRET&Expires=17":
    "https://b.s3.amazonaws.com/a.wav?AWSAccessKeyId=***&Signature=***&Expires=17",
    "https://storage.googleapis.com/b/a.wav?GoogleAccessId=KEY&X-Goog-Signature=S3CRET":
    "https://storage.googleapis.com/b/a.wav?GoogleAccessId=***&X-Goog-Signature=***",
    "https://a.blob.core.windows.net/c/a.wav?sv=2026&sig=S3CRET%3D": "https://a.blob.core.windows.net/c/a.wav?sv=2026&sig=***",
    "https://host/a.wav?token=S3CRET#t=1": "https://host/a.wav?token=***#t=1",
    "sftp://KEY:S3CRET@host/a.wav": "sftp://***@host/a.wav",
}  # fmt: skip

PLAIN = [
    "s3://bucket/a.wav?versionId=3",
    "https://host/get?file=17.wav",
    "abfs://container@account.dfs.core.windows.net/a.wav",
    "sftp://alice@host/a.wav",
    "/data/sig=1/a.wav",
    "12:30 alice@example.org",
]


@pytest.mark.parametrize("url", SIGNED)
def test_what_opens_is_left_out_of_a_url_wherever_it_stands(url: str) -> None:
    assert redacted(url) == SIGNED[url]
    assert (
        redacted(f"there is no file `{url}`, nor `{url}`.") == f"there is no file `{SIGNED[url]}`, nor `{SIGNED[url]}`."
    )
    assert redacted({"a": [url, ("b", url)], "n": 1}) == {"a": [SIGNED[url], ("b", SIGNED[url])], "n": 1}
    assert redacted(SIGNED[url]) == SIGNED[url]


@pytest.mark.parametrize("text", PLAIN)
def test_all_else_stays(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize("url", SIGNED)
def test_no_error_and_no_dead_letter_repeats_it(url: str) -> None:
    errors = [ConfigError("a", f"`{url}`"), Unavailable(f"`{url}`"), Rejected("missing_audio", f"`{url}`")]
    letter = DeadLetter("a", "decode", "missing_audio", f"`{url}`", url)
    assert not [text for text in (*map(str, errors), repr(errors), repr(letter)) if "S3CRET" in text or "KEY" in text]


def test_a_password_in_a_url_is_refused_without_being_repeated() -> None:
    with pytest.raises(ConfigError, match=r"`s3://\*\*\*@b/x` must not hold a password"):
        refuse_password("s3://KEY:S3CRET@b/x")
    refuse_password("abfs://container@account.dfs.core.windows.net/x")
