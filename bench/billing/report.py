"""What charging costs, as a page of the documentation."""

from __future__ import annotations

from bench.billing.scenarios import COLLECTOR, HTTP, PAGE, POSTGRESQL, SQLITE, SUBJECTS
from bench.pages import Book, Row, Section, Words

_HEAD = Words(
    en="""\
# What charging costs, measured

`make bench` notes 100,000 jobs of one month in a ledger, charges them, shows them, and writes this page. What follows
was measured on {date} on {cores} cores of {processor} with {memory} GiB of memory (Linux {kernel}), with
{versions}.

- **Collector**: one turn that finds all 100,000 jobs ended, as after an outage of accounting: from the text that
  `sacct` prints until all are charged and settled, 1000 to a transaction. Beside it the same rows inserted into the
  same table by the database's own driver (`executemany`), in one transaction. Both keep what they wrote through a power
  cut.
- **Usage page**: what the page reads when all 100,000 jobs lie in its month: sums by day, queue, user and account,
  waits, balances, and the 25 latest jobs. An operator sees all of them; a member sees the own, one in 300. Beside it
  the driver's `SELECT` of the same rows, whole.
- **Over HTTP**: the operator's page from request to last byte, through the proxy of an embedded site on SQLite.
- Memory is what the process grew by, at its largest. PostgreSQL runs beside it and is not in it.
- {cores} cores carry both sides here. Take the figures as ratios.

| | NeuronHub | plain SQL | aim | | command |
|---|--:|--:|--:|---|---|
""",
    ko="""\
# 요금 계산에 드는 비용, 측정 결과

`make bench`는 한 달의 작업 100,000개를 원장에 적고, 요금을 매기고, 화면에 표시한 뒤 이 문서를 씁니다. 아래 수치는
{date}에 {processor} 코어 {cores}개, 메모리 {memory} GiB (Linux {kernel})에서 {versions} 버전으로 측정했습니다.

- **수집기**: accounting 장애가 끝난 뒤처럼 작업 100,000개가 모두 끝난 것을 한 번에 알게 되는 경우입니다. `sacct`가
  출력한 글부터 모두 요금을 매기고 정산할 때까지이며 트랜잭션 하나에 1000개씩입니다. 비교 대상은
  데이터베이스의 드라이버가 같은 행을 같은 표에 하나의 트랜잭션으로 넣는 것(`executemany`)입니다.
  양쪽 모두 기록한 것은 정전에도 남습니다.
- **사용량 화면**: 작업 100,000개가 모두 한 달에 있을 때 화면이 읽는 것입니다. 날짜별, 큐별, 사용자별, 계정별 합계, 대기
  시간, 잔액, 최근 작업 25개입니다. 운영자는 모두를, 구성원은 자기 것(300분의 1)을 봅니다. 비교 대상은 같은 행을 모두
  읽는 드라이버의 `SELECT`입니다.
- **HTTP**: 운영자의 화면을 요청한 때부터 마지막 바이트까지입니다. SQLite를 쓰는 내장 사이트의 프록시를 거칩니다.
- 메모리는 프로세스가 가장 클 때까지 늘어난 양입니다. 옆에서 실행되는 PostgreSQL은 들어 있지 않습니다.
- 여기서는 코어 {cores}개가 양쪽을 함께 감당합니다. 수치는 비율로 보십시오.

| | NeuronHub | 순수 SQL | 목표 | | 명령 |
|---|--:|--:|--:|---|---|
""",
)
_DATABASES = {SQLITE: "SQLite", POSTGRESQL: "PostgreSQL"}
_RATIO = Words("as a ratio", "비율")


def _make_collector(where: str) -> Section:
    name = f"{COLLECTOR}-{where}"
    return Section(
        Words(f"Collector, {_DATABASES[where]}", f"수집기, {_DATABASES[where]}"),
        (
            Row(name, "seconds", Words("100,000 records", "레코드 100,000개"), digits=1),
            Row(name, "records_per_s", Words("records per second", "초당 레코드"), "", 0),
            Row(name, "seconds_ratio", _RATIO, "×", 1),
            Row(name, "memory_mib", Words("memory", "메모리"), "MiB", 0),
        ),
    )


def _make_page(where: str) -> Section:
    name = f"{PAGE}-{where}"
    views = {"all": Words("operator", "운영자"), "own": Words("member", "구성원")}
    rows = []
    for view, words in views.items():
        for percent in (50, 99):
            key = f"{view}_p{percent}_ms"
            rows.append(Row(name, key, Words(f"{words.en}, p{percent}", f"{words.ko}, p{percent}"), "ms", 1))
            if view == "all":  # of one member's few rows a select takes no time
                rows.append(Row(name, f"{key}_ratio", _RATIO, "×", 1))
    return Section(Words(f"Usage page, {_DATABASES[where]}", f"사용량 화면, {_DATABASES[where]}"), tuple(rows))


_HTTP = Section(
    Words("Usage page over HTTP", "HTTP로 본 사용량 화면"),
    tuple(
        Row(HTTP, f"all_p{percent}_ms", Words(f"operator, p{percent}", f"운영자, p{percent}"), "ms", 0)
        for percent in (50, 99)
    ),
)
SECTIONS = (*(make(where) for make in (_make_collector, _make_page) for where in _DATABASES), _HTTP)

BILLING = Book(_HEAD, SUBJECTS, SECTIONS, ".venv/bin/python -m bench.billing --only {scenario}")
