"""What the pages must say, in both languages: the words of service.md, and those of Jupyter's own menus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "ko"]
LANGUAGES: tuple[Language, ...] = ("en", "ko")


@dataclass(frozen=True, slots=True)
class Words:
    """The words that a person of one language looks for."""

    locale: str
    sign_in: str
    account_id: str
    password: str
    columns: tuple[str, ...]
    refresh: str
    job_queue: str
    submit: str
    free: str
    charged: str
    cancel: str
    stop_my_server: str
    logout: str
    try_again: str
    running_tab: str
    clusters_tab: str
    environment_tab: str
    terminal: str
    export_menu: str
    start: str
    stop: str
    cluster_running: str
    engines_registered: str
    file_menu: str
    hub_control_panel: str


WORDS: dict[Language, Words] = {
    "en": Words(
        locale="en-US",
        sign_in="Sign in",
        account_id="Account ID",
        password="Password",
        columns=("Queue", "Alloc", "Idle", "Down", "Total"),
        refresh="Refresh",
        job_queue="Job queue",
        submit="Submit",
        free="free",
        charged="charged",
        cancel="Cancel",
        stop_my_server="Stop My Server",
        logout="Logout",
        try_again="Try again",
        running_tab="Running",
        clusters_tab="IPython Clusters",
        environment_tab="Environment",
        terminal="Terminal",
        export_menu="Save and Export Notebook As",
        start="Start",
        stop="Stop",
        cluster_running="Running",
        engines_registered="{registered} of {engines} engines registered",
        file_menu="File",
        hub_control_panel="Hub Control Panel",
    ),
    "ko": Words(
        locale="ko-KR",
        sign_in="로그인",
        account_id="계정(ID)",
        password="비밀번호",
        columns=("큐 (Queue)", "사용중", "사용가능", "사용불가", "전체"),
        refresh="새로 고침",
        job_queue="작업 큐 (Job queue)",
        submit="제출",
        free="무료",
        charged="유료",
        cancel="취소",
        stop_my_server="내 서버 중지",
        logout="로그아웃",
        try_again="다시 시도",
        running_tab="실행중",
        clusters_tab="IPython Clusters",
        environment_tab="환경",
        terminal="터미널",
        export_menu="노트북을 저장하고 내보내기",
        start="시작",
        stop="중지",
        cluster_running="실행 중",
        engines_registered="engine {engines}개 중 {registered}개 등록됨",
        file_menu="파일",
        hub_control_panel="허브 컨트롤 패널",
    ),
}
