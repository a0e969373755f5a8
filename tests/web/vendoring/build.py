"""Makes the vendored editor anew: ``python -m tests.web.vendoring.build`` (needs npm and the network).

Versions are those of ``package.json``, all of them exact, so the same file comes out until somebody raises one.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
VENDOR = Path(__file__).parents[3] / "infrastructure/interfaces/web/static/vendor"


def build(into: Path = VENDOR) -> None:
    """Write the file and its licence."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", "editor.js"):
            shutil.copy(HERE / name, folder)
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, check=True)
        bundle = ["npx", "esbuild", "editor.js", "--bundle", "--format=esm", "--minify", "--legal-comments=none"]
        subprocess.run([*bundle, "--target=es2022", "--outfile=out.js"], cwd=folder, check=True)
        modules = Path(folder, "node_modules")
        into.mkdir(exist_ok=True)
        shutil.copy(Path(folder, "out.js"), into / "editor.js")
        texts = [modules / "@codemirror/state/LICENSE", modules / "@lezer/common/LICENSE"]
        into.joinpath("editor.LICENSE").write_text(
            "editor.js holds CodeMirror 6 and Lezer.\n\n"
            + "\n\n".join(text.read_text().strip() for text in texts)
            + "\n"
        )


if __name__ == "__main__":
    build()
