"""txt2img and img2img as AUTOMATIC1111's clients call them."""

from __future__ import annotations

from starlette.testclient import TestClient

from tests.api.sdapi.conftest import b64, drawn, opened, refusal, request_of


def test_a_prompt_becomes_pictures_with_their_parameters_in_them(client: TestClient) -> None:
    answer, info = drawn(client, batch_size=2, seed=5, negative_prompt="rain")
    first, second = map(opened, answer["images"])
    assert first.size == (64, 64)
    assert first.info["parameters"] == info["infotexts"][0]
    assert "Seed: 6" in second.info["parameters"]
    assert info["all_seeds"] == [5, 6]
    assert (info["prompt"], info["all_negative_prompts"]) == ("a lake", ["rain", "rain"])
    assert (info["seed"], info["index_of_first_image"], info["ignored"]) == (5, 0, [])
    assert answer["parameters"]["cfg_scale"] == 7.0


def test_defaults_are_those_of_automatic1111(client: TestClient) -> None:
    answer, info = drawn(client, steps=None)
    request = request_of(client, info)
    assert (request["sampler"], request["steps"], request["guidance_scale"]) == ("Euler", 50, 7.0)
    assert (answer["parameters"]["steps"], answer["parameters"]["scheduler"]) == (50, "")
    answer, info = drawn(client, steps=1, width=None, height=None)
    assert opened(answer["images"][0]).size == (512, 512)


def test_rounds_are_jobs_of_their_own_whose_seeds_go_on(client: TestClient) -> None:
    _, info = drawn(client, batch_size=2, n_iter=2, seed=10)
    assert info["all_seeds"] == [10, 11, 12, 13]
    assert len(info["job_ids"]) == 2
    _, info = drawn(client, n_iter=2, seed=10, subseed=3, subseed_strength=0.5)
    assert (info["all_seeds"], info["all_subseeds"]) == ([10, 10], [3, 4])


def test_names_of_samplers_schedules_and_models_are_theirs(client: TestClient) -> None:
    models = client.get("/sdapi/v1/sd-models").json()
    model = next(one for one in models if "classes" not in one["title"])  # that wants a class
    options = {"sd_model_checkpoint": f"{model['title']} [0123456789]"}
    _, info = drawn(client, sampler_name="DPM++ 2M Karras", override_settings=options)
    request = request_of(client, info)
    assert (request["sampler"], request["schedule"]) == ("DPM++ 2M", "Karras")
    assert request["model"] == model["title"]
    _, info = drawn(client, sampler_index="k_euler_a", scheduler="sgm_uniform")
    request = request_of(client, info)
    assert (request["sampler"], request["schedule"]) == ("Euler a", "SGM Uniform")


def test_a_second_pass_is_said_in_their_words(client: TestClient) -> None:
    _, info = drawn(
        client, enable_hr=True, hr_scale=1.5, hr_upscaler="None", hr_second_pass_steps=3,
        hr_prompt="more", denoising_strength=0.4, hr_sampler_name="Use same sampler", hr_resize_y=99,
    )  # fmt: skip
    request = request_of(client, info)
    assert (request["hires_scale"], request["hires_upscaler"]) == (1.5, "Lanczos")
    assert (request["hires_steps"], request["hires_prompt"]) == (3, "more")
    assert (request["hires_height"], request["denoising_strength"]) == (96, 0.4)
    _, info = drawn(client, hr_scale=1.5, enable_hr=False)
    assert request_of(client, info)["hires_scale"] == 1.0


def test_what_means_nothing_here_is_named_and_what_asks_for_nothing_is_not(
    client: TestClient,
) -> None:
    _, info = drawn(
        client, restore_faces=True, comments={}, firstpass_image=None, made_up=3,
        override_settings={"some_option": 1, "samples_format": "png"},
    )  # fmt: skip
    assert info["ignored"] == ["restore_faces", "made_up", "override_settings.some_option"]


def test_a_parameters_text_fills_what_the_body_leaves_open(client: TestClient) -> None:
    text = "a castle\nSteps: 3, Sampler: Heun, CFG scale: 2, Seed: 77, Clip skip: 2"
    answer = client.post(
        "/sdapi/v1/txt2img", json={"infotext": text, "seed": 5, "width": 64, "height": 64}
    )
    picture = opened(answer.json()["images"][0])
    assert picture.info["parameters"].startswith("a castle\nSteps: 3, Sampler: Heun")
    assert "Seed: 5," in picture.info["parameters"]
    assert "Clip skip: 2" in picture.info["parameters"]


def test_styles_and_pictures_that_are_not_sent(client: TestClient) -> None:
    answer, info = drawn(client, styles=["oil"], send_images=False)
    assert answer["images"] == []
    assert info["all_prompts"] == ["an oil painting of a lake"]


def test_a_marked_part_of_a_picture_is_drawn_with_their_defaults(client: TestClient) -> None:
    answer, info = drawn(
        client, "img2img", init_images=[f"data:image/png;base64,{b64()}"],
        mask=b64(colour=255, mode="L"), mask_blur=0, denoising_strength=0.5,
    )  # fmt: skip
    request = request_of(client, info)
    assert (request["masked_content"], request["inpaint_area"]) == ("fill", "Only masked")
    assert (request["resize_mode"], request["masked_padding"]) == ("Just resize", 0)
    assert (request["mask_blur"], request["denoising_strength"]) == (0, 0.5)
    assert answer["parameters"]["init_images"] is None
    assert opened(answer["images"][0]).getpixel((5, 5)) != (200, 120, 40)


def test_a_mask_of_another_size_is_fitted_as_their_clients_expect(client: TestClient) -> None:
    _, info = drawn(
        client,
        "img2img",
        init_images=[b64()],
        mask=b64((48, 24), colour=255, mode="L"),
        mask_blur=0,
    )
    request = request_of(client, info)
    sides = [
        client.get(f"/api/v1/images/{request[name]}").content[16:24] for name in ("image", "mask")
    ]
    assert sides[0] != sides[1]  # width and height in the headers


def test_refusals_have_their_status_and_our_sentence(client: TestClient) -> None:
    assert refusal(client, sampler_name="Magic")[0] == 400
    assert refusal(client, "img2img")[0] == 404
    status, said = refusal(client, script_name="Deforum")
    assert (status, "no script 'Deforum'" in said) == (422, True)
    status, said = refusal(client, alwayson_scripts={"ADetailer": {"args": []}})
    assert (status, "controlnet, refiner, soft inpainting" in said) == (422, True)
    status, said = refusal(client, "img2img", init_images=["http://10.0.0.1/x.png"])
    assert (status, "which is not fetched" in said) == (400, True)
    assert "not in base64" in refusal(client, "img2img", init_images=["%%%"])[1]
    status, said = refusal(client, steps=100_000)
    assert (status, said) == (422, "steps is 100000, expected a number from 1 to 1000.")
    assert "steps" in refusal(client, steps="many")[1]
    assert refusal(client, cfg_scale=9000)[1].startswith(
        "cfg_scale is 9000.0, expected a number from"
    )
    assert refusal(client, enable_hr=True, hr_upscaler="4x-Magic")[1].startswith(
        "hr_upscaler is '4x-Magic'"
    )
    status, said = refusal(client, override_settings={"sd_model_checkpoint": "v1-5"})
    assert (status, "There is no model 'v1-5'" in said) == (422, True)
    assert client.get("/api/v1/jobs?state=queued").json() == []


def test_an_address_that_is_not_there_is_404(client: TestClient) -> None:
    assert client.post("/sdapi/v1/server-kill").status_code == 404
    assert client.get("/sdapi/v1/nothing").status_code == 404
