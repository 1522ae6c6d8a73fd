"""Pictures and videos from files, as square uint8 arrays.

Files come from anywhere. Only formats named here are decoded, because Pillow hands some others to programs (PostScript
to Ghostscript) and ffmpeg reads playlists that name other files; and no file takes more memory than its pictures need.
"""

from __future__ import annotations

import errno
import io
import re
import threading
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from zigma.common.words import counted, one_line
from zigma.data.system_files import is_system_file

# Pillow's names of those that it was built with, and under which suffixes such files are looked for
Image.init()
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # sizes are checked here
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
IMAGE_FORMATS = tuple(name for name in _FORMATS if name in Image.OPEN)
IMAGE_SUFFIXES = frozenset(
    [
        ".avif",
        ".bmp",
        ".gif",
        ".j2k",
        ".jfif",
        ".jp2",
        ".jpe",
        ".jpeg",
        ".jpg",
        ".pbm",
        ".pgm",
        ".png",
        ".pnm",
        ".ppm",
        ".tif",
        ".tiff",
        ".webp",
    ]
)
VIDEO_SUFFIXES = frozenset({".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm"})
_VIDEO_FORMATS = "avi,matroska,webm,mov,mp4,m4a,mpeg,mpegvideo,mpegts,h264,hevc"  # ffmpeg's names
_MOVING = ("AVIF", "GIF", "PNG", "WEBP")  # of several pictures in a TIFF or a JPEG the first is the picture
_MOST_PIXELS = 2**27  # of a picture; a camera's have up to 2^27
_LARGE_PIXELS = 2**24  # more than these are decoded one at a time, not one in every thread
_MOST_FRAME_BYTES = 2**26  # of a picture inside a zip
_large = threading.Lock()


class UnreadableError(ValueError):
    """A file that cannot be used, with the reason in one line; it is skipped and listed."""


def square(image: Image.Image, size: int) -> np.ndarray:
    """The middle square of an image at `size` x `size` pixels (bicubic, antialiased): uint8 (size, size, 3).

    Transparent pixels have no colour of their own: white shows through. Raises UnreadableError for pixels of 32 bits,
    whose white is not known.
    """
    image = _eight_bits(image)
    see_through = "transparency" in image.info or image.mode in ("RGBA", "RGBa", "LA", "La", "PA")
    image = image.convert("RGBA" if see_through else "RGB")
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    if (width, height) != (size, size):
        box = (left, top, left + side, top + side)
        # weighs colours by their opacity
        image = image.resize((size, size), Image.Resampling.BICUBIC, box=box)
    if see_through:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return np.asarray(image)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Pillow would clip 16 bits to 8, which turns nearly everything white."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        return Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise UnreadableError(f"pixels of 32 bits (mode {image.mode}): save it with 8 or 16")
    return image


def load_image(file: Path | bytes, size: int) -> np.ndarray:
    """The picture in a file or in its bytes, upright by its EXIF orientation: uint8 (size, size, 3).

    Raises UnreadableError for anything that is not one whole picture, OSError where the system does not give it.
    """
    try:
        with Image.open(
            io.BytesIO(file) if isinstance(file, bytes) else file, formats=IMAGE_FORMATS
        ) as image:
            pixels = image.width * image.height
            if pixels > _MOST_PIXELS:
                raise UnreadableError(f"{image.width} x {image.height} pixels are more than {_MOST_PIXELS}")
            if image.format in _MOVING and getattr(image, "is_animated", False):
                raise UnreadableError(f"a {image.format} that moves is a video, not a picture")
            with _large if pixels > _LARGE_PIXELS else nullcontext():
                upright = ImageOps.exif_transpose(image)
                upright.format = image.format  # which says what its numbers mean
                return square(upright, size)
    except UnidentifiedImageError as error:
        raise UnreadableError("no picture in a format that is read here") from error
    except (MemoryError, UnreadableError):
        raise
    except Exception as error:  # the decoders of damaged files raise nearly every type there is
        if _of_the_system(error):
            raise
        raise UnreadableError(_cannot_be_read(error)) from error


def load_video(file: Path, size: int, most_frames: int | None = None) -> np.ndarray:
    """The frames of a video file: uint8 (T, size, size, 3), at most the first `most_frames`.

    Raises UnreadableError for anything that is not a video, ValueError when the decoder is not installed, OSError
    where the system does not give it.
    """
    frames: list[np.ndarray] = []
    with file.open("rb") as stream:
        stream.read(1)
    try:
        for image in _gif_frames(file) if file.suffix.lower() == ".gif" else _ffmpeg_frames(file):
            frames.append(square(image, size))
            if len(frames) == most_frames:
                break
    except ImportError as error:
        raise ValueError("videos are read by imageio: pip install 'imageio[ffmpeg]'") from error
    except (MemoryError, UnreadableError):
        raise
    except Exception as error:  # see load_image
        if _of_the_system(error):
            raise
        raise UnreadableError(_cannot_be_read(error).replace(str(file), file.name)) from error
    if not frames:
        raise UnreadableError("the video holds no frame")
    return np.stack(frames)


def _gif_frames(file: Path) -> Iterator[Image.Image]:
    with Image.open(file, formats=("GIF",)) as image:
        for frame in ImageSequence.Iterator(image):
            if image.width * image.height > _LARGE_PIXELS:
                raise UnreadableError(f"frames of {image.width} x {image.height} pixels are too large")
            yield frame.convert("RGBA")


def _ffmpeg_frames(file: Path) -> Iterator[Image.Image]:
    import imageio.v3 as imageio

    only = ["-format_whitelist", _VIDEO_FORMATS, "-protocol_whitelist", "file"]
    for frame in imageio.imiter(file, plugin="FFMPEG", input_params=only):
        yield Image.fromarray(frame)


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


def unpack_frames(data: bytes, size: int, where: float, count: int | None) -> np.ndarray:
    """`count` frames in a row out of a zip of pictures, as uint8 (count, size, size, 3); all where it is None.

    They begin the share `where`, 0 to 1, into the possible beginnings. Raises UnreadableError when damaged or short.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            frames = sorted(
                filter(_is_frame, archive.infolist()), key=lambda frame: _by_number(frame.filename)
            )
            count = len(frames) if count is None else count
            first = window(len(frames), max(count, 1), where)
            return np.stack(
                [load_image(_member(archive, frame), size) for frame in frames[first : first + count]]
            )
    except (MemoryError, UnreadableError):
        raise
    except Exception as error:  # encrypted, an unknown compression, damaged: see load_image
        raise UnreadableError(_cannot_be_read(error)) from error


def _is_frame(member: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(member.filename)
    return path.suffix.lower() in IMAGE_SUFFIXES and not member.is_dir() and not is_system_file(path.parts)


def _by_number(name: str) -> list[tuple[int, str]]:
    """Sorts frame 2 before frame 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]{1,18})", name)]


def _member(archive: zipfile.ZipFile, frame: zipfile.ZipInfo) -> bytes:
    """Read no further than a picture goes, whatever size the archive tells.

    Python's zipfile unpacks bzip2 and LZMA without a limit: 900 bytes fill 2 GB.
    """
    if frame.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnreadableError(
            f"{frame.filename[:80]!r} is neither stored nor deflated, as frames in a zip should be"
        )
    with archive.open(frame) as stream:
        data = stream.read(_MOST_FRAME_BYTES + 1)
    if len(data) > _MOST_FRAME_BYTES:
        raise UnreadableError(f"{frame.filename[:80]!r} unpacks to more than {_MOST_FRAME_BYTES} bytes")
    return data


def window(length: int, count: int, where: float) -> int:
    """The first of `count` frames in a row out of `length`; `where` in [0, 1) picks evenly among all.

    Raises UnreadableError when there are too few.
    """
    if length < count:
        raise UnreadableError(f"the video has {counted(length, 'frame')}, fewer than {count}")
    return int(where * (length - count + 1))


def _of_the_system(error: Exception) -> bool:
    """Whether it may pass. Decoders' errors have no number, but for a seek to where no file reaches."""
    return isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)


def _cannot_be_read(error: Exception) -> str:
    message = str(error).split("=== stderr")[0]  # ffmpeg's says how it was built
    return f"cannot be read: {one_line(message, 200) or type(error).__name__}"
