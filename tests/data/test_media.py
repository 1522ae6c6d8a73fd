"""Pictures of every kind, and hostile ones; frames of videos in zips."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from zigma.data.media import IMAGE_FORMATS, UnreadableError, load_image, load_video, unpack_frames

# pictures


def encoded(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "P bytes", "RGB", "L", "gif", "webp"])
def test_what_is_transparent_is_white(mode):
    ink = np.zeros((16, 16, 4), np.uint8)
    ink[6:10, 6:10, 3] = 255  # black ink on nothing
    image = Image.fromarray(ink)
    colours = Image.fromarray(np.where(ink[..., 3:] > 0, 0, 77).astype(np.uint8).repeat(3, 2))
    palette = Image.fromarray((ink[..., 3] > 0).astype(np.uint8))
    palette = palette.convert("P")
    palette.putpalette([77, 77, 77, 0, 0, 0])
    data = {
        "RGBA": lambda: encoded(image, "PNG"),
        "LA": lambda: encoded(image.convert("LA"), "PNG"),
        "P": lambda: encoded(palette, "PNG", transparency=0),
        "P bytes": lambda: encoded(palette, "PNG", transparency=b"\x00\xff"),
        "RGB": lambda: encoded(colours, "PNG", transparency=(77, 77, 77)),
        "L": lambda: encoded(colours.convert("L"), "PNG", transparency=77),
        "gif": lambda: encoded(palette, "GIF", transparency=0),
        "webp": lambda: encoded(image, "WEBP", lossless=True, exact=True),
    }[mode]()
    seen = load_image(data, 16)
    assert seen[8, 8].tolist() == [0, 0, 0]
    assert seen[0, 0].tolist() == [255, 255, 255]


def test_colours_under_full_transparency_do_not_bleed_when_resized():
    rgba = np.zeros((64, 64, 4), np.uint8)
    rgba[..., 0] = 255  # red, but nothing of it is to be seen
    rgba[16:48, 16:48] = (0, 0, 255, 255)
    seen = load_image(encoded(Image.fromarray(rgba), "PNG"), 8).astype(int)
    assert (seen[..., 0] <= seen[..., 2]).all()


@pytest.mark.parametrize("turn", [Image.Transpose.ROTATE_90, Image.Transpose.FLIP_LEFT_RIGHT])
def test_orientation_and_transparency_together(turn):
    numbers = {Image.Transpose.ROTATE_90: 6, Image.Transpose.FLIP_LEFT_RIGHT: 2}
    rgba = np.zeros((16, 16, 4), np.uint8)
    rgba[:4, :4] = (0, 0, 0, 255)
    upright = Image.fromarray(rgba)
    exif = Image.Exif()
    exif[0x0112] = numbers[turn]
    seen = load_image(encoded(upright.transpose(turn), "PNG", exif=exif), 16)
    assert np.array_equal(seen, load_image(encoded(upright, "PNG"), 16))


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif"])
def test_postscript_under_any_name_is_run_by_nobody(tmp_path, suffix, monkeypatch):
    from PIL import EpsImagePlugin

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_, **__: pytest.fail("Ghostscript was run"))
    file = tmp_path / f"x.{suffix}"
    file.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n")
    with pytest.raises(UnreadableError):
        load_image(file, 8)
    with pytest.raises(UnreadableError):
        load_image(file.read_bytes(), 8)
    with pytest.raises(UnreadableError):
        load_video(file, 8)
    assert "EPS" not in IMAGE_FORMATS


def test_a_playlist_does_not_lead_to_other_files(tmp_path):
    pytest.importorskip("imageio_ffmpeg")
    import imageio.v3 as imageio

    video = tmp_path / "secret.mp4"
    imageio.imwrite(video, np.zeros((8, 16, 16, 3), np.uint8), plugin="FFMPEG", fps=8, macro_block_size=1)
    assert len(load_video(video, 16)) == 8
    for text in (
        f"ffconcat version 1.0\nfile '{video.name}'\n",
        f"#EXTM3U\n#EXTINF:1,\n{video.name}\n#EXT-X-ENDLIST\n",
    ):
        (tmp_path / "list.mp4").write_text(text)
        with pytest.raises(UnreadableError):
            load_video(tmp_path / "list.mp4", 16)


def test_a_gif_that_moves_is_no_picture_and_its_ground_is_white(tmp_path):
    frames = [Image.new("RGBA", (16, 16), (0, 0, 0, 0)) for _ in range(4)]
    for t, frame in enumerate(frames):
        frame.paste((0, 0, 0, 255), (4 * t, 0, 4 * t + 4, 16))
    file = tmp_path / "x.gif"
    frames[0].save(file, save_all=True, append_images=frames[1:], disposal=2, transparency=0)
    with pytest.raises(UnreadableError, match="a GIF that moves"):
        load_image(file, 16)
    seen = load_video(file, 16)
    assert len(seen) == 4
    assert seen[0, 8, 12].tolist() == [255, 255, 255]
    assert seen[3, 8, 13].tolist() == [0, 0, 0]


@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_no_moving_picture_is_taken_for_its_first_frame(tmp_path, suffix):
    first, *others = (Image.new("RGB", (9, 9), (level, 0, 0)) for level in (0, 100, 200))
    first.save(tmp_path / f"m.{suffix}", save_all=True, append_images=others)
    with pytest.raises(UnreadableError, match=f"a {suffix.upper()} that moves is a video"):
        load_image(tmp_path / f"m.{suffix}", 8)
    first.save(tmp_path / "pages.tif", save_all=True, append_images=others)  # its first page is the picture
    assert load_image(tmp_path / "pages.tif", 8).max() == 0


def test_pictures_that_claim_too_much_are_refused_before_they_are_decoded(monkeypatch):
    monkeypatch.setattr("zigma.data.media._MOST_PIXELS", 1000)
    monkeypatch.setattr("zigma.data.media.square", lambda *_: pytest.fail("decoded"))
    with pytest.raises(UnreadableError, match="pixels are more than"):
        load_image(encoded(Image.new("L", (100, 100)), "PNG"), 8)


# zips of frames


def zipped(members, **options):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", **options) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def grey(level):
    return encoded(Image.new("L", (8, 8), level), "PNG")


def test_frames_are_in_the_order_of_their_numbers_and_leavings_are_none():
    members = {f"f{t}.png": grey(10 * t) for t in (10, 9, 2, 1)}
    members |= {"__MACOSX/._f1.png": b"x", ".DS_Store": b"x", "notes.txt": b"x", "folder/": b""}
    assert unpack_frames(zipped(members), 8, 0, 4)[:, 0, 0, 0].tolist() == [10, 20, 90, 100]


def test_a_zip_that_unpacks_to_too_much_is_refused(monkeypatch):
    monkeypatch.setattr("zigma.data.media._MOST_FRAME_BYTES", 1000)
    bomb = zipped({"0.png": bytes(10_000_000)}, compression=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 20_000
    with pytest.raises(UnreadableError, match="unpacks to more"):
        unpack_frames(bomb, 8, 0, 1)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_that_python_unpacks_without_a_limit_is_refused_unread(compression):
    whole = zipped({"0.png": grey(5)}, compression=compression)
    with pytest.raises(UnreadableError, match="neither stored nor deflated"):
        unpack_frames(whole, 8, 0, 1)


def broken_zips():
    whole = zipped({"0.png": grey(5)}, compression=zipfile.ZIP_DEFLATED)
    encrypted = bytearray(whole)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[whole.index(signature) + offset] |= 1
    method = bytearray(whole)
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        method[whole.index(signature) + offset] = 77
    garbled = bytearray(whole)
    garbled[40:60] = b"\xff" * 20
    return {"encrypted": encrypted, "method": method, "garbled": garbled, "cut": whole[:-30], "empty": b""}


@pytest.mark.parametrize("damage", broken_zips())
def test_broken_zips_are_unreadable_and_nothing_worse(damage):
    with pytest.raises(UnreadableError):
        unpack_frames(bytes(broken_zips()[damage]), 8, 0, 1)
