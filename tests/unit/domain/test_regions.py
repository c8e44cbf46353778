"""The tree of regions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain import regions
from matcher.domain.errors import UnknownRegionError
from matcher.domain.regions import Region, RegionLevel


def below(code: str | None) -> list[Region]:
    found = regions.children(code)
    return found + [deeper for region in found for deeper in below(region.code)]


@pytest.fixture(scope="module")
def everything() -> list[Region]:
    return below(None)


def test_all_of_the_table_is_in_the_tree(everything: list[Region]) -> None:
    counts = {level: sum(region.level is level for region in everything) for level in RegionLevel}
    assert list(counts.values()) == [31, 342, 2_978, 41_352]


def test_the_code_of_a_region_begins_with_its_parents(everything: list[Region]) -> None:
    assert all(region.parent is None or region.code.startswith(region.parent) for region in everything)


def test_every_region_has_a_name(everything: list[Region]) -> None:
    assert all(region.name and region.name == region.name.strip() for region in everything)


def test_a_region_is_found_by_its_code() -> None:
    assert regions.get("310101002") == Region("310101002", "南京东路街道", RegionLevel.STREET, "310101")


def test_the_ancestors_come_from_the_province_down() -> None:
    assert [region.name for region in regions.ancestors("310101002")] == ["上海市", "市辖区", "黄浦区"]


def test_a_province_has_no_ancestor() -> None:
    assert regions.ancestors("31") == []


def test_a_street_has_no_children() -> None:
    assert regions.children("310101002") == []


def test_a_county_that_stands_for_its_city_is_not_mixed_up_with_it() -> None:
    assert [region.code for region in regions.children("4419")] == ["441900"]
    assert regions.children("441900")[0].parent == "441900"


@pytest.mark.parametrize(
    "code", ["", "3", "310", "99", "310101999", "310101002001", "\uff13\uff11", "3 ", "-1", "31\n"]
)
def test_what_is_no_code_of_a_region_is_not_found(code: str) -> None:
    assert not regions.exists(code)
    assert regions.find(code) is None


@given(st.text(max_size=12))
def test_a_text_is_found_only_as_the_code_of_itself(text: str) -> None:
    found = regions.find(text)
    assert found is None or found.code == text


@pytest.mark.parametrize(("code", "nearest"), [("310101999", "310101, 黄浦区"), ("3199", "31, 上海市")])
def test_the_refusal_of_a_code_names_the_nearest_region_that_is_known(code: str, nearest: str) -> None:
    with pytest.raises(UnknownRegionError, match=nearest):
        regions.get(code)


def test_the_refusal_of_a_code_says_what_one_looks_like_where_nothing_is_known() -> None:
    with pytest.raises(UnknownRegionError, match="2, 4, 6 or 9 digits"):
        regions.children("99")
