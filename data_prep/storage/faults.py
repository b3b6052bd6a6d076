"""Says how requests to Cloud Storage are tried again, and in one sentence why one failed."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import requests

with warnings.catch_warnings():
    # The project keeps the Python version that TensorFlow for TPUs needs; Google's library warns.
    warnings.filterwarnings("ignore", "You are using a Python version", FutureWarning)
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.api_core.retry import Retry
    from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
    from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

# The limits of one try: to connect, and to wait for the next bytes.
CONNECT_SECS = 5.0
_READ_SECS = 60.0
# The pause between two tries doubles each time, from the first to the longest.
_FIRST_PAUSE_SECS = 0.5
_LONGEST_PAUSE_SECS = 30.0

# The statuses of temporary failures: a timeout, too many requests, and faults of the server.
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
def retried_requests(
    action: str, bucket_name: str, address: str, patience_secs: float
) -> Iterator[dict[str, object]]:
    """Yields the arguments ``retry`` and ``timeout`` for the requests inside the block.

    A failure that remains becomes a ``ValueError`` of one sentence, which commands print. A 404 is
    told as a missing bucket: where an object may be missing, the caller catches that.

    Args:
        action: list, read, write or delete.
        bucket_name: without ``gs://``.
        address: of the object or folder, printed where a request is tried again.
        patience_secs: for how long temporary failures are tried again.

    Raises:
        ValueError: the request failed finally.
    """

    def tell(error: Exception) -> None:
        print(f"{address}: {action} failed ({short_reason(error)}), trying again", flush=True)

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
        error: of Cloud Storage or of the network.
        action: list, read, write or delete.
        bucket_name: without ``gs://``.
    """
    # A RetryError holds the last failure.
    cause = getattr(error, "cause", None) or error
    status = _status(cause)
    brief = short_reason(cause)
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
    """Returns what an error status means, and what to do about it."""
    advice = {
        401: f"{bucket} does not take the credentials ({brief}); {_LOGIN}.",
        403: (
            f"no permission to {action} in {bucket} ({brief}); give the account the role "
            f"roles/storage.objectUser on that bucket."
        ),
        # The bucket is missing: whoever looks for an object catches the 404 of the object.
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
    """Returns the HTTP status of an answer, None without an answer."""
    response = getattr(error, "response", None)
    # Errors of the library requests have a response, those of Google's library a code.
    status = getattr(response, "status_code", None) or getattr(error, "code", None)
    return int(status) if status else None


def short_reason(error: object) -> str:
    """Returns the reason of an error in a few words.

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
    # Some servers answer with a whole page: its first sentence is enough.
    words = " ".join(str(error).split()) or type(error).__name__
    return words[:200].split(". ")[0].rstrip(".")


def _inner_exceptions(error: object) -> list[Exception]:
    """Returns what an exception comes from: the libraries keep it in any of three fields."""
    fields = (
        *getattr(error, "args", ()),
        getattr(error, "reason", None),
        getattr(error, "original_error", None),
    )
    return [field for field in fields if isinstance(field, Exception)]
