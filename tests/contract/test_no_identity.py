"""There is no field for names, phones or identity numbers, and every free text has an end."""

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest

from matcher.api import openapi

# Parts of words in which somebody would be named, called or numbered.
FORBIDDEN: Final = (
    *("name", "phone", "mobile", "telephone", "email", "mail", "wechat", "openid", "unionid", "address", "street"),
    *("id_card", "idcard", "identity", "passport", "birth_date", "birthday", "surname", "photo", "avatar", "ethnic"),
    *("姓名", "名字", "电话", "手机", "身份证", "证件", "地址", "住址", "邮箱", "微信", "生日", "民族", "照片"),
)
# Whatever comes of a caller's own opaque ids is no name.
HARMLESS: Final = frozenset({"volunteer_no"})
# Compared with secrets, or looked up, and kept nowhere.
COMPARED: Final = frozenset({"client_id", "client_secret", "result_id", "scope"})
# What has a form of its own cannot hold a sentence.
FORMS: Final = ("enum", "const", "pattern", "format", "maxLength")


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return openapi.describe()


def _taken_in(description: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every parameter and every field of every body that a caller may send, with its schema."""
    schemas = description["components"]["schemas"]
    seen: set[str] = set()
    for path, operations in description["paths"].items():
        for operation in operations.values():
            # Headers are read and not kept; the server ends them.
            for parameter in (each for each in operation.get("parameters", ()) if each["in"] != "header"):
                yield f"{path} {parameter['name']}", parameter["schema"]
            for content in operation.get("requestBody", {}).get("content", {}).values():
                yield from _fields(content["schema"], schemas, seen)


def _fields(schema: dict[str, Any], schemas: dict[str, Any], seen: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    if (reference := schema.get("$ref")) is not None:
        model = reference.rpartition("/")[2]
        if model not in seen:
            seen.add(model)
            yield from _fields(schemas[model] | {"title": model}, schemas, seen)
        return
    for field, inner in schema.get("properties", {}).items():
        yield f"{schema.get('title', '')}.{field}", inner
        yield from _fields(inner, schemas, seen)
    for inner in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from _fields(inner, schemas, seen)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from _fields(schema[key], schemas, seen)


def _is_forbidden(field: str) -> bool:
    word = _word(field)
    return word not in HARMLESS and any(part in word for part in FORBIDDEN)


def _word(field: str) -> str:
    return re.split(r"[ .]", field)[-1].lower()


def _is_endless(schema: dict[str, Any]) -> bool:
    """Tell whether a schema takes a text of any length."""
    if schema.get("type") == "string":
        return not any(form in schema for form in FORMS)
    parts = (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *([schema["items"]] if "items" in schema else ()))
    return any(map(_is_endless, parts))


def test_no_field_asks_who_somebody_is(description: dict[str, Any]) -> None:
    fields = [field for field, _ in _taken_in(description)]
    assert len(fields) > 100
    assert [field for field in fields if _is_forbidden(field)] == []


def test_no_field_takes_a_text_without_end(description: dict[str, Any]) -> None:
    endless = [field for field, schema in _taken_in(description) if _is_endless(schema)]
    assert [field for field in endless if _word(field) not in COMPARED] == []


def test_no_model_takes_a_field_that_it_does_not_know(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]
    models = {field.partition(".")[0] for field, _ in _taken_in(description) if "." in field} & set(schemas)
    assert len(models) > 20
    assert {model for model in models if schemas[model].get("additionalProperties") is not False} == set()


@pytest.mark.parametrize("field", ["Volunteer.full_name", "Volunteer.手机号", "/v1/volunteers phone"])
def test_a_planted_field_is_found(field: str) -> None:
    assert _is_forbidden(field)
