"""The rows of the table of starts: which figure, what it is called, and what is aimed at. Values only."""

from __future__ import annotations

from bench.pages import Row, Section, Words

MOST_QUESTIONS = 30
MEDIAN = Words("median", "중앙값")


def _burst(scenario: str, *, all_aim: float | None = None, no_failure: bool = False) -> tuple[Row, ...]:
    return (
        Row(scenario, "all_s", Words("until the last one answers", "마지막 서버가 응답할 때까지"), aim=all_aim),
        Row(scenario, "median_s", MEDIAN),
        Row(scenario, "failures", Words("failures", "실패"), "", 0, aim=0 if no_failure else None),
    )


def _latency(scenario: str, *, against_floor: bool) -> tuple[Row, ...]:
    return tuple(
        Row(scenario, f"latency_{key}_ms", Words(en, ko), "ms", 0, aim_is_floor=against_floor)
        for key, en, ko in (("p50", "median", "중앙값"), ("p99", "99 of 100", "99%"), ("max", "longest", "최댓값"))
    )


def _questions(scenario: str, en: str, ko: str) -> Row:
    return Row(scenario, "questions_per_minute", Words(en, ko), "/min", 0, aim=MOST_QUESTIONS)


def _orders(scenario: str, en: str, ko: str) -> Row:
    return Row(scenario, "orders", Words(en, ko), "", 0)


SECTIONS = (
    Section(
        Words("One start at a time, median of 8", "한 번에 하나씩 시작, 8회의 중앙값"),
        (
            Row("one", "median_s", Words("stand-in: hub and Slurm alone", "대역 서버: 허브와 Slurm만"), aim=0.7),
            Row("jupyter-one", "median_s", Words("Jupyter", "Jupyter"), aim=2.0),
        ),
    ),
    Section(Words("Burst of 10 users, stand-in", "10명 동시 시작, 대역 서버"), _burst("burst-10")),
    Section(Words("Burst of 50 users, stand-in", "50명 동시 시작, 대역 서버"), _burst("burst-50", all_aim=4.0)),
    Section(Words("Burst of 10 users, Jupyter", "10명 동시 시작, Jupyter"), _burst("jupyter-burst-10")),
    Section(
        Words("Burst of 50 users, Jupyter", "50명 동시 시작, Jupyter"), _burst("jupyter-burst-50", no_failure=True)
    ),
    Section(
        Words("The hub's latency in the burst of 50, stand-in", "50명 동시 시작 중 허브의 응답 시간, 대역 서버"),
        _latency("burst-50", against_floor=True),
    ),
    Section(
        Words("The hub's latency in the burst of 50, Jupyter", "50명 동시 시작 중 허브의 응답 시간, Jupyter"),
        _latency("jupyter-burst-50", against_floor=False),
    ),
    Section(
        Words("Questions to Slurm in a minute", "1분당 Slurm 조회 명령"),
        (
            _questions("rest-0", "nothing runs", "실행 중인 서버 없음"),
            _questions("rest-10", "10 servers in rest", "서버 10개 대기 상태"),
            _questions("rest-50", "50 servers in rest", "서버 50개 대기 상태"),
            _questions("waiting-10", "10 starts wait in the queue", "큐에서 10개 대기 중"),
            _questions("one", "the minute of 8 starts and stops in a row", "8회 연속 시작과 종료를 하는 1분"),
            _questions("burst-10", "the minute of a burst of 10", "10명이 동시에 시작하는 1분"),
            _questions("burst-50", "the minute of a burst of 50", "50명이 동시에 시작하는 1분"),
            _questions("stop-50", "the minute in which 50 are stopped", "50개를 종료하는 1분"),
        ),
    ),
    Section(
        Words("Jobs submitted and cancelled (sbatch, scancel)", "작업 제출과 취소 (sbatch, scancel)"),
        (
            _orders("burst-50", "in the minute of a burst of 50", "50명이 동시에 시작하는 1분"),
            _orders("stop-50", "in the minute in which 50 are stopped", "50개를 종료하는 1분"),
        ),
    ),
    Section(
        Words("Stopping 50 servers at once", "서버 50개 동시 종료"),
        (
            Row(
                "stop-50",
                "all_s",
                Words("until the last stand-in has ended", "마지막 대역 서버가 끝날 때까지"),
                aim=5.0,
            ),
            Row("stop-50", "failures", Words("failures", "실패"), "", 0),
            Row(
                "jupyter-stop-50",
                "all_s",
                Words("until the last Jupyter has ended", "마지막 Jupyter가 끝날 때까지"),
                aim=5.0,
            ),
            Row("jupyter-stop-50", "failures", Words("failures", "실패"), "", 0),
        ),
    ),
    Section(
        Words(
            "Processor time of the hub with 50 servers in rest, 180 s", "서버 50개 대기 상태에서 허브의 CPU 시간, 180초"
        ),
        (
            Row("rest-50", "hub_cpu_s", Words("the hub itself", "허브 자체")),
            Row("rest-50", "commands_cpu_s", Words("the commands that it runs", "허브가 실행한 명령")),
        ),
    ),
)
