"""The project as a package: it installs elsewhere, and every command explains itself, quickly."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ORDER = ["data_prep", "trainer", "evaluation"]
BEFORE = "tests/before/files"
COMMANDS = [
    f"{path.parent.name}.{path.stem}"
    for package in ORDER
    for path in sorted((ROOT / package).glob("*.py"))
    if "    command.run(" in path.read_text(encoding="utf-8")
]
RECORDS = f"--records={BEFORE}/records"
SEPARATE = f"evaluation.separate --workdir={BEFORE}/run {BEFORE}/song.wav"
MISSING = [
    ("data_prep.write --corpus=urmp --root=none", "--config is missing"),
    ("data_prep.write --config=none --corpus=urmp --root=none", "none"),
    ("data_prep.write --config=smoke --corpus=urmp --root=none --set=a=b", "section.field=value"),
    ("data_prep.write --config=smoke --corpus=urmp --root=none --out=none", "none"),
    ("data_prep.write --config=smoke --corpus=urmp --root=none", "--out is missing"),
    (
        "data_prep.write --config=a --corpus=urmp --root=a --runner=beam --check",
        "leave out --check",
    ),
    ("data_prep.write --config=a --corpus=urmp --root=a --runner=beam -- b", "no flag of Beam"),
    ("data_prep.verify --records=none", "no manifest.json in none"),
    ("data_prep.show", "--records is missing"),
    ("data_prep.show --records=none", "no manifest.json in none"),
    (f"data_prep.show {RECORDS} --record=1", "--track is missing"),
    (f"data_prep.show {RECORDS} --track=1", "--out is missing"),
    ("data_prep.costs --records=none", "no manifest.json in none"),
    ("data_prep.synthetic --corpus=urmp", "--out is missing"),
    ("data_prep.one_shots --root=none", "--out is missing"),
    ("data_prep.one_shots --out=none", "expected either --root"),
    ("data_prep.one_shots --root=none --records=none --out=none", "expected either --root"),
    ("data_prep.one_shots --root=none --out=none/a", "there is no folder none"),
    ("data_prep.one_shots --root=none --stem=drums --out=none", "--stem is for --records"),
    ("data_prep.one_shots --root=none --out=gs://a/b", "kept in a local folder"),
    ("data_prep.one_shots --root=none --splits=none --out=none", "the splits 'none' are no file"),
    ("data_prep.one_shots --root=none --num_frames=0 --out=none", "--num_frames is 0; expected"),
    ("data_prep.one_shots --records=none --out=none", "--stem is missing"),
    ("data_prep.one_shots --records=none --stem=drums --out=none", "no manifest.json in none"),
    (f"data_prep.one_shots {RECORDS} --stem=drums --out=none", "have no stem 'drums'"),
    ("trainer.task --config=smoke --records=none", "--workdir is missing"),
    ("trainer.task --config=none --records=none --workdir=none", "none"),
    ("trainer.task --config=smoke --records=none --workdir=none --set=train.a=1", "no field 'a'"),
    ("trainer.task --config=smoke --records=none --workdir=none", "no manifest.json in none"),
    (f"trainer.task --config=smoke {RECORDS} --workdir=gs:/none", "gs://BUCKET"),
    (f"trainer.task --config=smoke {RECORDS} --workdir=none", "needs records with sample_rate"),
    ("data_prep.solve_splits --test=99", "no piece has the number 99"),
    ("trainer.export --workdir=none", "none/config.json"),
    (f"trainer.export --workdir={BEFORE}/run --format=onx", "there is no format 'onx'"),
    ("trainer.import_openunmix --weights=none", "--workdir is missing"),
    ("trainer.import_openunmix --weights=none --workdir=none", "there is no folder none"),
    (f"trainer.import_openunmix --weights=none --workdir={BEFORE}/run", "holds a run"),
    ("trainer.import_openunmix --weights=gs://a/b --workdir=none", "expected a folder on a disk"),
    ("trainer.import_roformer --weights=none --config=none", "--workdir is missing"),
    (
        "trainer.import_roformer --weights=none --config=none --workdir=none",
        "there is no file none",
    ),
    (f"trainer.import_roformer --weights=a --config=a --workdir={BEFORE}/run", "holds a run"),
    ("trainer.import_roformer --weights=a --config=gs://a/b --workdir=a", "a file on a disk"),
    ("trainer.benchmark --config=none", "none"),
    ("trainer.benchmark --config=smoke --batches=none", "expected 1,2,4"),
    ("trainer.preflight --config=none", "none"),
    ("evaluation.evaluate", "--workdir"),
    ("evaluation.evaluate --workdir=none", "none/config.json"),
    ("evaluation.evaluate --estimates=none", "--references"),
    ("evaluation.audit --workdir=none", "none/config.json"),
    ("evaluation.compare none", "none"),
    ("evaluation.compare a b --ratings=~/none", f"{Path.home()}/none: No such file"),
    ("evaluation.separate --workdir=none", "name at least one audio file"),
    ("evaluation.separate --workdir=none --serve", "none/config.json"),
    ("evaluation.separate --workdir=none --serve song.wav", "leave out song.wav"),
    ("evaluation.separate --workdir=none --serve --write=all --out=a", "leave out --write, --out"),
    ("evaluation.separate --workdir=none song.wav --port=1", "--port is for the page"),
    ("evaluation.separate --workdir=none song.wav", "none/config.json"),
    (f"evaluation.separate --workdir={BEFORE}/run song.wav", "there is no file song.wav"),
    (f"{SEPARATE} --labels=,", "error: --labels=,: nothing is named"),
    (f"{SEPARATE} --labels=zither", "error: --labels=zither: no source is called zither"),
    (f"{SEPARATE} --write=residual", "error: --write=residual: no stem is left"),
    ("evaluation.separate song.wav", "expected either --workdir"),
    ("evaluation.separate --workdir=none --untrained song.wav", "expected either --workdir"),
    ("evaluation.separate --workdir=none --config=smoke song.wav", "go with --untrained"),
    ("evaluation.separate --workdir=none --set=a.b=c song.wav", "go with --untrained"),
    ("evaluation.separate --method=hpss --workdir=none song.wav", "leave out --workdir"),
    ("evaluation.separate --method=ica --untrained --set=a.b=c song.wav", "--untrained, --set"),
    ("evaluation.separate --method=hpss song.wav", "there is no file song.wav"),
    ("evaluation.separate --method=hpss --serve", "leave out --method"),
    ("evaluation.separate --method=nmf song.wav", "name their folder with --records"),
    ("evaluation.separate --method=nmf --records=none song.wav", "no manifest.json in none"),
    (f"evaluation.separate --method=nmf {RECORDS} song.wav", "there is no file song.wav"),
    (f"evaluation.separate --method=repet {RECORDS} song.wav", "repet learns nothing"),
    ("evaluation.separate --method=pca --labels=all song.wav", "pca does not ask; leave it out"),
    (f"evaluation.separate --workdir={BEFORE}/run {RECORDS} song.wav", "with --method=nmf"),
    (
        f"evaluation.separate --method=hpss --write=vn {BEFORE}/song.wav",
        "legal labels are harmonic, percussive",
    ),
    ("evaluation.separate --untrained song.wav", "--config, one of musdb, musdb_bs_roformer,"),
    ("evaluation.separate --untrained --config=none song.wav", "no experiment is called 'none'"),
    ("evaluation.separate --untrained --config=smoke --weights=raw song.wav", "of a run"),
    ("evaluation.separate --untrained --config=smoke --checkpoint=best song.wav", "of a run"),
    ("evaluation.separate --untrained --config=smoke song.wav", "there is no file song.wav"),
    ("evaluation.separate --untrained --config=smoke --passes=0 song.wav", "from 1 to 32 passes"),
    (f"evaluation.separate --workdir={BEFORE}/run --passes=9 song.wav", "from 1 to 8 passes"),
    (
        f"evaluation.separate --workdir={BEFORE}/run --workdir={BEFORE}/other --passes=5 song.wav",
        "from 1 to 4 passes",
    ),
    ("evaluation.separate --workdir=~/none song.wav", f"{Path.home()}/none/config.json"),
    (f"evaluation.separate --workdir={BEFORE}/run --workdir={BEFORE}/run song.wav", "twice"),
    ("evaluation.classify", "expected train, predict, neighbours"),
    ("evaluation.classify train --workdir=none --out=none --root=none", "there is no folder none"),
    (
        f"evaluation.classify train --workdir={BEFORE}/run --out=none --root={BEFORE}",
        "holds no sound files",
    ),
    (f"evaluation.classify predict {BEFORE}/song.wav --model=none", "no none/model.json"),
    ("evaluation.sweep smoke_ordering --records=none", "--out is missing"),
    ("evaluation.sweep --records=none --out=none", "no experiment is named"),
    ("evaluation.sweep smoke --records=none --out=gs://a/b", "kept in a local folder"),
    ("evaluation.sweep smoke --records=none --out=none --over=a", "section.field=a,b,c"),
    ("evaluation.feature_play --workdir=none", "none/config.json"),
    (f"evaluation.feature_play --workdir={BEFORE}/run", "expected one that puts clips in order"),
    ("evaluation.play --workdir=none", "none/config.json"),
    (f"evaluation.play --workdir={BEFORE}/run", "expected one that makes one-shots"),
    ("evaluation.tag song.wav", "--workdir is missing"),
    ("evaluation.tag --workdir=none", "name at least one audio file"),
    ("evaluation.tag --workdir=none song.wav", "none/config.json"),
    ("evaluation.tag --workdir=none song.wav --formats=csv,pdf", "expected one or more of csv"),
    ("evaluation.tag --workdir=none song.wav --formats=,", "got none"),
    ("evaluation.tag --workdir=none song.wav --rate=8000", "--rate is for raw PCM"),
    ("evaluation.tag --workdir=none - song.wav", "leave out the files"),
    ("evaluation.tag --workdir=none - --out=a", "--out is for files"),
    (
        "evaluation.tag --workdir=none song.wav --threshold=2",
        "--threshold=2: 2.0 is not a number in",
    ),
    (f"evaluation.tag --workdir={BEFORE}/run song.wav", "is no run that hears instruments"),
    ("data_prep.verify --records=", "expected the path of a folder"),
    (f"trainer.task --config=smoke {RECORDS} --workdir=", "expected the path of a folder"),
    ("data_prep.verify --records=~/none", f"no manifest.json in {Path.home()}/none"),
    ("evaluation.compare ~/none", f"{Path.home()}/none"),
    ("data_prep.verify --records=~nobody-of-that-name/a", "no user of that name is known"),
]


def run(*arguments, **options):
    return subprocess.run(arguments, capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="module")
def answers():
    """What commands answer, by their line: (status, stdout, stderr, slow modules imported)."""
    lines = [f"{command} {flag}" for command in COMMANDS for flag in ("--help", "--nonsense=1")]
    lines += [line for line, _ in MISSING]
    calls = json.dumps([line.split() for line in lines])
    done = run(sys.executable, "-m", "tests.support.quick_commands", cwd=ROOT, input=calls)
    assert done.returncode == 0, done.stderr
    return dict(zip(lines, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("command", COMMANDS)
def test_help_holds_an_example(command, answers):
    status, out, error, slow = answers[f"{command} --help"]
    assert (status, error, slow) == (0, "", [])
    # compare takes its runs first.
    assert f"python -m {command} " in out


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_flag_is_one_sentence(command, answers):
    status, out, error, slow = answers[f"{command} --nonsense=1"]
    assert (status, out, slow) == (1, "", [])
    assert error.startswith("error: Unknown command line flag 'nonsense'")
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(("line", "named"), MISSING)
def test_what_is_missing_is_named_before_anything_slow_is_imported(line, named, answers):
    status, _, error, slow = answers[line]
    assert (status, slow) == (1, []), error
    assert error.startswith("error: ")
    assert named in error
    assert len(error.splitlines()) == 1


def test_every_command_ends_through_the_same_wrapper():
    """And every module directly in a package is a command, but for what commands share."""
    others = {"__init__", "options", "overview", "pipeline", "evaluate_folders"}
    for command in COMMANDS:
        text = (ROOT / command.replace(".", "/")).with_suffix(".py").read_text(encoding="utf-8")
        assert text.endswith(
            ("    command.run(main)\n", "    command.run(main, takes_files=True)\n")
        )
    found = {path.stem for name in ORDER for path in (ROOT / name).glob("*.py")}
    assert found - {command.partition(".")[2] for command in COMMANDS} <= others


def test_a_command_of_its_own_process_is_refused_in_a_sentence():
    result = run(sys.executable, "-m", "trainer.task", "--nonsense=1", cwd=ROOT)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        "error: Unknown command line flag 'nonsense' (--help lists the flags)\n"
    )


@pytest.mark.parametrize(
    "line",
    [
        f"data_prep.show {RECORDS} --track=01_Dawn --out=none",
        f"trainer.export --workdir={BEFORE}/run",
        f"evaluation.separate --workdir={BEFORE}/run {BEFORE}/run/config.json",
        f"evaluation.evaluate --workdir={BEFORE}/run",
    ],
)
def test_an_interruption_while_tensorflow_is_imported_is_one_sentence(line, tmp_path):
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    process = subprocess.Popen(
        # On stderr a line for each module.
        [sys.executable, "-X", "importtime", "-m", *line.split()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests run in the background it is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        for imported in process.stderr:
            if " tensorflow." in imported:
                break
        process.send_signal(signal.SIGINT)
        lines = [line for line in process.stderr if not line.startswith("import time:")]
    assert (process.returncode, lines) == (75, ["interrupted; the same command continues.\n"])


def test_an_import_leaves_interruptions_to_the_program_that_imports(tmp_path):
    """Which may be a command itself, of a package that imports ours as a whole."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "__init__.py").write_text("import data_prep, trainer, evaluation")
    (tmp_path / "other" / "tool.py").write_text(
        "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)\n"
        "print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)"
    )
    call = [sys.executable, "-m", "other.tool", "trainer"]
    default = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    result = run(
        *call, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, preexec_fn=default
    )
    assert result.stdout == "True\nTrue\n", result.stderr


@pytest.mark.slow
def test_the_wheel_holds_every_module_and_data_file(tmp_path):
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    assert run(*build, f"--wheel-dir={tmp_path}", str(ROOT)).returncode == 0
    (wheel,) = tmp_path.glob("*.whl")
    target = tmp_path / "site"
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        f"--target={target}",
        str(wheel),
    ]
    assert run(*install).returncode == 0
    tracked = run(
        "git", "ls-files", "configs", "data_prep", "trainer", "evaluation", cwd=ROOT
    ).stdout.split()
    assert [name for name in tracked if not (target / name).is_file()] == []
