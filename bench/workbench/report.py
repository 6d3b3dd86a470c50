"""What the workbench costs, as a page of the documentation."""

from __future__ import annotations

from bench.pages import Book, Row, Section, Words
from bench.workbench.scenarios import SUBJECTS

_HEAD = Words(
    en="""\
# What the workbench costs, measured

`make bench` starts an embedded site of its own, measures on it as a researcher there, ends it, and writes this page.
What follows was measured on {date} on {cores} cores of {processor} with {memory} GiB of memory (Linux {kernel}), with
{versions}.

- **Engines**: from Start in IPython Clusters until the last engine is registered. Beside it ipyparallel's own Slurm
  launcher in the same environment, called from the login node, one engine set for each node, with CURVE. `srun` is left
  out of its script, since it adds a step of Slurm's to each start.
- **TensorBoard**: from New until its page is there. Beside it the command `tensorboard` until it answers.
- **Server**: from exec until the first answer. Beside it JupyterHub's own single-user server from the same base,
  without anything of ours.
- {cores} cores carry the whole site here. Take the figures as ratios.

| | NeuronHub | plain | aim | | command |
|---|--:|--:|--:|---|---|
""",
    ko="""\
# 워크벤치에 드는 비용, 측정 결과

`make bench`는 전용 내장 사이트를 시작하고, 그 안에서 연구자로서 측정하고, 종료한 뒤 이 문서를 씁니다. 아래 수치는
{date}에 {processor} 코어 {cores}개, 메모리 {memory} GiB (Linux {kernel})에서 {versions} 버전으로 측정했습니다.

- **Engine**: IPython Clusters에서 시작을 누른 때부터 마지막 engine이 등록될 때까지입니다. 비교 대상은 같은 환경의
  ipyparallel 자체 Slurm launcher이며, 로그인 노드에서 노드마다 engine 묶음 하나로, CURVE를 켜고 실행했습니다. `srun`은
  시작마다 Slurm 단계(step)를 하나 더하므로 스크립트에서 뺐습니다.
- **TensorBoard**: New에서 고른 때부터 페이지가 나올 때까지입니다. 비교 대상은 `tensorboard` 명령이 응답할 때까지입니다.
- **서버**: 실행부터 첫 응답까지입니다. 비교 대상은 같은 base에서 우리 것을 모두 뺀 JupyterHub의 single-user 서버입니다.
- 여기서는 코어 {cores}개가 사이트 전체를 감당합니다. 수치는 비율로 보십시오.

| | NeuronHub | 기본 | 목표 | | 명령 |
|---|--:|--:|--:|---|---|
""",
)
_SECONDS = Words("seconds", "시간")

SECTIONS = (
    Section(Words("4 engines on 1 node", "노드 1개에 engine 4개"), (Row("engines-4", "seconds", _SECONDS),)),
    Section(Words("20 engines on 5 nodes", "노드 5개에 engine 20개"), (Row("engines-20", "seconds", _SECONDS),)),
    Section(Words("TensorBoard", "TensorBoard"), (Row("tensorboard", "seconds", _SECONDS),)),
    Section(
        Words("A Jupyter server", "Jupyter 서버"),
        (
            Row("server", "seconds", Words("until its first answer", "첫 응답까지")),
            Row("server", "rss_mib", Words("memory (RSS)", "메모리 (RSS)"), "MiB", 0),
        ),
    ),
)

WORKBENCH = Book(_HEAD, SUBJECTS, SECTIONS, ".venv/bin/python -m bench.workbench --only {scenario}")
