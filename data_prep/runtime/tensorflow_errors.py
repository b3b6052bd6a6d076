"""Says in one line what an error of TensorFlow means, for those who only run a command.

TensorFlow adds names and definitions of nodes, where a graph was made, or a traceback. Nothing here
needs TensorFlow.
"""

import re
import sys

# Of Python called from a graph, and of Python of which a graph is made.
_OF_PYTHON = re.compile(r"Traceback \(most recent call last\)|^in user code:")
# The last line of a traceback: "ValueError: the sentence"
_RAISED = re.compile(r"^ *[\w.]+(?:Error|Exception): (.+)", re.MULTILINE)
# "{{function_node ...}} the reason [Op:ReadFile] name: ..." -> "the reason"
_INNER = re.compile(r"\{\{.*?\}\} *|\[\[.*?\]\]| *\[Op:.*|\.tempstate\d+|^ *\(\d\) [A-Z_ ]+: *")
# Lines that come before the reason, or behind it.
_NOISE = re.compile(
    r"Graph execution error:|Detected at node .*|<stack traces unavailable>|File \".*|Hint: .*|"
    r"\d+ root error.*|"
)
# "PATH; No such file or directory"
_OF_A_FILE = re.compile(r"(.+); ([A-Z][^;]*)")
_ACCELERATOR = re.compile("No algorithm worked|cu(dnn|blas|fft)|CUDA|DNN library", re.IGNORECASE)


def is_of_tensorflow(error: BaseException) -> bool:
    """Returns whether TensorFlow raised an error, or had a hand in its words."""
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        return False
    return isinstance(error, tensorflow.errors.OpError) or str(error).startswith("in user code:")


def reason(error: Exception) -> str:
    """Returns what has failed, without the words of TensorFlow's insides."""
    # The str() of its errors ends in pages of node definitions.
    text = str(getattr(error, "message", error))
    status = re.search(r"HTTP response code (\d+)", text)
    if status:
        address = re.search(r"gs://\S+", text)
        said = f"Cloud Storage answered {status[1]}"
        return f"{said} for {address[0]}" if address else said
    raised = _RAISED.findall(text)
    if raised and _OF_PYTHON.search(text):
        text = raised[-1]
    line = _first_line(text) or type(error).__name__
    of_a_file = _OF_A_FILE.fullmatch(line)
    if of_a_file:
        return f"{of_a_file[1]}: {of_a_file[2]}"
    if _ACCELERATOR.search(line):
        return (
            "the accelerator cannot compute this; most often another process has taken its memory, "
            "or a smaller batch is needed"
        )
    asserted = re.fullmatch(r"assertion failed: \[(.*)\]", line)
    if asserted:
        return asserted[1].replace("] [", " ")
    return line


def _first_line(text: str) -> str:
    """Returns the first line that says anything to a user; nothing if there is none."""
    lines = (_INNER.sub("", line).strip() for line in text.splitlines())
    return next((line for line in lines if not _NOISE.fullmatch(line)), "")
