"""What environments cost, as a page of the documentation."""

from __future__ import annotations

from bench.environments.subjects import SUBJECTS
from bench.pages import Book, Row, Section, Words

_HEAD = Words(
    en="""\
# What an environment costs, measured

`make bench` starts an embedded site of its own, measures on it as a researcher there, ends it, and writes this page.
What follows was measured on {date} on {cores} cores of {processor} with {memory} GiB of memory (Linux {kernel}), with
{versions}.

- **layered** and **full** are NeuronHub's two kinds, made by `neuronhub env`. **uv** makes a virtual environment from
  the base's own lock file, with its cache on the same disk (hard links). **copy** copies that tree. **venv** is
  `python -m venv` and pip, from wheels on the disk. All hold the packages of the base, TensorFlow included; nothing is
  downloaded while the clock runs.
- An *entry* is a file, folder or link that was not there before: each is an operation of its own on a parallel file
  system. Disk space counts each inode once.
- *Cold* is with an empty package cache, once; everything else is the median of several.
- The server of **layered** is the site's, started by the launcher from the base until its first answer; that of **uv**
  is plain JupyterLab from uv's environment.

| | layered | full | uv | copy | venv | aim | | command |
|---|--:|--:|--:|--:|--:|--:|---|---|
""",
    ko="""\
# 환경에 드는 비용, 측정 결과

`make bench`는 전용 내장 사이트를 시작하고, 그 안에서 연구자로서 측정하고, 종료한 뒤 이 문서를 씁니다. 아래 수치는
{date}에 {processor} 코어 {cores}개, 메모리 {memory} GiB (Linux {kernel})에서 {versions} 버전으로 측정했습니다.

- **layered**와 **full**은 `neuronhub env`가 만드는 NeuronHub의 두 가지 환경입니다. **uv**는 base의 잠금 파일로 가상
  환경을 만들며 캐시가 같은 디스크에 있습니다(하드 링크). **copy**는 그 폴더를 복사합니다. **venv**는 디스크에 있는
  wheel로 `python -m venv`와 pip를 씁니다. 모두 TensorFlow를 포함한 base의 패키지를 담으며, 재는 동안에는 아무것도
  내려받지 않습니다.
- *항목*은 전에 없던 파일, 폴더, 링크입니다. 병렬 파일 시스템에서는 하나하나가 별도의 연산입니다. 디스크 공간은
  inode마다 한 번씩 셉니다.
- *처음*은 빈 패키지 캐시로 한 번 잰 값이고, 나머지는 여러 번의 중앙값입니다.
- **layered**의 서버는 launcher가 base에서 시작한 사이트의 서버가 처음 응답할 때까지이고, **uv**의 서버는 uv 환경의 순수
  JupyterLab입니다.

| | layered | full | uv | copy | venv | 목표 | | 명령 |
|---|--:|--:|--:|--:|--:|--:|---|---|
""",
)

_SECONDS = Words("seconds", "시간")
_ENTRIES = Words("new entries", "새 항목")
_SPACE = Words("disk space", "디스크 공간")


def _rows(scenario: str, *, seconds: float | None = None, entries: float | None = None) -> tuple[Row, ...]:
    return (
        Row(scenario, "seconds", _SECONDS, aim=seconds),
        Row(scenario, "entries", _ENTRIES, "", 0, aim=entries),
        Row(scenario, "mib", _SPACE, "MiB", 1),
    )


def _server(scenario: str) -> tuple[Row, ...]:
    return (
        Row(scenario, "seconds", Words("until its first answer", "처음 응답할 때까지")),
        Row(scenario, "rss_mib", Words("memory (RSS)", "메모리 (RSS)"), "MiB", 0),
    )


SECTIONS = (
    Section(Words("Create", "생성"), _rows("create", seconds=1.0, entries=300)),
    Section(Words("Create, cold", "생성, 처음"), _rows("create-cold")),
    Section(Words("Reset", "초기화"), _rows("reset", seconds=1.0)),
    Section(
        Words("Install the packages of row E4 from the site's channel", "사이트의 채널에서 E4의 패키지 설치"),
        _rows("install-e4", seconds=30.0),
    ),
    Section(Words("Install one package with pip", "pip로 패키지 하나 설치"), _rows("install-one")),
    Section(Words("A Jupyter server", "Jupyter 서버"), _server("server")),
    Section(
        Words("A Jupyter server, nothing of it in memory", "Jupyter 서버, 메모리에 아무것도 없을 때"),
        _server("server-cold"),
    ),
)

ENVIRONMENTS = Book(_HEAD, SUBJECTS, SECTIONS, ".venv/bin/python -m bench.environments --only {scenario}")
