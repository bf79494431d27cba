"""Pictures are never kept as they came: each is decoded, turned upright and encoded anew, so that only pixels remain.

Place, camera, owner, thumbnails, comments and whatever was hidden behind the picture are gone; a moving picture keeps
its first frame.
"""

import io
import warnings
from typing import Final

from django.utils.translation import gettext
from PIL import Image, ImageCms, ImageOps

from amanat.core.filetypes import FileRefused, FileType

#: Checked on the declared size, before anything is decoded: 50 million pixels are 200 MB in memory.
MOST_PIXELS: Final = 50_000_000
_MOST_SIDE: Final = 20_000
_FORMATS: Final = {FileType.JPEG: "JPEG", FileType.PNG: "PNG", FileType.WEBP: "WEBP", FileType.GIF: "GIF"}
#: What a type is encoded as: a GIF without movement is a PNG.
_KEPT_AS: Final = {FileType.GIF: FileType.PNG}


def renewed(content: bytes, found: FileType) -> tuple[bytes, FileType]:
    """The picture encoded anew, and as what. Raises FileRefused when it is too large or no whole picture."""
    picture = _decoded(content, found)
    kept_as = _KEPT_AS.get(found, found)
    return encoded(picture, kept_as), kept_as


def encoded(picture: Image.Image, kept_as: FileType) -> bytes:
    """Pixels only: no EXIF, no profile, no text."""
    has_alpha = picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info
    if kept_as is FileType.JPEG:
        picture = picture.convert("L" if picture.mode in {"L", "1"} else "RGB")
    else:
        picture = picture.convert("RGBA" if has_alpha else "L" if picture.mode in {"L", "1"} else "RGB")
    bare = Image.new(picture.mode, picture.size)
    bare.paste(picture)
    target = io.BytesIO()
    if kept_as is FileType.PNG:
        bare.save(target, "PNG")
    else:
        bare.save(target, _FORMATS[kept_as], quality=88)
    return target.getvalue()


def _decoded(content: bytes, found: FileType) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(content), formats=[_FORMATS[found]])
            if picture.width * picture.height > MOST_PIXELS or max(picture.size) > _MOST_SIDE:
                raise FileRefused(_too_large())
            picture.load()
        return ImageOps.exif_transpose(_in_common_colors(picture))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise FileRefused(_too_large()) from None
    except FileRefused:
        raise
    except (OSError, ValueError, SyntaxError, KeyError, IndexError, TypeError, OverflowError, EOFError, MemoryError):
        raise FileRefused(gettext("This picture is damaged and cannot be opened.")) from None


def _in_common_colors(picture: Image.Image) -> Image.Image:
    """Colors of a wide-gamut phone brought to sRGB, since the profile that explains them is not kept."""
    if picture.mode.startswith("I"):  # 16 bits: a plain conversion would cut at 255 and leave white
        return picture.point(lambda value: value / 256).convert("L")
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in {"RGB", "RGBA"}:
        return picture
    exif = picture.getexif()
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        common = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"))
    except (ImageCms.PyCMSError, OSError):
        return picture
    if common is None:
        return picture
    common.info["exif"] = exif.tobytes()  # the orientation is still needed
    return common


def _too_large() -> str:
    return gettext("This picture has too many pixels. Make it smaller and try again.")
