"""Scaling and cropping against their closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from memlab.data.scaling import crop, scaler
from memlab.errors import InvalidExperiment


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (30, 3, 5, 5), dtype=np.uint8)


def test_standardize_has_one_mean_and_deviation_for_all(pixels):
    scaled = scaler("standardize", pixels)(pixels)
    expected = (pixels - pixels.mean()) / pixels.std()
    np.testing.assert_allclose(scaled, expected, rtol=1e-5, atol=1e-6)
    assert scaled.dtype == np.float32


def test_features_has_a_mean_and_deviation_each(pixels):
    scaled = scaler("features", pixels)(pixels)
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.std(0), 1, rtol=1e-5)


@pytest.mark.parametrize("value", [0.1, 0.3, 1e7 / 3, -1e-3, 0.0])
@pytest.mark.parametrize("kind", ["standardize", "features", "unit"])
def test_what_is_constant_becomes_zero(value, kind):
    x = np.full((1001, 3), value, dtype=np.float32)
    if kind == "features":
        x[:, 1] = np.arange(1001)
    scaled = scaler(kind, x)(x)
    assert (scaled[:, 0] == 0).all()
    assert np.isfinite(scaled).all()


def test_a_constant_pixel_becomes_zero_whatever_its_rounding():
    # 0 … 255 ÷ 255 have no exact mean: the deviation of equal pixels may be 1e-17, not 0.
    for count in (3, 10, 1001):
        x = np.tile(np.arange(256, dtype=np.uint8), (count, 1))
        assert (scaler("features", x)(x) == 0).all()


def test_unit_takes_the_training_range_to_zero_and_one(pixels):
    x = pixels.astype(np.float32) * 3 - 100
    scaled = scaler("unit", x)(x)
    assert (scaled.min(), scaled.max()) == (0, 1)
    np.testing.assert_allclose(scaled, (x - x.min()) / (x.max() - x.min()), rtol=1e-5, atol=1e-7)


def test_statistics_are_those_of_the_training_part(pixels):
    other = np.full((2, 3, 5, 5), 255, dtype=np.uint8)
    expected = (255 - pixels.mean()) / pixels.std()
    np.testing.assert_allclose(scaler("standardize", pixels)(other), expected, rtol=1e-5)


def test_images_are_whitened_each_by_itself_as_zhang_did(pixels):
    pixels[4] = 77
    pixels[5] = 100
    pixels[5, 0, 0, 0] = 101
    scaled = scaler("images", pixels)(pixels)
    unit = pixels / 255
    for image, found in zip(unit, scaled, strict=True):
        # tf.image.per_image_standardization: (x − mean) / max(deviation, 1/√features)
        deviation = max(image.std(), 1 / np.sqrt(75))
        np.testing.assert_allclose(found, (image - image.mean()) / deviation, atol=1e-6)
    assert np.abs(scaled[4]).max() < 1e-6
    assert scaled[5].max() == pytest.approx((1 / 255) * (74 / 75) * np.sqrt(75), rel=1e-4)


def test_crop_takes_the_centre(pixels):
    np.testing.assert_array_equal(crop(pixels, 3), pixels[:, :, 1:4, 1:4])
    np.testing.assert_array_equal(crop(pixels, 4), pixels[:, :, :4, :4])
    assert crop(pixels, 5).shape == pixels.shape
    assert crop(pixels, None) is pixels


def test_zhangs_crop_of_cifar_leaves_two_pixels_at_each_side():
    x = np.arange(32 * 32).reshape(1, 1, 32, 32)
    np.testing.assert_array_equal(crop(x, 28), x[:, :, 2:30, 2:30])


def test_a_crop_that_does_not_fit_says_how_large_the_inputs_are(pixels):
    with pytest.raises(InvalidExperiment, match=r"dataset.crop = 6 does not fit.*5×5"):
        crop(pixels, 6)
    with pytest.raises(InvalidExperiment, match="no pictures"):
        crop(pixels.reshape(30, -1), 3)
