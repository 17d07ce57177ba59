"""Options belong to the client that sets them."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from tests.api.sdapi.conftest import drawn, request_of
from webui.api.sdapi.options import MAX_CLIENTS, Client, ClientOptions

URL = "/sdapi/v1/options"
ONE, OTHER = {"user-agent": "one"}, {"user-agent": "other"}


def order(client: TestClient, headers: dict[str, str], **body: Any) -> Any:
    small = {"prompt": "x", "steps": 2, "width": 64, "height": 64, **body}
    assert client.post("/sdapi/v1/txt2img", json=small, headers=headers).status_code == 200
    return client.get("/api/v1/jobs").json()[0]["request"]


def test_an_option_holds_for_its_client_alone(client: TestClient) -> None:
    set_ = client.post(
        URL, json={"CLIP_stop_at_last_layers": 2, "randn_source": "CPU"}, headers=ONE
    )
    assert (set_.status_code, set_.json()) == (200, None)
    assert client.get(URL, headers=ONE).json()["CLIP_stop_at_last_layers"] == 2
    assert client.get(URL, headers=OTHER).json()["CLIP_stop_at_last_layers"] == 1
    mine, others = order(client, ONE), order(client, OTHER)
    assert (mine["clip_skip"], mine["noise_source"]) == (2, "CPU")
    assert (others["clip_skip"], others["noise_source"]) == (1, "Philox")


def test_what_a_request_overrides_outlives_it_not(client: TestClient) -> None:
    given = {"CLIP_stop_at_last_layers": 3, "sigma_max": 0, "s_churn": 2.5}
    headers = {"user-agent": "third"}
    request = order(
        client, headers, override_settings=given, override_settings_restore_afterwards=False
    )
    assert (request["clip_skip"], request["schedule_sigma_max"], request["sigma_churn"]) == (
        3,
        None,
        2.5,
    )
    assert order(client, headers)["clip_skip"] == 1


def test_a_field_of_the_body_comes_before_an_option(client: TestClient) -> None:
    headers = {"user-agent": "fourth"}
    client.post(URL, json={"s_churn": 1.0, "eta_ancestral": 0.5}, headers=headers)
    request = order(client, headers, s_churn=3.0)
    assert (request["sigma_churn"], request["eta"]) == (3.0, 0.5)


def test_options_that_mean_nothing_are_named_and_bad_values_refused(client: TestClient) -> None:
    assert client.post(URL, json={"made_up": 1, "s_noise": 1.0}).json() == {"ignored": ["made_up"]}
    bad = client.post(URL, json={"CLIP_stop_at_last_layers": 99})
    assert (bad.status_code, "clip_skip is 99" in bad.json()["detail"]) == (422, True)
    gone = client.post(URL, json={"sd_model_checkpoint": "v1-5"})
    assert (gone.status_code, "There is no model 'v1-5'" in gone.json()["detail"]) == (422, True)


def test_everything_that_options_say_can_be_said_back(client: TestClient) -> None:
    said = client.get(URL, headers={"user-agent": "fifth"}).json()
    before = request_of(client, drawn(client, seed=1)[1])
    headers = {"user-agent": "fifth"}
    assert client.post(URL, json=said, headers=headers).json() is None
    after = order(client, headers, prompt="a lake", seed=1)
    assert after == before


def test_the_settings_of_unipc_are_understood(client: TestClient) -> None:
    given = {"uni_pc_variant": "bh1", "uni_pc_order": 2}
    headers = {"user-agent": "seventh"}
    request = order(client, headers, override_settings=given, sampler_name="UniPC")
    assert (request["unipc_form"], request["unipc_order"]) == ("bh1", 2)


def test_the_old_timelines_are_understood(client: TestClient) -> None:
    headers = {"user-agent": "eighth"}
    assert order(client, headers, override_settings={"use_old_scheduling": True})[
        "old_prompt_timelines"
    ]


def test_of_the_two_etas_that_counts_which_belongs_to_the_sampler(client: TestClient) -> None:
    headers, given = {"user-agent": "sixth"}, {"eta_ancestral": 0.5, "eta_ddim": 0.25}
    assert order(client, headers, override_settings=given, sampler_name="Euler a")["eta"] == 0.5
    assert order(client, headers, override_settings=given, sampler_name="DDIM")["eta"] == 0.25


def test_flags_tell_nothing_secret(client: TestClient) -> None:
    assert all(isinstance(flag, bool) for flag in client.get("/sdapi/v1/cmd-flags").json().values())


def test_clients_that_have_not_asked_for_longest_are_forgotten() -> None:
    kept = ClientOptions()
    for number in range(MAX_CLIENTS + 1):
        kept.set(Client("here", str(number)), {"s_noise": number})
        kept.of(Client("here", "0"))
    assert kept.of(Client("here", "0")) == {"s_noise": 0}
    assert kept.of(Client("here", "1")) == {}
    assert kept.of(Client("here", "2")) == {"s_noise": 2}
