"""Check that ffmpeg and PyAV run, and decode the usual formats of sites and hospitals."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator, Mapping

from ophvl.doctor.finding import Finding, FindingState
from ophvl.errors import UsageError
from ophvl.media.audio import ffmpeg_binary

DECODERS: Mapping[str, tuple[str, ...]] = {
    "h264": ("h264",),
    "hevc": ("hevc",),
    "vp9": ("vp9", "libvpx-vp9"),
    "av1": ("libdav1d", "libaom-av1", "libgav1"),
    "aac": ("aac", "libfdk_aac"),
    "opus": ("opus", "libopus"),
}
"""Formats and their decoders, any of which is enough. Decoder av1 is left out: it needs a graphics card."""

_ENCODERS = ("libx264", "aac")
"""Encoders of proxies (`--keep-media proxy`)."""

_TIMEOUT_S = 30.0
_MEND = "pip install -U imageio-ffmpeg, and take an older ffmpeg off the PATH"


def check_ffmpeg() -> Iterator[Finding]:
    """Check the ffmpeg that would be used: it must run and decode, and should encode proxies."""
    try:
        binary = ffmpeg_binary()
    except UsageError as err:
        mend = "pip install imageio-ffmpeg"
        yield Finding(name="ffmpeg", state=FindingState.PROBLEM, found=str(err), mend=mend)
        return
    try:
        # A hundredth of a second of sound, through the filters and out again: 160 samples of 4 bytes.
        arguments = [
            "-f",
            "lavfi",
            "-i",
            "anullsrc=r=16000:cl=mono",
            "-t",
            "0.01",
            "-f",
            "f32le",
            "-",
        ]
        samples = len(_output(binary, *arguments)) // 4
        decoders = codec_names(_output(binary, "-decoders").decode(errors="replace"))
        encoders = codec_names(_output(binary, "-encoders").decode(errors="replace"))
        version = _output(binary, "-version").decode(errors="replace").partition(" Copyright")[0]
    except (OSError, subprocess.SubprocessError) as err:
        found = f"{binary} does not run: {err}"
        yield Finding(name="ffmpeg", state=FindingState.PROBLEM, found=found, mend=_MEND)
        return
    if samples != 160:
        found = f"{binary} runs, but makes {samples} samples where there must be 160"
        yield Finding(name="ffmpeg", state=FindingState.PROBLEM, found=found, mend=_MEND)
        return
    yield judge("ffmpeg", f"{version}, {binary}", decoders)
    if missing := [name for name in _ENCODERS if name not in encoders]:
        found = f"cannot write {' and '.join(missing)}, so --keep-media proxy fails"
        yield Finding(name="ffmpeg encoders", state=FindingState.NOTE, found=found, mend=_MEND)


def check_pyav() -> Iterator[Finding]:
    """Check PyAV: write a small video to memory and read it back."""
    import av

    pictures = count_frames(write_test_video())
    if pictures != 10:
        found = f"PyAV {av.__version__} reads {pictures} of 10 pictures"
        mend = "pip install --force-reinstall av"
        yield Finding(name="PyAV", state=FindingState.PROBLEM, found=found, mend=mend)
        return
    decoders = {name for name in av.codecs_available if _can_decode(name)}
    yield judge("PyAV", f"PyAV {av.__version__}", decoders)


def judge(name: str, program: str, decoders: set[str]) -> Finding:
    """Return a finding on the decoders that a program has."""
    missing = [form for form, any_of in DECODERS.items() if not decoders & set(any_of)]
    if not missing:
        return Finding(
            name=name, state=FindingState.OK, found=f"{program}; reads {', '.join(DECODERS)}"
        )
    found = f"{program} cannot read {', '.join(missing)}"
    mend = _MEND if name == "ffmpeg" else "pip install --force-reinstall av"
    return Finding(name=name, state=FindingState.PROBLEM, found=found, mend=mend)


def codec_names(text: str) -> set[str]:
    """Return the names in ffmpeg's list of decoders or encoders."""
    _, _, rows = text.partition(" ------")
    return {cells[1] for row in rows.splitlines() if len(cells := row.split()) > 1}


def write_test_video() -> io.BytesIO:
    """Return a video of ten grey pictures in memory."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(10):
            frame = av.VideoFrame(64, 48, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([16 * number]) * plane.buffer_size)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    file.seek(0)
    return file


def count_frames(file: io.BytesIO) -> int:
    """Return how many pictures PyAV decodes."""
    import av

    with av.open(file, "r") as container:
        return sum(1 for _ in container.decode(video=0))


def _can_decode(name: str) -> bool:
    import av

    try:
        return bool(av.codec.Codec(name, "r").name)
    except (ValueError, av.FFmpegError):
        return False


def _output(binary: str, *arguments: str) -> bytes:
    command = [binary, "-hide_banner", "-nostdin", *arguments]
    ran = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False)
    if ran.returncode:
        last = ran.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise OSError(f"it ended with code {ran.returncode}: {last}")
    return ran.stdout
