"""Why a request to Cloud Storage failed, and what to do about it, in one sentence."""

import warnings
from contextlib import suppress
from typing import Any

import requests

with warnings.catch_warnings():
    warnings.filterwarnings(
        "ignore", "You are using a Python version", FutureWarning
    )  # ours is set by TensorFlow's
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
    from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

_TRANSIENT = (408, 429, 500, 502, 503, 504)
FAILURES = (
    GoogleAPICallError,
    GoogleAuthError,
    InvalidResponse,
    DataCorruption,
    RetryError,
    requests.RequestException,
    ConnectionError,
)
_LOGIN = (
    "run 'gcloud auth application-default login', or set GOOGLE_APPLICATION_CREDENTIALS to the key file of a service "
    "account"
)


def explain(error: Exception, action: str, bucket_name: str) -> str:
    """What failed and what to do about it; ``action`` is list, read, write or delete."""
    cause = getattr(error, "cause", None) or error
    status, brief, bucket = _status(cause), heart_of(cause), f"gs://{bucket_name}"
    if isinstance(cause, DefaultCredentialsError):
        return f"there are no credentials for {bucket} ({brief}); {_LOGIN}."
    if isinstance(cause, GoogleAuthError) and not isinstance(cause, TransportError):
        return f"the credentials for {bucket} are refused ({brief}); {_LOGIN}."
    advice = {
        401: f"{bucket} does not take the credentials ({brief}); {_LOGIN}.",
        403: (
            f"no permission to {action} in {bucket} ({brief}); give the account the role "
            f"roles/storage.objectUser on that bucket."
        ),
        404: (
            f"there is no bucket {bucket}; mend the name, or create it with 'gcloud storage buckets create "
            f"{bucket} --location=REGION'."
        ),
    }
    if status in advice:
        return advice[status]
    if status in _TRANSIENT:
        return f"{bucket} kept answering {status} ({brief}); give the same command again later."
    if status:
        return f"{bucket} refuses to {action} ({status}, {brief}); mend the address."
    if isinstance(cause, DataCorruption):
        return f"what was to {action} in {bucket} did not arrive as it was sent; give the same command again."
    return f"Cloud Storage cannot be reached ({brief}); check the network, and https_proxy if there is one."


def is_transient(error: Exception) -> bool:
    """Whether the same request may succeed later."""
    if isinstance(error, TransportError) and error.args and isinstance(error.args[0], Exception):
        error = error.args[0]
    return _status(error) in _TRANSIENT or isinstance(
        error,
        requests.ConnectionError
        | requests.Timeout
        | requests.exceptions.ChunkedEncodingError
        | ConnectionError,
    )


def _status(error: Exception) -> int | None:
    """The HTTP status of an answer, None where none came."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None) or getattr(error, "code", None)
    return int(status) if status else None


def heart_of(error: object) -> str:
    """The heart of an error: what the server says, or what broke at the bottom of a chain of exceptions."""
    response: Any = getattr(error, "response", None)
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        error = response.json()["error"]["message"]
    while inner := [each for each in _within(error) if isinstance(each, Exception)]:
        error = inner[-1]
    if isinstance(error, GoogleAuthError) and error.args:
        error = error.args[0]
    words = " ".join(str(error).split()) or type(error).__name__
    return words[:200].split(". ")[0].rstrip(".")


def _within(error: object) -> tuple[object, ...]:
    """Where the libraries for HTTP keep what an exception comes from."""
    return (
        *getattr(error, "args", ()),
        getattr(error, "reason", None),
        getattr(error, "original_error", None),
    )
