"""Python clients in environments of their own, installed once."""
import pathlib, shutil, subprocess, sys

from harness import CACHE, call, skip


def python_with(name, *requirements):
    """The interpreter of an environment that has these packages; skips the test when they cannot be had."""
    folder = CACHE / ("venv-" + name)
    python = folder / "bin/python"
    wanted = "\n".join(requirements)
    marker = folder / "installed"
    if marker.exists() and marker.read_text() == wanted:
        return str(python)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        call(sys.executable, "-m", "venv", str(folder))
        call(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements)
    except (AssertionError, OSError, subprocess.TimeoutExpired) as why:
        skip("%s cannot be installed: %s" % (" ".join(requirements), str(why).strip().splitlines()[-1][:200]))
    marker.write_text(wanted)
    return str(python)
