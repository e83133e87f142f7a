import subprocess

import pytest


@pytest.fixture
def git(in_tmp):
    """Git, in a repository of its own and DVC's, as empty as can be."""

    def run(*arguments):
        names = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        return subprocess.run(["git", *names, *arguments], capture_output=True, text=True, check=True).stdout.strip()

    run("init", "-q", "-b", "main")
    (in_tmp / ".dvc").mkdir()
    (in_tmp / ".dvc" / "config").touch()
    (in_tmp / ".gitignore").write_text("/.dvc/tmp\n")
    return run
