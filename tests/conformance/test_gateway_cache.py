"""API Gateway's response cache (AC-…): each answer of the function has a nonce, so the same body came from the cache.

Caching is best effort (AC-17): a hit is found within a few tries, never demanded of the second one. Nobody's answer for
somebody else is demanded every time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from .conftest import Sut, User, refusal
from .probe import Api
from .probe import functions as made_for

TRIES = 10
WARNING = "199 Cache-control headers were ignored because the caller was unauthorized."
FRESH = {"Cache-Control": "max-age=0"}
AUTHORIZATION = "method.request.header.Authorization"


@pytest.fixture(scope="module")
def function(sut: Sut) -> Iterator[str]:
    for made in made_for(sut):
        yield made.make()


@pytest.fixture(scope="module")
def api(sut: Sut, function: str) -> Iterator[Api]:
    """Cached: every GET but `/uncached` and `/zero`, five minutes."""
    made = Api(sut, function)
    pool = made.authorizer()
    query = "method.request.querystring"
    made.method("/open")
    made.method("/open", "POST")
    made.method("/typed", key=(f"{query}.type",))
    made.method("/todos/{id}")
    made.method("/kept/{id}", key=("method.request.path.id",))
    made.method("/leaking", authorizer=pool)
    made.method("/mine", authorizer=pool, key=(AUTHORIZATION,))
    made.method("/spoofed", authorizer=pool, key=("method.request.header.X-User-Id",))
    made.method("/errors", key=(f"{query}.mode", f"{query}.n"))
    made.method("/uncached")
    made.method("/zero")
    made.method("/strict", authorizer=pool)
    made.method("/silent")
    made.method("/open-to-all")
    for path in ("/shared-a", "/shared-b"):
        made.method(path)
        place = {"restApiId": made.id, "resourceId": made.resource(path), "httpMethod": "GET"}
        namespace = {"op": "replace", "path": "/cacheNamespace", "value": "shared"}
        made.aws.update_integration(**place, patchOperations=[namespace])
    made.deploy(cacheClusterEnabled=True, cacheClusterSize="0.5")
    made.patch(
        ("/*/*/caching/enabled", "true"),
        ("/~1uncached/GET/caching/enabled", "false"),
        ("/~1zero/GET/caching/enabled", "true"),
        ("/~1zero/GET/caching/ttlInSeconds", "0"),
        ("/~1strict/GET/caching/enabled", "true"),
        ("/~1strict/GET/caching/unauthorizedCacheControlHeaderStrategy", "FAIL_WITH_403"),
        ("/~1silent/GET/caching/enabled", "true"),
        ("/~1silent/GET/caching/unauthorizedCacheControlHeaderStrategy", "SUCCEED_WITHOUT_RESPONSE_HEADER"),
        ("/~1open-to-all/GET/caching/enabled", "true"),
        ("/~1open-to-all/GET/caching/requireAuthorizationForCacheControl", "false"),
    )
    if sut.is_aws:
        wait_for_cluster(made)
    yield made
    made.remove()


def wait_for_cluster(api: Api) -> None:
    """AC-01: up to four minutes."""
    import time

    for _ in range(60):
        if api.aws.get_stage(restApiId=api.id, stageName="v1")["cacheClusterStatus"] == "AVAILABLE":
            return
        time.sleep(10)


def hit(api: Api, path: str, token: str | None = None, **sent: Any) -> requests.Response:
    """An answer that was given twice."""
    seen: set[bytes] = set()
    for _ in range(TRIES):
        answer = api.call(path, token=token, **sent)
        if answer.content in seen:
            return answer
        seen.add(answer.content)
    raise AssertionError(f"{path}: {TRIES} answers, none from the cache")


def never_cached(api: Api, path: str, method: str = "GET", **sent: Any) -> None:
    answers = {api.call(path, method, **sent).content for _ in range(TRIES)}
    assert len(answers) == TRIES


def stage(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = api.aws.get_stage(restApiId=api.id, stageName="v1")
    return found


def settings(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The settings of a stage's methods by `path/METHOD`, or `*/*`."""
    return {name.replace("~1", "/").strip("/"): found for name, found in told["methodSettings"].items()}


# --- Configuration


def test_ac_01_the_cluster_is_told(api: Api) -> None:
    told = stage(api)
    assert (told["cacheClusterEnabled"], told["cacheClusterSize"]) == (True, "0.5")
    assert told["cacheClusterStatus"] == "AVAILABLE"


def test_ac_02_another_size_begins_empty(sut: Sut, function: str) -> None:
    if sut.is_aws:
        pytest.skip("takes four minutes")
    api = Api(sut, function)
    api.method("/open")
    api.deploy(cacheClusterEnabled=True, cacheClusterSize="0.5")
    api.patch(("/*/*/caching/enabled", "true"))
    kept = hit(api, "/open").content
    api.patch(("/cacheClusterSize", "1.6"))
    assert api.call("/open").content != kept
    api.remove()


def test_ac_03_the_defaults(api: Api) -> None:
    told = settings(stage(api))["*/*"]
    assert (told["cacheTtlInSeconds"], told["cacheDataEncrypted"]) == (300, False)
    assert told["requireAuthorizationForCacheControl"] is True
    assert told["unauthorizedCacheControlHeaderStrategy"] == "SUCCEED_WITH_RESPONSE_HEADER"
    assert (told["throttlingRateLimit"], told["throttlingBurstLimit"]) == (10_000, 5_000)


def test_ac_04_a_ttl_of_zero(api: Api) -> None:
    never_cached(api, "/zero")


def test_ac_05_only_get(api: Api) -> None:
    hit(api, "/open")
    never_cached(api, "/open", "POST")


def test_the_encryption_of_one_method_is_told(api: Api) -> None:
    api.patch(("/~1silent/GET/caching/dataEncrypted", "true"))
    assert settings(stage(api))["silent/GET"]["cacheDataEncrypted"] is True
    assert settings(stage(api))["*/*"]["cacheDataEncrypted"] is False


def test_ac_06_a_setting_that_there_is_none_of(api: Api) -> None:
    words = [{"op": "replace", "path": "/~1silent/GET/caching/nonsense", "value": "1"}]
    said = refusal(api.aws.update_stage, restApiId=api.id, stageName="v1", patchOperations=words)
    assert (said.status, said.code) == (400, "BadRequestException")
    assert said.message.startswith("Invalid method setting path: ")


def test_ac_07_a_route_that_is_not_cached(api: Api) -> None:
    never_cached(api, "/uncached")


def test_ac_08_ac_09_what_was_deployed(sut: Sut) -> None:
    """By CloudFormation from CDK: one cluster, two cached routes, the caller in the snapshots' key."""
    api_id, stage_name = sut.outputs["ApiUrl"].split("/")[-2:]
    if sut.is_aws:
        api_id = api_id.partition(".")[0]
    apigateway = sut.owner("apigateway")
    told = apigateway.get_stage(restApiId=api_id, stageName=stage_name)
    cached = {name for name, found in settings(told).items() if found["cachingEnabled"]}
    assert told["cacheClusterEnabled"] is True
    assert cached == {"v1/config/GET", "v1/snapshots/{revision}/GET"}
    resources = apigateway.get_resources(restApiId=api_id, embed=["methods"], limit=100)["items"]
    snapshots = next(item for item in resources if item["path"] == "/v1/snapshots/{revision}")
    key = snapshots["resourceMethods"]["GET"]["methodIntegration"]["cacheKeyParameters"]
    assert {AUTHORIZATION, "method.request.path.revision"} <= set(key)


def test_ac_11_one_namespace_on_two_resources(api: Api) -> None:
    kept = hit(api, "/shared-a").content
    assert kept in {api.call("/shared-b").content for _ in range(TRIES)}


def test_ac_13_flushing(api: Api) -> None:
    kept = hit(api, "/open").content
    answer = api.aws.flush_stage_cache(restApiId=api.id, stageName="v1")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert api.call("/open").content != kept


# --- What is in the key


def test_ac_15_an_answer_from_the_cache_is_the_first_one(api: Api) -> None:
    answer = hit(api, "/open")
    assert json.loads(answer.content)["nonce"]


def test_ac_18_only_declared_parameters_are_in_the_key(api: Api) -> None:
    first = hit(api, "/typed?type=admin&department=A")
    others = {api.call("/typed?type=admin&department=B").content for _ in range(TRIES)}
    assert first.content in others
    assert api.call("/typed?type=user&department=A").content != first.content


def test_ac_19_a_path_parameter_that_is_not_declared(api: Api) -> None:
    first = hit(api, "/todos/1").content
    assert first in {api.call("/todos/2").content for _ in range(TRIES)}


def test_se_04_a_path_parameter_that_is(api: Api) -> None:
    for _ in range(20):
        for number in ("1", "2"):
            found = api.call(f"/kept/{number}").json()["event"]["pathParameters"]
            assert found == {"id": number}


def owner_of(answer: requests.Response) -> str:
    return str(answer.json()["event"]["requestContext"]["authorizer"]["claims"]["sub"])


def test_ac_20_se_01_without_the_caller_in_the_key_an_answer_is_given_to_another(
    api: Api, alice: User, bob: User
) -> None:
    mine = owner_of(hit(api, "/leaking", alice.tokens["IdToken"]))
    assert mine in {owner_of(api.call("/leaking", token=bob.tokens["IdToken"])) for _ in range(TRIES)}


def test_se_01_ac_21_with_the_caller_in_the_key_it_is_not(api: Api, alice: User, bob: User) -> None:
    alices, bobs = (owner_of(hit(api, "/mine", user.tokens["IdToken"])) for user in (alice, bob))
    assert alices != bobs
    for _ in range(20):
        for user, expected in ((alice, alices), (bob, bobs)):
            assert owner_of(api.call("/mine", token=user.tokens["IdToken"])) == expected


def test_ac_21_another_token_of_the_same_user_is_another_entry(api: Api, alice: User) -> None:
    first = hit(api, "/mine", alice.tokens["IdToken"]).content
    second = hit(api, "/mine", alice.sign_in()["IdToken"]).content
    assert first != second


def test_se_02_a_key_that_anybody_can_send(api: Api, alice: User, bob: User) -> None:
    headers = {"X-User-Id": "alice"}
    mine = owner_of(hit(api, "/spoofed", alice.tokens["IdToken"], headers=headers))
    answers = [api.call("/spoofed", token=bob.tokens["IdToken"], headers=headers) for _ in range(TRIES)]
    assert mine in {owner_of(answer) for answer in answers}


def test_ac_22_se_03_the_authorizer_runs_before_the_cache(api: Api, alice: User) -> None:
    hit(api, "/leaking", alice.tokens["IdToken"])
    for token in (None, "junk", alice.tokens["AccessToken"]):
        assert api.call("/leaking", token=token).status_code == 401


def test_ac_23_a_write_changes_nothing_that_is_cached(api: Api) -> None:
    kept = hit(api, "/open").content
    api.call("/open", "POST")
    assert kept in {api.call("/open").content for _ in range(TRIES)}


# --- What is kept


@pytest.mark.parametrize("status", ["404", "429", "500"])
def test_ac_24_se_06_errors_of_the_function_are_kept(api: Api, status: str) -> None:
    answer = hit(api, f"/errors?mode={status}&n=1")
    assert answer.status_code == int(status)


def test_ac_25_an_answer_over_a_mebibyte_is_not_kept(api: Api) -> None:
    answers = {api.call("/errors?mode=megabyte").content for _ in range(3)}
    assert len(answers) == 3
    assert all(len(answer) > 1_048_576 for answer in answers)


# --- Invalidation


def test_ac_28_ac_29_se_05_by_default_a_wish_is_ignored_with_a_warning(api: Api, alice: User) -> None:
    for path, token in (("/open", None), ("/leaking", alice.tokens["IdToken"])):
        kept = hit(api, path, token)
        answer = api.call(path, token=token, headers=FRESH)
        assert (answer.status_code, answer.content) == (200, kept.content)
        assert answer.headers["Warning"] == WARNING
    assert "Warning" not in api.call("/open").headers


def test_ac_30_se_05_silently(api: Api) -> None:
    kept = hit(api, "/silent")
    answer = api.call("/silent", headers=FRESH)
    assert (answer.status_code, answer.content, "Warning" in answer.headers) == (200, kept.content, False)


def test_ac_31_se_05_or_with_403(api: Api, alice: User) -> None:
    token = alice.tokens["IdToken"]
    kept = hit(api, "/strict", token)
    assert api.call("/strict", token=token, headers=FRESH).status_code == 403
    assert api.call("/strict", token=token).content == kept.content


def test_ac_26_ac_32_where_everybody_may_everybody_does(api: Api) -> None:
    kept = hit(api, "/open-to-all").content
    fresh = api.call("/open-to-all", headers=FRESH)
    assert (fresh.status_code, fresh.content != kept) == (200, True)
    assert fresh.content in {api.call("/open-to-all").content for _ in range(TRIES)}


def test_ac_33_other_directives_are_ignored(api: Api) -> None:
    """And so is `Cache-Control: no-store` of the function, which every answer of it carries."""
    kept = hit(api, "/open").content
    for headers in ({"Cache-Control": "no-cache"}, {"Cache-Control": "no-store"}, {"Pragma": "no-cache"}):
        assert api.call("/open", headers=headers).content == kept


def test_ac_37_a_new_deployment_flushes_nothing(api: Api) -> None:
    kept = hit(api, "/open").content
    api.deploy()
    assert kept in {api.call("/open").content for _ in range(TRIES)}
