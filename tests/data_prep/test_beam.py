"""Tracks prepared by Apache Beam: the bytes of one job, whoever is killed, and nobody left behind.

Most of it needs an interpreter with Apache Beam, BEAM_PYTHON, as make test-extras has it.
"""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest

import configs
from data_prep import write
from data_prep.corpora import list_tracks
from data_prep.storage import open_folder
from data_prep.verify import iter_faults
from data_prep.writing import beam
from data_prep.writing.beam import LOCAL, BeamJob, require_beam, runner_of
from data_prep.writing.examination import PLAIN, tracks_to_prepare
from tests.support.commands import run_command, set_flags

ROOT = Path(__file__).parents[2]
PYTHON = os.environ.get("BEAM_PYTHON", "")
OVERRIDES = ["audio.sample_rate=8000", "data.excerpt_secs=0.7"]
CONFIG = configs.load("smoke", OVERRIDES)
WORKER = "sdk_worker_main"

needs_beam = pytest.mark.skipif(not PYTHON, reason="no BEAM_PYTHON, which has apache_beam")


def with_beam(test):
    return pytest.mark.extras(needs_beam(test))


def bytes_of(folder):
    """Returns what a finished folder holds, but for the revision, which whoever edits changes."""
    return {
        path.name: re.sub(rb'"code_revision": "[^"]*"', b"", path.read_bytes())
        for path in folder.iterdir()
    }


@pytest.fixture(scope="module")
def written(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("plain")
    write.write(CONFIG, "urmp", corpus, out)
    return bytes_of(out)


def flags_of(corpus, out, *more):
    where = ["--config=smoke", "--corpus=urmp", f"--root={corpus}", f"--out={out}"]
    return [*where, *set_flags(OVERRIDES), "--workers=2", *more]


class BeamCommand:
    """Is the command with Beam, as a process of its own; what it starts is known by its mark."""

    def __init__(self, corpus, out, *more, environment=None):
        self.mark = f"mark-{uuid.uuid4().hex}"
        words = [PYTHON, "-m", "data_prep.write", *flags_of(corpus, out, "--runner=beam", *more)]
        self.process = subprocess.Popen(
            words,
            cwd=ROOT,
            env={**(environment or os.environ), "BEAM_TEST": self.mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Where the tests run in the background it is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def wait_for(self, word):
        """Reads until a line has a word."""
        for line in self.process.stdout:
            if word in line:
                return

    def end(self):
        """Returns the status, and what was said since; nothing may be left running."""
        out, error = self.process.communicate(timeout=300)
        self.require_nobody()
        return self.process.returncode, out, error

    def processes(self, word=""):
        """Returns the numbers of running processes that it started, whose command has a word."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                command = (path / "cmdline").read_text(errors="replace")
                if self.mark in (path / "environ").read_text(errors="replace") and word in command:
                    found.append(int(path.name))
            except OSError:
                continue
        return found

    def require_nobody(self):
        """Waits until no process is left, at most ten seconds."""
        until = time.monotonic() + 10
        while self.processes() and time.monotonic() < until:
            time.sleep(0.1)
        assert self.processes() == []

    def kill(self, who):
        """Kills the command itself ("driver"), or one of what it started, if there is any yet."""
        if who == "driver":
            return self.process.kill()
        found = self.processes(WORKER if who == "worker" else "spawn_main")
        for number in found[:1]:
            os.kill(number, signal.SIGKILL)
        return None


# --- without Beam ---------------------------------------------------------------------------------


def test_without_beam_a_sentence_says_how_to_get_it(corpus, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    done = run_command("data_prep.write", *flags_of(corpus, tmp_path / "out", "--runner=beam"))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: --runner=beam needs Apache Beam; make an environment")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("flags", "out", "sentence"),
    [
        (["--project=a", "b"], "out", "'b' is no flag of Beam"),
        (["-x"], "out", "'-x' is no flag of Beam"),
        (["--runner=DataflowRunner"], "out", "--out=out: the workers of DataflowRunner are other"),
    ],
)
def test_what_beam_cannot_be_given_is_one_sentence(flags, out, sentence, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", SimpleNamespace(__spec__="found"))
    with pytest.raises(ValueError, match=rf"^{re.escape(sentence)}"):
        require_beam(flags, out)
    require_beam(["--project=a", "--runner=DataflowRunner"], "gs://bucket/folder")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--", "--project=a"], "'--project=a' is no flag; everything is said by flags"),
        (["--runner=beam", "--check"], "leave out --check and --part"),
        (["--runner=beam", "--part=0/2"], "leave out --check and --part"),
        (["--runner=beam", "--project=a"], "Unknown command line flag 'project'"),
    ],
)
def test_flags_that_do_not_go_together_are_one_sentence(corpus, tmp_path, more, sentence):
    done = run_command("data_prep.write", *flags_of(corpus, tmp_path / "out", *more))
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert sentence in done.stderr


def test_the_runner_of_this_machine_is_named_unless_another_is():
    assert runner_of([]) == runner_of(["--region=a"]) == LOCAL
    assert runner_of(["--runner=FnApiRunner", "--runner=DataflowRunner"]) == "DataflowRunner"


def test_lines_of_workers_are_told_once_and_whole(corpus, tmp_path, capsys):
    files = list_tracks("urmp", corpus, CONFIG.data.splits).tracks
    tracks = tracks_to_prepare(CONFIG, files, PLAIN, None)
    path = tmp_path / "lines"
    path.write_text("3 read\n0 cannot be")
    told = beam._Told(BeamJob(tracks, 2, (), path))
    told.tell_more()
    told.tell_more()
    with path.open("a") as file:
        file.write(" read\n")
    told.tell_more()
    first, second = capsys.readouterr().out.splitlines()
    assert re.fullmatch(rf"1/18 \w+ {tracks[3].files.name}: read \(.* left\)", first)
    assert re.fullmatch(rf"2/18 \w+ {tracks[0].files.name}: cannot be read \(.* left\)", second)


# --- with Beam ------------------------------------------------------------------------------------


@with_beam
def test_two_workers_give_the_bytes_of_one_job(corpus, written, tmp_path):
    status, out, error = BeamCommand(corpus, tmp_path).end()
    assert (status, error) == (0, "")
    assert out.startswith("18 tracks to prepare by Beam (FnApiRunner, 2 workers on this machine):")
    assert out.count(": read (") == out.count(": read before\n") == 18
    assert "Beam is done: 18 read, 0 read before, 0 cannot be read." in out
    assert bytes_of(tmp_path) == written


@with_beam
def test_a_track_that_cannot_be_read_is_told_as_without_beam(corpus, tmp_path):
    pieces = Path(shutil.copytree(corpus, tmp_path / "pieces"))
    next(sorted(pieces.iterdir())[1].glob("AuSep_*.wav")).write_bytes(b"RIFF")
    plain = run_command("data_prep.write", *flags_of(pieces, tmp_path / "plain"))
    status, out, error = BeamCommand(pieces, tmp_path / "out").end()
    assert (status, error) == (plain.returncode, plain.stderr) == (1, plain.stderr)
    assert "17 read, 0 read before, 1 cannot be read." in out
    table = re.compile(r"^track .*", re.MULTILINE | re.DOTALL)
    assert table.search(out)[0] == table.search(plain.stdout)[0]


@with_beam
@pytest.mark.parametrize(
    ("flag", "sentence"),
    [
        ("--nonsense=1", "error: Beam refuses its flags: it knows no --nonsense."),
        ("--streaming=x", "error: Beam refuses its flags: "),
    ],
)
def test_a_flag_that_beam_refuses_is_one_sentence(corpus, tmp_path, flag, sentence):
    status, _, error = BeamCommand(corpus, tmp_path, "--", flag).end()
    assert (status, len(error.splitlines())) == (1, 1)
    assert error.startswith(sentence)


@with_beam
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_all_of_it(corpus, tmp_path, number):
    command = BeamCommand(corpus, tmp_path)
    command.wait_for(": read (")
    command.process.send_signal(number)
    status, _, error = command.end()
    assert (status, error) == (75, "interrupted; the same command continues.\n")


@with_beam
def test_killed_processes_leave_no_trace(corpus, written, tmp_path):
    command = BeamCommand(corpus, tmp_path)
    command.wait_for(": read (")
    command.kill("worker")
    status, _, error = command.end()
    assert (status, len(error.splitlines())) == (1, 1)
    assert error.startswith("error: a process of Beam was killed; ")
    command = BeamCommand(corpus, tmp_path)
    command.wait_for(": read (")
    command.kill("driver")
    assert command.end()[0] == -signal.SIGKILL
    status, out, error = BeamCommand(corpus, tmp_path).end()
    assert (status, error) == (0, "")
    assert "Beam is done: 18 read," not in out
    assert bytes_of(tmp_path) == written


@with_beam
def test_workers_of_this_machine_write_to_a_bucket(corpus, written, gcs, bucket):
    url = f"gs://{bucket}/records/urmp"
    status, out, error = BeamCommand(corpus, url, environment=gcs.environment).end()
    assert status == 0, error
    assert out.count(": read before\n") == 18
    assert {name.removeprefix("records/urmp/") for name in gcs.sizes(bucket)} == {"", *written}
    require_same(url, written)


# As the worker of another machine would: no progress on this one, and the records go.
ELSEWHERE = """
import sys
import configs
from data_prep.storage import open_folder
from data_prep.writing import beam_pipeline
from data_prep.writing.beam import BeamJob
from data_prep.writing.examination import PLAIN, listed, tracks_to_prepare
from data_prep.writing.scratch import open_scratch

root, out, version, *overrides = sys.argv[1:]
with listed(configs.load("smoke", overrides), "urmp", root, PLAIN) as (config, listing):
    scratch = open_scratch(open_folder(out), sends=True)
    tracks = tracks_to_prepare(config, listing.tracks, PLAIN, scratch)
    if version:
        beam_pipeline.program_version = lambda: version
    print(beam_pipeline.run(BeamJob(tracks, 2, (), None)))
    print(len(list(scratch.here.glob("*.tfrecord"))))
"""


def prepare_elsewhere(corpus, out, version="", environment=None):
    words = [PYTHON, "-W", "ignore", "-c", ELSEWHERE, corpus, out, version, *OVERRIDES]
    environment = {**(environment or os.environ), "no_grpc_proxy": "localhost"}
    return subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@with_beam
def test_what_workers_elsewhere_put_into_a_bucket_is_found(corpus, written, gcs, bucket, capsys):
    url = f"gs://{bucket}/records/urmp"
    for path in filter(Path.is_file, corpus.rglob("*")):
        gcs.put(bucket, f"corpus/{path.relative_to(corpus).as_posix()}", path.read_bytes())
    done = prepare_elsewhere(f"gs://{bucket}/corpus", url, environment=gcs.environment)
    assert done.stdout == "{'read': 18}\n0\n", done.stderr
    shutil.rmtree(open_folder(url).scratch)
    write.write(CONFIG, "urmp", corpus, url)
    assert capsys.readouterr().out.count(": read before") == 18
    require_same(url, written)


@with_beam
def test_workers_on_a_shared_disk_need_the_version_of_the_command(corpus, tmp_path):
    done = prepare_elsewhere(corpus, tmp_path)
    # On a disk that all share the records stay.
    assert done.stdout == "{'read': 18}\n18\n", done.stderr
    done = prepare_elsewhere(corpus, tmp_path, "code of yesterday")
    assert done.returncode == 1
    sentence = "ValueError: Beam ended before its time: ValueError: a worker has another version"
    assert sentence in done.stderr.splitlines()[-1]
    assert "the command is code of yesterday" in done.stderr.splitlines()[-1]


def require_same(url, written):
    """Requires that a bucket holds what a folder holds."""
    assert list(iter_faults(url)) == []
    folder = open_folder(url)
    for name, content in written.items():
        if name.endswith(".tfrecord"):
            assert folder.stat(name).num_bytes == len(content), name


@needs_beam
@pytest.mark.soak
def test_ten_killed_processes_leave_no_trace(corpus, written, soak_folder, record_property):
    moments = random.Random(7)
    out = soak_folder / "out"
    ended = []
    # A kill may come when the command has finished, or nobody is there yet; it is not counted.
    for _ in range(40):
        if len(ended) == 10:
            break
        who = ("worker", "driver", "worker", "head")[len(ended) % 4]
        command = BeamCommand(corpus, out)
        command.wait_for(moments.choice(["tracks to prepare", ": read (", ": read ("]))
        time.sleep(moments.uniform(0, 2))
        command.kill(who)
        status, _, error = command.end()
        if status == 0:
            assert bytes_of(out) == written
            shutil.rmtree(out)
        else:
            assert status == (-signal.SIGKILL if who == "driver" else 1), error
            ended.append(f"{who} {status}")
    record_property("ended", ", ".join(ended))
    assert len(ended) == 10
    status, _, error = BeamCommand(corpus, out).end()
    assert status == 0, error
    assert bytes_of(out) == written
