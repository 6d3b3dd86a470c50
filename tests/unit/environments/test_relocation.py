from __future__ import annotations

import os
from pathlib import Path

from neuronhub.environments.relocation import relocate_commands


def test_commands_start_the_python_of_the_new_place(tmp_path: Path) -> None:
    prefix, location = tmp_path / "new", Path("/scratch/alice/notebook")
    folder = prefix / "bin"
    folder.mkdir(parents=True)
    texts = {
        "short": f"#!{prefix}/bin/python3.11\nprint('{prefix}')\n",
        "long": f"#!/bin/sh\n'''exec' {prefix}/bin/python \"$0\" \"$@\"\n' '''\nprint('{prefix}')\n",
        "other": "#!/bin/sh\necho\n",
        "text": f"{prefix}\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    (folder / "binary").write_bytes(b"\x7fELF" + os.fsencode(prefix))
    (folder / "gone").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    cached = tmp_path / "cached"
    cached.hardlink_to(folder / "short")

    relocate_commands(prefix, location)

    assert (folder / "short").read_text() == f"#!{location}/bin/python3.11\nprint('{prefix}')\n"
    assert (folder / "long").read_text().splitlines()[1] == f"'''exec' {location}/bin/python \"$0\" \"$@\""
    assert (folder / "other").read_text() == texts["other"]
    assert (folder / "text").read_text() == texts["text"]
    assert (folder / "short").stat().st_mode & 0o777 == 0o755
    assert cached.read_text() == texts["short"]
    assert len(os.listdir(folder)) == 7
