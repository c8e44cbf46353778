"""Settings come from the environment, and a wrong one is refused by name."""

import pytest

from matcher import settings


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in settings.Settings.model_fields:
        monkeypatch.delenv(f"MATCHER_{name}".upper(), raising=False)


def test_without_variables_the_defaults_hold() -> None:
    loaded = settings.load()
    assert (loaded.host, loaded.port, loaded.database_url) == ("127.0.0.1", 8000, None)


def test_a_variable_sets_its_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATCHER_SOLVER_WORKERS", "5")
    assert settings.load().solver_workers == 5


def test_an_empty_variable_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATCHER_DATABASE_URL", "")
    assert settings.load().database_url is None


def test_a_misspelt_variable_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATCHER_PROT", "8000")
    with pytest.raises(settings.SettingsError, match="MATCHER_PROT"):
        settings.load()


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "65536"), ("PORT", "http"), ("SOLVER_WORKERS", "0"), ("RESULT_TTL_S", "inf"), ("LOG_LEVEL", "loud")],
)
def test_a_value_out_of_range_is_refused_by_name_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"MATCHER_{name}", value)
    with pytest.raises(settings.SettingsError, match=f"MATCHER_{name}"):
        settings.load()


def test_the_password_of_the_database_is_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATCHER_DATABASE_URL", "postgresql://matcher:hidden@db/matcher")
    assert "hidden" not in repr(settings.load())
