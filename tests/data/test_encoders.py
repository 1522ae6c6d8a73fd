"""The real loading code on small random weights in the published file formats, end to end through shards."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from zigma.data import DataConfig, load_data, to_uint8
from zigma.data.dataset import from_uint8
from zigma.data.folders.plan import PrepareRequest
from zigma.data.folders.prepare import prepare
from zigma.data.media import load_image


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory):
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("clip")
    letters = [chr(i) for i in range(97, 123)]
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = transformers.CLIPTokenizer.from_pretrained(folder)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=20,
        bos_token_id=0,
        eos_token_id=1,
    )
    transformers.CLIPTextModel(config).save_pretrained(folder)
    return folder


@pytest.fixture
def source(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "source"
    folder.mkdir()
    for i in range(10):
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(folder / f"{i}.png")
        (folder / f"{i}.txt").write_text(f"number {'abcdefghij'[i]}\nagain {'abcdefghij'[i]}\n")
    return folder


def test_prepared_latents_and_text_are_those_of_the_encoders(source, autoencoder, clip_folder, tmp_path):
    from diffusers import AutoencoderKL
    from transformers import CLIPTextModel, CLIPTokenizer

    request = PrepareRequest(
        str(source),
        size=16,
        captions=str(source),
        vae=str(autoencoder),
        clip=str(clip_folder),
        latent="mean",
        held_out=0.3,
        shard_samples=4,
    )
    manifest = prepare(request, tmp_path / "out", say=lambda _: None)
    assert set(manifest["request"]["weights"]) == {"vae", "clip"}
    data = load_data(DataConfig("celebamm", size=16, root=str(tmp_path / "out"), view="latents"))
    batch = data.held_out.batch(range(len(data.held_out)))
    pixels = load_data(DataConfig("celebamm", size=16, root=str(tmp_path / "out"))).held_out
    images = pixels.batch(range(len(pixels))).images
    with torch.no_grad():
        vae = AutoencoderKL.from_pretrained(autoencoder).eval()
        expected = vae.encode(images).latent_dist.mean * 0.18215
        tokenizer, clip = (
            CLIPTokenizer.from_pretrained(clip_folder),
            CLIPTextModel.from_pretrained(clip_folder),
        )
        tokens = tokenizer(batch.captions, padding="max_length", max_length=20, return_tensors="pt").input_ids
        text = clip(tokens).last_hidden_state
    assert torch.allclose(batch.images, expected, atol=1e-3)
    assert batch.text.shape == (len(data.held_out), 20, 16)
    assert torch.allclose(batch.text, text, atol=3e-3)


def test_sampled_latents_depend_on_the_file_alone(source, autoencoder, tmp_path):
    """Other shards, other neighbours in the batch: the same noise, and noise there is."""

    def latents(out, **options):
        prepare(
            PrepareRequest(str(source), size=16, vae=str(autoencoder), **options), out, say=lambda _: None
        )
        data = load_data(DataConfig("shards", size=16, root=str(out), view="latents"))
        parts = [part.batch(range(len(part))).images for part in (data.train, data.held_out)]
        return torch.cat(parts)[torch.cat(parts).flatten(1).sum(1).argsort()]

    one = latents(tmp_path / "a", shard_samples=256)
    assert torch.allclose(one, latents(tmp_path / "b", shard_samples=3), atol=1e-3)
    assert not torch.allclose(one, latents(tmp_path / "c", latent="mean"), atol=0.05)


def test_what_are_no_images_is_not_encoded(autoencoder):
    from zigma.data import Autoencoder

    encoder = Autoencoder(autoencoder)
    images = torch.zeros(2, 3, 16, 16, dtype=torch.uint8)
    for wrong in (images.float(), images[:, :1], images[..., 1:], images[0]):
        with pytest.raises(ValueError, match="must be uint8"):
            encoder.encode(wrong)
    with pytest.raises(ValueError, match="2 images need as many seeds, not 1"):
        encoder.encode(images, seeds=[1])


def test_decoding_divides_by_the_factor(autoencoder):
    from zigma.data import Autoencoder

    autoencoder = Autoencoder(autoencoder)
    images = torch.randint(
        0, 256, (3, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    latents = autoencoder.encode(images)
    decoded = autoencoder.decode(0.18215 * latents, batch_images=2)
    with torch.no_grad():
        expected = to_uint8(autoencoder.model.decode(latents).sample)
    assert decoded.shape == images.shape
    assert (decoded.int() - expected.int()).abs().max() <= 1
    video = autoencoder.decode(0.18215 * latents[None])
    assert torch.equal(video[0], autoencoder.decode(0.18215 * latents))


def test_video_latents_are_those_of_the_frames(autoencoder, tmp_path):
    from zigma.data import Autoencoder

    pytest.importorskip("imageio")
    (tmp_path / "source").mkdir()
    frames = [Image.new("RGB", (16, 16), (30 * t, 0, 255 - 30 * t)) for t in range(6)]
    frames[0].save(tmp_path / "source" / "a.gif", save_all=True, append_images=frames[1:])
    frames[3].save(tmp_path / "source" / "b.gif", save_all=True, append_images=frames[:5])
    request = PrepareRequest(
        str(tmp_path / "source"), size=16, frames=4, vae=str(autoencoder), latent="mean", held_out=0
    )
    prepare(request, tmp_path / "out", say=lambda _: None)
    root = str(tmp_path / "out")
    latents = load_data(DataConfig("shards", size=16, frames=6, root=root, view="latents")).train.batch([0])
    pixels = load_data(DataConfig("shards", size=16, frames=6, root=root)).train.batch([0])
    expected = 0.18215 * Autoencoder(autoencoder).encode(to_uint8(pixels.images[0]))
    assert latents.images.shape == (1, 6, 4, 2, 2)
    assert torch.allclose(latents.images[0], expected, atol=1e-3)


def test_missing_weights_say_where_they_are_published(tmp_path):
    from zigma.data import Autoencoder, TextEncoder

    with pytest.raises(ValueError, match="sd-vae-ft-ema") as error:
        Autoencoder(tmp_path)
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match="clip-vit-large-patch14"):
        TextEncoder(tmp_path)


def test_pickled_weights_are_not_loaded(autoencoder, tmp_path):
    from zigma.data import Autoencoder

    (tmp_path / "config.json").write_bytes((autoencoder / "config.json").read_bytes())
    torch.save({}, tmp_path / "diffusion_pytorch_model.bin")
    with pytest.raises(ValueError, match="safetensors"):
        Autoencoder(tmp_path)


def test_a_picture_survives_the_way_through_float(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    loaded = torch.from_numpy(load_image(tmp_path / "a.png", 8).copy())
    assert np.array_equal(to_uint8(from_uint8(loaded)).numpy(), pixels)
