"""A wheel carries the built-in configurations, and they are found by name where it is installed."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_built_in_configurations_load_by_name_from_a_wheel(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    code = (
        "import trialsim as ts, trialsim.config.source.builtin as b; print(b.builtin_folder());"
        "print(ts.builtin_names('scenarios'), ts.run(ts.load_scenario('tosi2000'), 1).replicates.n);"
        "print(ts.schema('study')['$id'])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(installed)!r}); {code}"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    folder, names, schema = done.stdout.splitlines()
    assert Path(folder) == installed / "trialsim" / "configs"
    assert "'tosi2000'" in names
    assert names.endswith(" 1")
    assert schema == "urn:trialsim:schema:study:1"
