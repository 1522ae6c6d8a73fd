"""Pictures and videos from files, as square uint8 arrays."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
VIDEO_SUFFIXES = frozenset({".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm"})


class UnreadableError(ValueError):
    """A file that cannot be used, with the reason in one line; it is skipped and listed."""


def square(image: Image.Image, size: int) -> np.ndarray:
    """The middle square of an image at `size` x `size` pixels (bicubic, antialiased): uint8 (size, size, 3).

    Raises UnreadableError for pixels of 32 bits, whose white is not known.
    """
    if image.mode.startswith("I;16"):  # Pillow would clip 16 bits to 8, which turns nearly everything white
        image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    elif image.mode in ("I", "F"):
        raise UnreadableError(f"pixels of 32 bits (mode {image.mode}): save it with 8 or 16")
    image = image.convert("RGB")
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    if (width, height) != (size, size):
        box = (left, top, left + side, top + side)
        image = image.resize((size, size), Image.Resampling.BICUBIC, box=box)
    return np.asarray(image)


def load_image(file: Path | bytes, size: int) -> np.ndarray:
    """The picture in a file or in its bytes, upright by its EXIF orientation: uint8 (size, size, 3).

    Raises UnreadableError for anything that is not a whole picture.
    """
    try:
        with Image.open(io.BytesIO(file) if isinstance(file, bytes) else file) as image:
            return square(ImageOps.exif_transpose(image), size)
    except UnidentifiedImageError as error:
        raise UnreadableError("no picture in a known format") from error
    except (MemoryError, UnreadableError):
        raise
    except Exception as error:  # the decoders of damaged files raise nearly every type there is
        raise UnreadableError(_one_line(error)) from error


def load_video(file: Path, size: int, most_frames: int | None = None) -> np.ndarray:
    """The frames of a video file: uint8 (T, size, size, 3), at most the first `most_frames`.

    Raises UnreadableError for anything that is not a video, ValueError when the decoder is not installed.
    """
    frames: list[np.ndarray] = []
    try:
        import imageio.v3 as imageio

        plugin = (
            {"plugin": "pillow", "mode": "RGB"} if file.suffix.lower() == ".gif" else {"plugin": "FFMPEG"}
        )
        for frame in imageio.imiter(file, **plugin):
            frames.append(square(Image.fromarray(frame), size))
            if len(frames) == most_frames:
                break
    except ImportError as error:
        raise ValueError("videos are read by imageio: pip install 'imageio[ffmpeg]'") from error
    except MemoryError:
        raise
    except Exception as error:  # see load_image
        raise UnreadableError(_one_line(error).replace(str(file), file.name)) from error
    if not frames:
        raise UnreadableError("the video holds no frame")
    return np.stack(frames)


def encode_image(image: np.ndarray, suffix: str) -> bytes:
    """A picture (H, W, 3) as the bytes of a `png` (lossless) or a `jpg` (quality 95)."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, {"png": "PNG", "jpg": "JPEG"}[suffix], quality=95)
    return stream.getvalue()


def pack_frames(frames: np.ndarray, suffix: str) -> bytes:
    """Frames (T, H, W, 3) as the bytes of an uncompressed zip of pictures, so that any few can be read."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for t, frame in enumerate(frames):
            archive.writestr(zipfile.ZipInfo(f"{t:05d}.{suffix}"), encode_image(frame, suffix))
    return stream.getvalue()


def unpack_frames(data: bytes, size: int, where: float, count: int) -> np.ndarray:
    """`count` frames in a row out of `pack_frames`, as uint8 (count, size, size, 3).

    They begin the share `where`, 0 to 1, into the possible beginnings. Raises UnreadableError when damaged or short.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = sorted(archive.namelist())
            first = window(len(names), count, where)
            pictures = [archive.read(name) for name in names[first : first + count]]
    except zipfile.BadZipFile as error:
        raise UnreadableError(_one_line(error)) from error
    return np.stack([load_image(picture, size) for picture in pictures])


def window(length: int, count: int, where: float) -> int:
    """The first of `count` frames in a row out of `length`; `where` in [0, 1) picks evenly among all.

    Raises UnreadableError when there are too few.
    """
    if length < count:
        raise UnreadableError(f"the video has {length} frames, fewer than {count}")
    return int(where * (length - count + 1))


def _one_line(error: Exception) -> str:
    said = str(error).split("=== stderr")[0]  # ffmpeg's says how it was built
    return f"{type(error).__name__}: {' '.join(said.split())[:200]}"
