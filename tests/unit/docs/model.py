"""The settings of the site file as docs/*/site-file.md must tell them, read from the pydantic model."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, MinLen
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from neuronhub.site import Site, Words
from neuronhub.table import Table

NAMES: dict[object, dict[str, str]] = {
    str: {"en": "text", "ko": "문자열"},
    int: {"en": "whole number", "ko": "정수"},
    float: {"en": "number", "ko": "수"},
    Decimal: {"en": "amount", "ko": "금액"},
    Path: {"en": "path", "ko": "경로"},
    timedelta: {"en": "time span", "ko": "기간"},
    AwareDatetime: {"en": "moment", "ko": "시각"},
    bool: {"en": "yes or no", "ko": "예 또는 아니요"},
    Words: {"en": "texts `en`, `ko`", "ko": "문자열 `en`, `ko`"},
}
TABLE = {"en": "table", "ko": "테이블"}
LIST = {"en": "list of {}", "ko": "{} 목록"}
PATHS_BY_NAME = {"en": "names with paths", "ko": "이름과 경로"}
LISTS_BY_NAME = {"en": "names with lists of text", "ko": "이름과 문자열 목록"}
REQUIRED = {"en": "required", "ko": "필수"}
NOT_SET = {"en": "not set", "ko": "없음"}
OF_ITS_OWN = {"en": "the table's own", "ko": "테이블의 기본값"}


@dataclass(frozen=True)
class Setting:
    """One row: the table of the file that it stands in, and the cells that the model decides."""

    table: str
    name: str
    type: str
    default: str


def describe_settings(language: str) -> Iterator[Setting]:
    """All settings, in the order of the model; ``queues`` stands for each of its tables."""
    yield from _describe_table(Site, "", language)


def _describe_table(model: type[BaseModel], table: str, language: str) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        inner = _table_of(field.annotation)
        path = f"{table}.{name}".lstrip(".")
        if inner is None or table:
            yield Setting(table, name, _render_type(field, language), _render_default(field, language))
        if inner is not None:
            yield from _describe_table(inner, path, language)


def _table_of(annotation: Any) -> type[BaseModel] | None:
    """The model of a sub-table (or of a list of them); Words is a value."""
    found = [a for a in (annotation, *get_args(annotation)) if isinstance(a, type) and issubclass(a, Table)]
    return next((a for a in found if a is not Words), None)


def _render_type(field: FieldInfo, language: str) -> str:
    word = _render_annotation(field.annotation, language)
    bounds = []
    for limit in field.metadata:
        if isinstance(limit, Gt):
            bounds.append(f"> {limit.gt}")
        elif isinstance(limit, Ge):
            bounds.append(f"≥ {limit.ge}")
        elif isinstance(limit, Le):
            bounds.append(f"≤ {limit.le}")
        elif isinstance(limit, MinLen):
            bounds.append(f"≥ {limit.min_length}")
    return ", ".join([word, *bounds])


def _render_annotation(annotation: Any, language: str) -> str:
    origin, inner = get_origin(annotation), [a for a in get_args(annotation) if a not in (type(None), Ellipsis)]
    if _table_of(annotation) is not None:
        return TABLE[language]
    if origin is Literal:
        return " | ".join(f"`{choice}`" for choice in inner).replace("|", "\\|")
    if origin in (Union, types.UnionType):
        return _render_annotation(inner[0], language)
    if origin is tuple:
        return LIST[language].format(_render_annotation(inner[0], language))
    if origin is dict:
        return (PATHS_BY_NAME if inner[1] is Path else LISTS_BY_NAME)[language]
    if hasattr(annotation, "__metadata__"):
        return _render_annotation(inner[0], language)
    return NAMES[annotation][language]


def _render_default(field: FieldInfo, language: str) -> str:
    default = field.get_default(call_default_factory=True)
    if field.is_required():
        return REQUIRED[language]
    if default is None or default in ((), {}) or default == Words():
        return NOT_SET[language]
    if isinstance(default, Words):
        return f"`{default.en}`"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, tuple):
        return ", ".join(f"`{item}`" for item in default)
    return OF_ITS_OWN[language] if isinstance(default, Table) else f"`{default}`"
