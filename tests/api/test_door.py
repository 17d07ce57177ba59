"""The login: its page, its session, HTTP Basic, and the price of wrong guesses."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.api.test_guard import guarded
from webui.api.login import FREE_GUESSES, Login

PAGE = {"accept": "text/html", "sec-fetch-site": "none", "sec-fetch-mode": "navigate"}


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(clock: Clock) -> TestClient:
    return guarded(Login("ann", "sécret", clock=clock))


def log_in(client: TestClient, password: str = "sécret", following: str = "/") -> int:
    origin = {"origin": "http://127.0.0.1:7860"}
    form = {"user": "ann", "password": password, "next": following}
    answer = client.post("/login", data=form, headers=origin, follow_redirects=False)
    return int(answer.status_code)


def test_a_person_is_led_to_the_login_page_and_back(client: TestClient) -> None:
    answer = client.get("/gallery?page=2", headers=PAGE, follow_redirects=False)
    assert answer.headers["location"] == "/login?next=%2Fgallery%3Fpage%3D2"
    assert 'value="/gallery?page=2"' in client.get(answer.headers["location"]).text


def test_a_program_is_told_that_it_must_log_in(client: TestClient) -> None:
    answer = client.get("/api/v1/jobs")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert "login" in answer.json()["error"]


def test_a_page_of_ours_opens_no_dialog_of_the_browser(client: TestClient) -> None:
    answer = client.get("/api/v1/jobs", headers={"sec-fetch-site": "same-origin"})
    assert answer.status_code == 401
    assert "www-authenticate" not in answer.headers


def test_the_right_password_opens_a_session(client: TestClient) -> None:
    assert log_in(client) == 303
    assert client.get("/api/v1/jobs").status_code == 200


def test_the_sessions_cookie_is_out_of_reach_of_scripts_and_other_sites(client: TestClient) -> None:
    answer = client.post(
        "/login", data={"user": "ann", "password": "sécret"}, follow_redirects=False
    )
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_a_made_up_session_is_no_session(client: TestClient) -> None:
    assert client.get("/api/v1/jobs", headers={"cookie": "easel_session=abc"}).status_code == 401


def test_a_session_ends_with_the_logout(client: TestClient) -> None:
    log_in(client)
    client.post("/logout", headers={"origin": "http://127.0.0.1:7860"}, follow_redirects=False)
    assert client.get("/api/v1/jobs").status_code == 401


def test_a_session_does_not_outlive_its_time(client: TestClient, clock: Clock) -> None:
    log_in(client)
    clock.now += 31 * 24 * 3600
    assert client.get("/api/v1/jobs").status_code == 401


def test_programs_log_in_by_http_basic(client: TestClient) -> None:
    assert client.get("/api/v1/jobs", auth=("ann", "sécret")).status_code == 200
    assert client.get("/api/v1/jobs", auth=("ann", "secret")).status_code == 401


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic /w==", "Bearer abc"])
def test_an_unreadable_authorization_is_none(client: TestClient, header: str) -> None:
    assert client.get("/api/v1/jobs", headers={"authorization": header}).status_code == 401


def test_wrong_guesses_are_slowed_down_and_time_heals(client: TestClient, clock: Clock) -> None:
    assert [log_in(client, "wrong") for _ in range(FREE_GUESSES)] == [403] * FREE_GUESSES
    assert log_in(client) == 429
    clock.now += 2
    assert log_in(client, "wrong") == 403
    clock.now += 1
    assert log_in(client) == 429
    clock.now += 60
    assert log_in(client) == 303


def test_basic_guesses_count_too(client: TestClient) -> None:
    for _ in range(FREE_GUESSES):
        client.get("/", auth=("ann", "wrong"))
    assert client.get("/", auth=("ann", "sécret")).status_code == 429


@pytest.mark.parametrize(
    "following", ["//evil.com", "https://evil.com", "/\\evil.com", "/a\r\nb: c", ""]
)
def test_nobody_is_sent_elsewhere_after_the_login(client: TestClient, following: str) -> None:
    form = {"user": "ann", "password": "sécret", "next": following}
    answer = client.post("/login", data=form, follow_redirects=False)
    assert answer.headers["location"] == "/"


def test_what_comes_back_into_the_form_is_text(client: TestClient) -> None:
    page = client.get("/login", params={"next": '/"><script>alert(1)</script>'}).text
    assert "<script>" not in page
