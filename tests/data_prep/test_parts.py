"""A job in parts: the same records, whatever the order of the parts and whoever is killed."""

import os
import random
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

import configs
from data_prep import write
from data_prep.storage import open_folder
from data_prep.verify import iter_faults
from data_prep.writing import scratch
from data_prep.writing.examination import PLAIN, Options
from data_prep.writing.parts import Part, held_part, parse_part
from tests.support.commands import run_command, set_flags

OVERRIDES = ["audio.sample_rate=8000", "data.excerpt_secs=0.7"]
CONFIG = configs.load("smoke", OVERRIDES)


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def written(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    write.write(CONFIG, "urmp", corpus, out)
    return bytes_of(out)


def prepare_part(corpus, out, index, count, options=PLAIN):
    return write.prepare_part(CONFIG, "urmp", corpus, out, Part(index, count), options)


def flags_of(corpus, out, *more):
    where = ["--config=smoke", "--corpus=urmp", f"--root={corpus}", f"--out={out}"]
    return [*where, *set_flags(OVERRIDES), *more]


@pytest.mark.parametrize(
    ("text", "environment", "part"),
    [
        ("0/1", {}, (0, 1)),
        ("19/20", {"BATCH_TASK_INDEX": "3"}, (19, 20)),
        ("array", {"BATCH_TASK_INDEX": "3", "BATCH_TASK_COUNT": "8"}, (3, 8)),
        ("array/4", {"JOB_COMPLETION_INDEX": "3"}, (3, 4)),
        (
            "array",
            {
                "SLURM_ARRAY_TASK_ID": "1",
                "SLURM_ARRAY_TASK_MIN": "1",
                "SLURM_ARRAY_TASK_COUNT": "2",
            },
            (0, 2),
        ),
    ],
)
def test_parts_are_numbered_as_schedulers_number_them(text, environment, part):
    assert parse_part(text, environment) == Part(*part)


@pytest.mark.parametrize(
    ("text", "environment", "sentence"),
    [
        ("2", {}, "expected I/N, array/N or array"),
        ("1/x", {}, "expected I/N"),
        ("-1/2", {}, "expected I/N"),
        ("2/2", {}, "numbered from 0 to N - 1"),
        ("0/0", {}, "numbered from 0 to N - 1"),
        ("array", {}, "none of BATCH_TASK_INDEX, JOB_COMPLETION_INDEX, SLURM_ARRAY_TASK_ID is set"),
        ("array", {"JOB_COMPLETION_INDEX": "3"}, "give --part=array/N"),
        ("array/2", {"SLURM_ARRAY_TASK_ID": "2"}, "is part 2 of 2"),
    ],
)
def test_what_is_no_part_is_one_sentence(text, environment, sentence):
    with pytest.raises(ValueError, match=rf"^--part={text}.*{sentence}"):
        parse_part(text, environment)


def test_parts_in_any_order_give_the_bytes_of_one_job(corpus, written, tmp_path, capsys):
    order = [0, 1, 2]
    random.Random(5).shuffle(order)
    names = []
    for index in order:
        names += [track.files.name for track in prepare_part(corpus, tmp_path, index, 3)]
    assert len(names) == len(set(names)) == 18
    assert not list(tmp_path.glob("*.tfrecord"))
    # Whoever is given a part again has nothing to do.
    assert not any(track.is_new for track in prepare_part(corpus, tmp_path, 1, 3))
    capsys.readouterr()
    write.write(CONFIG, "urmp", corpus, tmp_path)
    assert capsys.readouterr().out.count(": read before") == 18
    assert bytes_of(tmp_path) == written
    assert not (tmp_path / ".scratch").exists()
    # Of finished records every part is done.
    assert prepare_part(corpus, tmp_path, 1, 3) == []


def test_a_part_that_is_missing_is_prepared_in_the_end(corpus, written, tmp_path):
    prepare_part(corpus, tmp_path, 1, 2)
    write.write(CONFIG, "urmp", corpus, tmp_path)
    assert bytes_of(tmp_path) == written


def test_nobody_makes_shards_while_a_part_is_at_work(corpus, tmp_path):
    folder = open_folder(str(tmp_path))
    with held_part(folder, Part(0, 2)):
        with pytest.raises(ValueError, match=r"expected no other job at work .*part-0-of-2"):
            write.write(CONFIG, "urmp", corpus, tmp_path)
        with pytest.raises(ValueError, match=r"expected no other job at work .*part-0-of-2"):
            prepare_part(corpus, tmp_path, 0, 2)
        prepare_part(corpus, tmp_path, 1, 2)


def test_another_version_of_the_program_is_refused(corpus, tmp_path, monkeypatch):
    prepare_part(corpus, tmp_path, 0, 9)
    monkeypatch.setattr(scratch, "code_revision", lambda: "abc123")
    for done in (
        lambda: prepare_part(corpus, tmp_path, 1, 9),
        lambda: write.write(CONFIG, "urmp", corpus, tmp_path),
    ):
        with pytest.raises(ValueError, match=r"another version .* this is code abc123, records"):
            done()


def test_tracks_that_cannot_be_read_fail_their_part_alone(corpus, tmp_path):
    pieces = tmp_path / "pieces"
    shutil.copytree(corpus, pieces)
    broken = sorted(pieces.iterdir())[1]
    next(broken.glob("AuSep_*.wav")).write_bytes(b"RIFF")
    out = tmp_path / "out"
    with pytest.raises(ValueError, match=r"^1 error in this part, listed above; the other tracks"):
        prepare_part(pieces, out, 1, 2)
    assert len(prepare_part(pieces, out, 1, 2, Options(skip_bad=True))) == 9
    assert not any(track.errors for track in prepare_part(pieces, out, 0, 2))


def test_the_command_prepares_a_part_and_says_what_comes_next(corpus, tmp_path, monkeypatch):
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "4")
    done = run_command(
        "data_prep.write", *flags_of(corpus, tmp_path, "--workers=1", "--part=array/18")
    )
    assert done.returncode == 0, done.stderr
    assert "Part 4 of 18 is prepared; when all are, the same command without" in done.stdout
    assert len(list((tmp_path / ".scratch").glob("*.tfrecord"))) == 1


def test_a_part_is_never_judged_alone(corpus, tmp_path):
    done = run_command("data_prep.write", *flags_of(corpus, tmp_path, "--part=0/2", "--check"))
    assert (done.returncode, "leave out --part" in done.stderr) == (1, True)


@pytest.mark.slow
def test_parts_share_a_bucket_and_leave_nothing_else(corpus, written, gcs, bucket, monkeypatch):
    url = f"gs://{bucket}/records/urmp"
    # A part that is killed before it has sent what it prepared sends it when it is given again.
    with monkeypatch.context() as patched:
        patched.setattr(scratch.Scratch, "send", lambda *_: None)
        prepare_part(corpus, url, 2, 3)
    assert not any(name.endswith(".tfrecord") for name in gcs.sizes(bucket))
    for index in (2, 0):
        # As on a machine of its own, which has nothing of the others.
        prepare_part(corpus, url, index, 3)
        shutil.rmtree(open_folder(url).scratch)
    sizes = gcs.sizes(bucket)
    assert sum(name.endswith(".tfrecord") for name in sizes) == 12
    # It is placed by a machine that is lost on the way, then by another.
    placed = write.put_shards

    def place_some(shards, *others):
        yield from placed(shards[:3], *others)
        raise KeyboardInterrupt

    monkeypatch.setattr(write, "put_shards", place_some)
    with pytest.raises(KeyboardInterrupt):
        write.write(CONFIG, "urmp", corpus, url)
    monkeypatch.undo()
    for name, value in gcs.variables.items():
        monkeypatch.setenv(name, value)
    shutil.rmtree(open_folder(url).scratch)
    write.write(CONFIG, "urmp", corpus, url)
    assert {name.removeprefix("records/urmp/") for name in gcs.sizes(bucket)} == {"", *written}
    assert list(iter_faults(url)) == []
    for name, content in written.items():
        assert open_folder(url).stat(name).num_bytes == len(content), name


def workers_of(job):
    """Returns the processes that a job has started, or itself where there are none."""
    try:
        children = Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text()
    except FileNotFoundError:
        return [job.pid]
    return [int(child) for child in children.split()] or [job.pid]


def kill_parts(corpus, out, environment, num_kills, victims):
    """Kills parts, their workers, and whoever makes shards of them at random moments; each time all
    files of the corpus get other times.
    """
    rng = random.Random(num_kills)
    for number in range(num_kills):
        # The last ones make shards.
        part = [] if 0 < num_kills - number < 3 < num_kills else [f"--part={number % 3}/3"]
        words = [
            sys.executable,
            "-m",
            "data_prep.write",
            *flags_of(corpus, out, "--workers=2", *part),
        ]
        job = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL)
        with suppress(subprocess.TimeoutExpired):
            job.wait(rng.uniform(4, 9))
        victim = rng.choice({"job": [job.pid], "worker": workers_of(job)}[rng.choice(victims)])
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        # Who lost a worker says so, and ends.
        job.wait(60)
        for path in corpus.rglob("*.wav"):
            os.utime(path, ns=(rng.randrange(10**18), rng.randrange(10**18)))
    write.write(CONFIG, "urmp", corpus, out)


@pytest.fixture
def pieces(corpus, tmp_path):
    return Path(shutil.copytree(corpus, tmp_path / "pieces"))


@pytest.mark.parametrize(
    ("num_kills", "victims"),
    [
        pytest.param(1, ["job"], marks=pytest.mark.slow),
        pytest.param(10, ["job", "worker"], marks=pytest.mark.soak),
    ],
)
def test_killed_parts_leave_no_trace_on_a_disk(pieces, written, tmp_path, num_kills, victims):
    out = tmp_path / "out"
    kill_parts(pieces, out, dict(os.environ), num_kills, victims)
    assert bytes_of(out) == written
    assert {path.name for path in out.iterdir()} == set(written)


@pytest.mark.parametrize(
    ("num_kills", "victims"),
    [
        # A bucket waits for most of a minute for a job that was killed.
        pytest.param(1, ["worker"], marks=pytest.mark.slow),
        pytest.param(10, ["job", "worker"], marks=pytest.mark.soak),
    ],
)
def test_killed_parts_leave_no_trace_in_a_bucket(pieces, written, gcs, bucket, num_kills, victims):
    url = f"gs://{bucket}/records"
    kill_parts(pieces, url, gcs.environment, num_kills, victims)
    names = {name.removeprefix("records/") for name in gcs.sizes(bucket)} - {""}
    assert names == set(written)
    assert {name: gcs.get(bucket, f"records/{name}") for name in names} == written
