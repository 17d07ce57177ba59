"""Spoiled small pictures, and how enlargements are measured."""

import math

import numpy as np
import torch
from PIL import Image

from webui.training.evaluation.unseen import unseen
from webui.training.evaluation.upscale import enlarged, measures_of, spoiled
from webui.training.judge import Judge, JudgeSettings

TRUE = unseen(4, 128).pictures


def test_pictures_are_spoiled_the_same_way_each_time() -> None:
    small = spoiled(TRUE)
    assert small.shape == (4, 32, 32, 3)
    assert np.array_equal(small, spoiled(TRUE))


def test_the_true_picture_is_the_ceiling_and_interpolation_is_below_it() -> None:
    torch.manual_seed(0)
    measures = measures_of(TRUE, Judge(JudgeSettings(channels=(4, 8, 8, 8))).eval())
    large = enlarged(spoiled(TRUE), Image.Resampling.BICUBIC)
    ceiling = [measure.of(TRUE) for measure in measures]
    assert ceiling == [math.inf, 1.0, 0.0, math.inf, math.inf]
    psnr, ssim, distance, plain, mixed = (measure.of(large) for measure in measures)
    assert psnr == (plain + mixed) / 2 < 40
    assert ssim < 1.0
    assert distance > 0
