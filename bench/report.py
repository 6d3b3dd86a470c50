"""What starts cost, as a page of the documentation."""

from __future__ import annotations

from bench.pages import Book, Words
from bench.rows import SECTIONS
from bench.subjects import BATCHSPAWNER, FLOOR, NEURONHUB

_HEAD = Words(
    en="""\
# What a start costs, measured

`make bench` starts an embedded site of its own, measures on it, ends it, and writes this page. What follows was
measured on {date} on {cores} cores of {processor} with {memory} GiB of memory (Linux {kernel}), with
{versions}.

- **NeuronHub**, **batchspawner** (its `SlurmSpawner` in a plain JupyterHub) and **JupyterHub alone** (a spawner that
  does nothing, before a server that runs already) ran one after the other on the same Slurm, hub and proxy with the
  same priority, started and stopped through the same REST API. batchspawner and JupyterHub are as they come, but for
  `srun`, which batchspawner puts before the server: it is left out, since it adds a step of Slurm's to each start.
- A start lasts from the request until the user's server answers through the proxy. **Jupyter** is the site's real
  server. The **stand-in** is a program of some lines in its place (`bench/standin.py`), so that hub and Slurm are
  measured alone: {cores} cores cannot start 50 real servers quickly.
- The hub's latency is that of `GET /hub/health`, asked every 25 ms by a process of its own.
- Commands are counted by the kernel (process accounting of the site's own process namespace), not by what is measured.
  Questions are `squeue`, `sinfo`, `scontrol` and `sacct`. One `sbatch` for each start and one `scancel` for each stop
  are what was asked for, and are listed apart.
- {cores} cores carry hub, Slurm, all nodes and the users here. Take the figures as ratios.

| | NeuronHub | batchspawner | JupyterHub alone | aim | | command |
|---|--:|--:|--:|--:|---|---|
""",
    ko="""\
# 시작에 드는 비용, 측정 결과

`make bench`는 전용 내장 사이트를 시작하고, 그 위에서 측정하고, 종료한 뒤 이 문서를 씁니다. 아래 수치는 {date}에
{processor} 코어 {cores}개, 메모리 {memory} GiB (Linux {kernel})에서 {versions} 버전으로 측정했습니다.

- **NeuronHub**, **batchspawner**(순수 JupyterHub의 `SlurmSpawner`), **JupyterHub 단독**(이미 실행 중인 서버 앞에서
  아무 일도 하지 않는 spawner)을 같은 Slurm에서 차례로 실행했습니다. 허브와 프록시의 우선순위는 같고, 같은 REST API로
  시작하고 종료했습니다. batchspawner와 JupyterHub는 기본 설정 그대로이며, batchspawner가 서버 앞에 두는 `srun`만
  뺐습니다. 시작마다 Slurm 단계(step)가 하나 더 들기 때문입니다.
- 시작 시간은 요청부터 사용자의 서버가 프록시를 거쳐 응답할 때까지입니다. **Jupyter**는 사이트의 실제 서버입니다.
  **대역 서버**는 그 자리에 놓은 짧은 프로그램(`bench/standin.py`)으로, 허브와 Slurm만을 측정합니다. 코어 {cores}개로는
  실제 서버 50개를 빠르게 시작할 수 없기 때문입니다.
- 허브의 응답 시간은 별도 프로세스가 25 ms마다 보낸 `GET /hub/health`의 응답 시간입니다.
- 명령의 수는 측정 대상이 아니라 커널(사이트 프로세스 네임스페이스의 프로세스 계정)이 셉니다. 조회 명령은 `squeue`,
  `sinfo`, `scontrol`, `sacct`입니다. 시작마다 한 번의 `sbatch`, 종료마다 한 번의
  `scancel`은 요청된 일이므로 따로 적습니다.
- 여기서는 코어 {cores}개가 허브, Slurm, 모든 노드, 사용자를 함께 감당합니다. 수치는 비율로 보십시오.

| | NeuronHub | batchspawner | JupyterHub 단독 | 목표 | | 명령 |
|---|--:|--:|--:|--:|---|---|
""",
)
STARTS = Book(_HEAD, (NEURONHUB, BATCHSPAWNER, FLOOR), SECTIONS, ".venv/bin/python -m bench --only {scenario}")
