"""Where settings come from, and what is said when they do not."""

from pathlib import Path

import pytest

from todo_sdk import Config, ConfigError, TodoClient, profiles, write_profile

OTHER = "https://other.example.com/v"
MINE = "https://mine.example.com/v"
FULL = {
    "api_url": MINE,
    "region": "eu-west-1",
    "user_pool_id": "eu-west-1_A",
    "user_pool_client_id": "client",
    "identity_pool_id": "eu-west-1:1",
    "files_bucket": "bucket",
    "endpoint_url": None,
}


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"TODO_CONFIG_DIR": str(tmp_path / "config"), "TODO_DATA_DIR": str(tmp_path / "data")}


def test_argument_beats_environment_beats_profile(env: dict[str, str]) -> None:
    write_profile("mine", FULL, environ=env)
    by_profile = Config.load(environ=env)
    by_environment = Config.load(environ={**env, "TODO_API_URL": OTHER})
    by_argument = Config.load(api_url="https://third.example.com", environ={**env, "TODO_API_URL": OTHER})
    assert (by_profile.api_url, by_profile.sources["api_url"]) == (MINE, "profile mine")
    assert (by_environment.api_url, by_environment.sources["api_url"]) == (OTHER, "environment")
    assert (by_argument.api_url, by_argument.sources["api_url"]) == ("https://third.example.com", "argument")


def test_the_profile_is_the_argument_then_the_environment_then_the_files_default(env: dict[str, str]) -> None:
    for name in ("first", "second", "third"):
        write_profile(name, FULL, environ=env)
    assert Config.load(environ=env).profile == "first"
    assert Config.load(environ={**env, "TODO_PROFILE": "second"}).profile == "second"
    assert Config.load("third", environ={**env, "TODO_PROFILE": "second"}).profile == "third"
    assert Config.load(environ=env).sources["profile"] == "config.toml"


def test_every_setting_remembers_where_it_came_from(env: dict[str, str]) -> None:
    write_profile("mine", FULL, environ=env)
    config = Config.load(environ=env)
    assert config.sources["region"] == "profile mine"
    assert config.sources["endpoint_url"] == "default"
    assert config.missing == ()


def test_another_deployment_gets_neither_the_profiles_pools_nor_its_session(env: dict[str, str]) -> None:
    write_profile("mine", FULL, environ=env)
    mine, other = Config.load(environ=env), Config.load(api_url=OTHER, environ=env)
    assert other.user_pool_id == ""
    assert "user_pool_id" in other.missing
    assert other.session_path != mine.session_path
    assert mine.session_path == Path(env["TODO_DATA_DIR"]) / "sessions" / "mine.json"


def test_an_unknown_profile_names_the_known_ones_and_the_file(env: dict[str, str]) -> None:
    write_profile("mine", FULL, environ=env)
    with pytest.raises(ConfigError, match=r"no profile 'other' in .*config\.toml; known profiles: mine"):
        Config.load("other", environ=env)


def test_without_any_address_the_error_names_all_places_to_put_one(env: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"api_url, set TODO_API_URL, .*todo configure.*looked in .*config\.toml"):
        Config.load(environ=env)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("default_profile = 'a'\n[profiles\n", "line 2"),
        ("default_profile = 3", "default_profile in .* must be a text"),
        ("profiles = 3", "must be a table"),
        ("[profiles.a]\napi_url = 3", "api_url of profile a in .* must be a text"),
        ("[profiles]\na = 'x'", "must be a table"),
    ],
)
def test_a_malformed_file_is_one_clear_error(env: dict[str, str], content: str, said: str) -> None:
    path = Path(env["TODO_CONFIG_DIR"]) / "config.toml"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(ConfigError, match=said):
        Config.load(environ=env)


def test_writing_a_profile_keeps_the_others_and_leaves_nothing_beside_the_file(env: dict[str, str]) -> None:
    path = write_profile("one", FULL, environ=env)
    write_profile("two", {**FULL, "api_url": OTHER + "/"}, environ=env)
    assert set(profiles(env)) == {"one", "two"}
    assert profiles(env)["two"]["api_url"] == OTHER
    assert "endpoint_url" not in profiles(env)["one"]
    assert [file.name for file in path.parent.iterdir()] == ["config.toml"]
    assert Config.load(environ=env).profile == "one"
    write_profile("two", FULL, make_default=True, environ=env)
    assert Config.load(environ=env).profile == "two"


def test_a_folder_that_cannot_be_made_is_a_config_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be"):
        write_profile("one", FULL, environ={"TODO_CONFIG_DIR": str(tmp_path / "file" / "config")})


def test_a_setting_that_does_not_exist_is_refused(env: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="no setting 'pool'"):
        write_profile("one", {"pool": "x"}, environ=env)


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b", "x" * 65, "a\0"])
def test_a_profiles_name_cannot_leave_its_folder(env: dict[str, str], name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be the name of a profile"):
        write_profile(name, FULL, environ=env)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/x", "http://127.8.9.10", "http://[::1]:80", "http://localhost/", "https://a.b"]
)
def test_plain_http_is_for_this_machine(url: str) -> None:
    assert Config(api_url=url).api_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1",
        "http://localhost.example.com",
        "http://[::2]",
    ],
)
@pytest.mark.parametrize("name", ["api_url", "endpoint_url"])
def test_plain_http_to_another_machine_is_refused(name: str, url: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} .* is not encrypted"):
        Config(url) if name == "api_url" else Config(MINE, endpoint_url=url)


@pytest.mark.parametrize(
    "url", ["", "example.com", "ftp://example.com", "https://", "https://a:b", "https://[", "https://u:p@a.b"]
)
def test_what_is_not_a_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="api_url"):
        Config(api_url=url)


def test_a_client_of_half_known_settings_says_what_is_missing() -> None:
    with pytest.raises(ConfigError, match=r"region is not known; take fetch_config"):
        TodoClient(Config(api_url=MINE))


def test_the_environment_of_aws_is_no_source(env: dict[str, str]) -> None:
    write_profile("mine", FULL, environ=env)
    hostile = {"AWS_REGION": "us-west-2", "AWS_PROFILE": "x", "AWS_ENDPOINT_URL": "http://evil.example.com"}
    assert Config.load(environ={**env, **hostile}) == Config.load(environ=env)
