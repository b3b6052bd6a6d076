"""Tries requests to Cloud Storage again, and says in one sentence why they failed for good."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import requests

with warnings.catch_warnings():
    # Ours is the version that TensorFlow for TPUs needs.
    warnings.filterwarnings("ignore", "You are using a Python version", FutureWarning)
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.api_core.retry import Retry
    from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
    from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

# Of one try: to reach the server, and to hear the next bytes of its answer.
CONNECT_SECS = 5.0
_READ_SECS = 60.0
# Between two tries: each time about twice as long as before.
_FIRST_PAUSE_SECS = 0.5
_LONGEST_PAUSE_SECS = 30.0

# Statuses that pass by themselves: a timeout, too many requests, and faults of the server.
_TRANSIENT = (408, 429, 500, 502, 503, 504)
_BROKEN_CONNECTIONS = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    ConnectionError,
)
_FAILURES = (
    GoogleAPICallError,
    GoogleAuthError,
    InvalidResponse,
    DataCorruption,
    RetryError,
    requests.RequestException,
    ConnectionError,
)
_LOGIN = (
    "run 'gcloud auth application-default login', or set GOOGLE_APPLICATION_CREDENTIALS to the key "
    "file of a service account"
)


@contextmanager
def telling(
    action: str, bucket_name: str, address: str, patience_secs: float
) -> Iterator[dict[str, object]]:
    """Yields arguments of requests: how they wait and are tried again; turns their end into words.

    A 404 that gets here is taken for the bucket's: where an object may be missing, the caller
    catches that.

    Args:
        action: list, read, write or delete.
        bucket_name: without ``gs://``.
        address: of the object or folder, for the line that tells of another try.
        patience_secs: for how long what may pass is tried again.

    Raises:
        ValueError: the request failed for good.
    """

    def tell(error: Exception) -> None:
        print(f"{address}: {action} failed ({heart_of(error)}), trying again", flush=True)

    retry = Retry(
        _is_transient,
        initial=_FIRST_PAUSE_SECS,
        maximum=_LONGEST_PAUSE_SECS,
        timeout=patience_secs,
        on_error=tell,
    )
    try:
        yield {"retry": retry, "timeout": (CONNECT_SECS, min(_READ_SECS, patience_secs))}
    except _FAILURES as error:
        raise ValueError(explain(error, action, bucket_name)) from error


def explain(error: Exception, action: str, bucket_name: str) -> str:
    """Returns what failed and what to do about it.

    Args:
        error: one of ``_FAILURES``.
        action: list, read, write or delete.
        bucket_name: without ``gs://``.
    """
    # A RetryError holds the last failure.
    cause = getattr(error, "cause", None) or error
    status = _status(cause)
    brief = heart_of(cause)
    bucket = f"gs://{bucket_name}"
    if isinstance(cause, DefaultCredentialsError):
        return f"there are no credentials for {bucket} ({brief}); {_LOGIN}."
    if isinstance(cause, GoogleAuthError) and not isinstance(cause, TransportError):
        return f"the credentials for {bucket} are refused ({brief}); {_LOGIN}."
    if status:
        return _explain_answer(status, brief, action, bucket)
    if isinstance(cause, DataCorruption):
        return (
            f"what was to {action} in {bucket} did not arrive as it was sent; "
            f"give the same command again."
        )
    return (
        f"Cloud Storage cannot be reached ({brief}); "
        f"check the network, and https_proxy if there is one."
    )


def _explain_answer(status: int, brief: str, action: str, bucket: str) -> str:
    """Returns what the server means by a status that is no success, and what to do about it."""
    advice = {
        401: f"{bucket} does not take the credentials ({brief}); {_LOGIN}.",
        403: (
            f"no permission to {action} in {bucket} ({brief}); give the account the role "
            f"roles/storage.objectUser on that bucket."
        ),
        # Of the bucket, as whoever looks for an object catches that of the object.
        404: (
            f"there is no bucket {bucket}; mend the name, or create it with "
            f"'gcloud storage buckets create {bucket} --location=REGION'."
        ),
    }
    if status in advice:
        return advice[status]
    if status in _TRANSIENT:
        return f"{bucket} kept answering {status} ({brief}); give the same command again later."
    return f"{bucket} refuses to {action} ({status}, {brief}); mend the address."


def _is_transient(error: Exception) -> bool:
    """Returns whether the same request may succeed later."""
    # google-auth wraps what broke while it fetched a token.
    if isinstance(error, TransportError) and error.args and isinstance(error.args[0], Exception):
        error = error.args[0]
    return _status(error) in _TRANSIENT or isinstance(error, _BROKEN_CONNECTIONS)


def _status(error: Exception) -> int | None:
    """Returns the HTTP status of an answer, None where none came."""
    response = getattr(error, "response", None)
    # Errors of requests have a response, those of Google's library a code.
    status = getattr(response, "status_code", None) or getattr(error, "code", None)
    return int(status) if status else None


def heart_of(error: object) -> str:
    """Returns the heart of an error in a few words.

    That is what the server says, or what broke at the bottom of a chain of exceptions.
    """
    response: Any = getattr(error, "response", None)
    # There may be no response, or one that is no JSON, as from a proxy.
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        error = response.json()["error"]["message"]
    inner = _inner_exceptions(error)
    while inner:
        error = inner[-1]
        inner = _inner_exceptions(error)
    if isinstance(error, GoogleAuthError) and error.args:
        error = error.args[0]
    # Some servers answer with a page: its first sentence does.
    words = " ".join(str(error).split()) or type(error).__name__
    return words[:200].split(". ")[0].rstrip(".")


def _inner_exceptions(error: object) -> list[Exception]:
    """Returns what an exception comes from; the libraries for HTTP keep that in several fields."""
    fields = (
        *getattr(error, "args", ()),
        getattr(error, "reason", None),
        getattr(error, "original_error", None),
    )
    return [field for field in fields if isinstance(field, Exception)]
