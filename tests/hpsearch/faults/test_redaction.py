"""What is recorded or sent holds no secret, wherever a user's machine or code wrote one; points are never touched."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logs import header, ticks

from hpsearch.cli import main
from hpsearch.engine import git
from hpsearch.log import redact
from hpsearch.log.lines import encode, key_of, read
from hpsearch.log.records import MINOR, Ask, Header, Tick
from hpsearch.log.writer import Log
from hpsearch.study.loading import load_study

SECRET = "s3cr3t-Hunter2"

TEXTS = [
    f"http://bob:{SECRET}@there:5000/x",
    f"postgresql+psycopg://bob:{SECRET}@db/mlflow",
    f"https://there/data.csv?token={SECRET}&rows=3",
    f"https://there/x?rows=3&password={SECRET}",
    f"https://bucket/x?X-Amz-Signature={SECRET}",
    f"Authorization: Bearer {SECRET}",
    f"{{'Authorization': 'Basic {SECRET}'}}",
    f"curl -H authorization:{SECRET}",
    f"+AWS_SECRET_ACCESS_KEY={SECRET}",
    f'"api_key": "{SECRET}"',
    f"client(api-key='{SECRET}')",
    f"DB_PASSWORD: {SECRET}",
    f"-----BEGIN RSA PRIVATE KEY-----\n+{SECRET}\n+-----END RSA PRIVATE KEY-----",
    f"postgresql+psycopg://bob:{SECRET}/x#y@db/mlflow",
    f"mysql://bob:{SECRET}@home@db/mlflow",
    f"http://bob:p@{SECRET}@there/x",
    f"PGPASSWORD={SECRET}",
    f"clientSecret: {SECRET}",
    f'"dbPassword": "two words, {SECRET}"',
    f"password='one {SECRET}'",
    f'{{\\"api_key\\": \\"one {SECRET}\\"}}',
    f"X-API-Key: {SECRET}",
    f"SECRET_KEY_BASE={SECRET}",
    f"Set-Cookie: session={SECRET}; Path=/\nbehind: ",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_secret_is_taken_out_of_a_text(text: str) -> None:
    clean = redact.text(f"before {text} behind")
    assert SECRET not in clean
    assert clean.startswith("before ")
    assert clean.endswith(" behind")
    assert redact.text(clean) == clean


@pytest.mark.parametrize(
    "key",
    [
        *("AKIA" + "Q7" * 8, "ASIA" + "Q7" * 8, "ghp_" + "a1" * 18, "github_pat_" + "a1" * 18, "glpat-" + "a1" * 10),
        *("xoxb-" + "a1" * 8, "xapp-" + "a1" * 12, "sk-" + "a1" * 14, "sk_live_" + "a1" * 8, "hf_" + "a1" * 17),
        *("AIza" + "a1b2c" * 7, "ya29." + "a1" * 12, "npm_" + "a1" * 18, "pypi-" + "a1" * 12, "dapi" + "a1" * 16),
        "eyJ" + "a1" * 6 + ".eyJ" + "a1" * 6 + "." + "a1" * 6,
    ],
)
def test_a_provider_s_key_is_known_by_its_form_alone(key: str) -> None:
    assert redact.text(f"it said {key} there") == "it said [redacted] there"


@pytest.mark.parametrize(
    "text",
    [
        "learning_rate=0.1 n_tokens=512, max_tokens: 3",
        "http://127.0.0.1:5000/#/experiments/1/runs/2", "accuracy=0.98",
        "tokens = tokenizer(text)", "git@github.com:me/it.git", "ValueError: secretary is unknown", "signal = 3",
        "class Token:\n    pass", "std::string password;", "password = ''", 'token="", other="x"',
        "a cookie: it is sweet",
        "postgresql://db/mlflow", "sqlite:////home/me/mlruns/mlflow.db", "PWD=/home/me",
    ],
)  # fmt: skip
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact.text(text) == text


@given(st.text(max_size=200))
def test_redaction_is_done_once(text: str) -> None:
    clean = redact.text(text)
    assert redact.text(clean) == clean


def test_the_value_of_a_secret_variable_is_taken_out_wherever_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SERVICE_TOKEN", "plainword7")
    monkeypatch.setenv("PWD", "/home/bob/studies")
    assert redact.text("it said plainword7!") == "it said [redacted]!"
    assert redact.text("/home/bob/studies/x.py") == "/home/bob/studies/x.py"


@pytest.mark.parametrize("name", ["PGPASSWORD", "MYSQL_PWD", "clientSecret", "AWS_SESSION_TOKEN", "my-api-key", "SIG"])
def test_a_variable_is_known_as_secret_by_its_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "plainword7")
    assert redact.text("plainword7") == "[redacted]"


@pytest.mark.parametrize("name", ["PWD", "OLDPWD", "TOKENIZERS_PARALLELISM", "SECRETARY", "DESIGN"])
def test_a_variable_that_only_sounds_like_it_is_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "plainword7")
    assert redact.text("plainword7") == "plainword7"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        (f"postgresql://bob:{SECRET}/x@db/mlflow", "postgresql://db/mlflow"),
        (f"http://bob:{SECRET}@there:5000", "http://there:5000"),
        ("sqlite:////data/token=abc/mlflow.db", "sqlite:////data/token=abc/mlflow.db"),
        ("http://[::1", "http://[::1"),
    ],
)
def test_an_address_is_shown_without_its_password_and_a_file_by_its_name(uri: str, shown: str) -> None:
    assert redact.uri(uri) == shown


@pytest.mark.slow
@pytest.mark.parametrize("way", ["option", "variable"])
def test_no_command_prints_the_password_of_a_server_that_does_not_answer(
    root: Path, way: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"http://bob:{SECRET}@127.0.0.1:9"
    named = ["--tracking-uri", uri] if way == "option" else []
    if way == "variable":
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    for command in (["sync"], ["doctor"], ["doctor", "--fix"], ["scrub", "bowl"], ["rm", "bowl", "--yes"], ["ui"]):
        more = named if command[0] != "doctor" else []
        main([*command, "--root", str(root), *more])
        told = capfd.readouterr()
        assert SECRET not in told.out + told.err, command
        assert command[0] == "ui" or "127.0.0.1:9" in told.out + told.err or not more, command
    assert not [path for path in root.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


def test_a_command_s_secret_options_lose_their_values() -> None:
    words = ["run", "x.py", "--password", SECRET, "--trials", "3", "--tracking-uri", f"http://bob:{SECRET}@there"]
    assert redact.words(words) == [
        "run",
        "x.py",
        "--password",
        "[redacted]",
        "--trials",
        "3",
        "--tracking-uri",
        "http://there",
    ]


def test_a_record_loses_secrets_but_never_a_point() -> None:
    params = {"x": f"http://bob:{SECRET}@there", "password": "grid"}
    tick = ticks()[1]
    failed = replace(
        tick.rows[0], failure=f"401 at http://a:{SECRET}@b", traceback=f"token={SECRET}\nsecond \udc80 line"
    )
    tick = replace(tick, asks=(Ask(7, 0, params, 7),), rows=(failed, *tick.rows[1:]))
    clean = redact.record(tick)
    assert isinstance(clean, Tick)
    assert clean.asks == tick.asks
    assert SECRET not in str(clean.rows)
    assert clean.rows[0].traceback == "token=[redacted]\nsecond \\udc80 line"
    assert [row.metrics for row in clean.rows] == [row.metrics for row in tick.rows]


STUDY = f"""
from hpsearch import Float, Study

def objective(trial):
    if trial["x"] > 0.5:
        raise ValueError("no answer from http://bob:{SECRET}@there?token={SECRET}")
    return trial["x"]

study = Study("leaky", objective=objective, space={{"x": Float(0, 1)}}, metric="score", pruner="none", n_trials=6)
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(name, "somebody")
    (tmp_path / "code.py").write_text("x = 1\n")
    (tmp_path / ".env").write_text("KEY=old\n")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run(["git", *words], check=True, cwd=tmp_path)
    (tmp_path / "code.py").write_text(f"x = 2\napi_key = '{SECRET}'\n")
    (tmp_path / ".env").write_text(f"KEY={SECRET}\n")
    return tmp_path


def test_files_of_secrets_are_named_and_their_difference_left_out(repository: Path) -> None:
    found = git.state_of(repository)
    assert "+x = 2" in found["git_diff"]
    assert ".env" not in found["git_diff"]
    assert found["git_diff_without"] == [".env"]
    assert found["git_dirty"]


def test_the_difference_can_be_left_out_by_option_and_by_git_s_own_configuration(repository: Path) -> None:
    assert "git_diff" not in git.state_of(repository, diff=False)
    assert git.state_of(repository, diff=False)["git_dirty"]
    subprocess.run(["git", "config", "--add", "hpsearch.exclude", "code.*"], check=True, cwd=repository)
    assert git.state_of(repository)["git_diff_without"] == [".env", "code.py"]
    subprocess.run(["git", "config", "hpsearch.diff", "false"], check=True, cwd=repository)
    assert "git_diff" not in git.state_of(repository)


def test_a_long_difference_is_cut_with_a_word(repository: Path) -> None:
    (repository / "code.py").write_text("y = 1\n" * 100_000)
    found = git.state_of(repository)["git_diff"]
    assert len(found) < git.MOST + 100
    assert "cut here" in found


def test_a_run_records_no_secret(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    split = f"S = ''.join(['{SECRET[:5]}', '{SECRET[5:]}'])\ndef objective"  # the study file is the user's
    study = STUDY.replace(f"bob:{SECRET}@there?token={SECRET}", 'bob:" + S + "@there').replace("def objective", split)
    (repository / "leaky.py").write_text(study)
    command = [sys.executable, "-m", "hpsearch", "run", "leaky.py", "--no-tracking", "--quiet", "--name", "leaky"]
    subprocess.run(command, cwd=repository, check=True, capture_output=True, timeout=120)
    folder = repository / "mlruns" / "studies" / "leaky"
    log = (folder / "log.jsonl").read_text()
    assert "no answer from http://there" in log
    assert SECRET not in log
    assert "[redacted]" in log


def old_log(folder: Path, write: Callable[[Header], bytes], **environment: object) -> Path:
    """A log as version 0.1 wrote it, with secrets in its header and in a failure."""
    data = {"name": "digits", "digest": "d1"}
    first = replace(
        header(), dataset=data, environment={"argv": ["hpsearch", "run", f"http://bob:{SECRET}@there"], **environment}
    )
    path = folder / "log.jsonl"
    folder.mkdir(parents=True)
    key = key_of(first)
    records = ticks()
    failed = replace(records[1].rows[-1], failure="broke", traceback=f"password={SECRET}")
    records[1] = replace(records[1], rows=(*records[1].rows[:-1], failed))
    path.write_bytes(write(first) + b"".join(encode(record, key) for record in records))
    return path


@pytest.mark.parametrize("minor", [0, MINOR])
def test_scrub_takes_out_what_was_recorded_before_and_leaves_a_valid_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], minor: int
) -> None:
    path = old_log(
        tmp_path / "studies" / "eta_lambda", lambda first: encode(first), git_diff=f"+token={SECRET}\n+x = 2\n"
    )
    if minor:
        first, *rest = (record for record, _ in read(path))
        assert isinstance(first, Header)
        first = replace(first, minor=minor)
        path.write_bytes(encode(first) + b"".join(encode(record, key_of(first)) for record in rest))
    before = [record for record, _ in read(path)]
    untouched = path.read_bytes().splitlines()[1]
    (path.parent / "delivery.log").write_text(f"http://bob:{SECRET}@there: no\n")
    assert main(["scrub", "eta_lambda", "--no-tracking", "--root", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "changed lines 1, 3 of its log" in told
    assert "changed delivery.log" in told
    assert not any(SECRET in file.read_text() for file in path.parent.iterdir() if file.is_file())
    after = [record for record, _ in read(path)]
    assert list(map(str, map(redact.record, before))) == list(map(str, after))
    assert path.read_bytes().splitlines()[1] == untouched
    assert main(["scrub", "eta_lambda", "--no-tracking", "--root", str(tmp_path)]) == 0
    assert "holds nothing to take out" in capsys.readouterr().out
    with Log(path) as log:
        assert list(map(str, log.records)) == list(map(str, after))


def test_scrub_takes_the_difference_and_a_named_value_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = old_log(tmp_path / "studies" / "eta_lambda", lambda first: encode(first), git_diff="+x = 2\n", cpu="blue-42")
    monkeypatch.setenv("MINE", "blue-42")
    args = ["scrub", "eta_lambda", "--no-tracking", "--git-diff", "--value-of", "MINE", "--root", str(tmp_path)]
    assert main(args) == 0
    first = json.loads(path.read_bytes().splitlines()[0])
    assert "git_diff" not in first["environment"]
    assert first["environment"]["cpu"] == "[redacted]"
    assert main([*args[:4], "--value-of", "NOT_SET_AT_ALL", "--root", str(tmp_path)]) == 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # mlflow's own use of SQLAlchemy
def test_scrub_changes_what_mlflow_holds_and_a_second_delivery_changes_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from hpsearch.log import redact as layer
    from hpsearch.tracking import folded

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    path = old_log(tmp_path / "studies" / "eta_lambda", lambda first: encode(first), git_diff=f"+token={SECRET}\n")
    # As version 0.1 delivered it.
    with monkeypatch.context() as patch:
        for module in (folded.redact, layer):
            patch.setattr(module, "record", lambda record, more=(): record)
            patch.setattr(module, "text", lambda text, more=(): text)
        assert main(["sync", "--root", str(tmp_path)]) == 0
    assert SECRET.encode() in (tmp_path / "mlflow.db").read_bytes()
    assert main(["scrub", "eta_lambda", "--root", str(tmp_path)]) == 0
    assert "tags, replaced 2 artifacts" in capfd.readouterr().out
    found = [file for file in tmp_path.rglob("*") if file.is_file() and SECRET.encode() in file.read_bytes()]
    assert found == []
    assert main(["sync", "--root", str(tmp_path)]) == 0
    assert main(["doctor", "--root", str(tmp_path)]) == 0
    assert path.exists()


def test_a_study_resumes_under_a_redacted_header(repository: Path) -> None:
    (repository / "plain.py").write_text(STUDY.replace("0.5", "2").replace("leaky", "plain"))
    study = load_study(repository / "plain.py")
    first = study.run(repository / "mlruns", quiet=True, tracking=False)
    again = replace(study, n_trials=9).run(repository / "mlruns", quiet=True, tracking=False)
    assert [trial.params for trial in again.history.trials[:6]] == [trial.params for trial in first.history.trials]
