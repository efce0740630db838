"""Put the sound and the pictures of a file on one clock.

In: a path. Out: its `Timeline`, from one pass over its packets, in which nothing is decoded; and, for a file
whose time stamps restart or jump, a copy of its packets with stamps that do neither.

Joined files, broken streams and recorders that start anew have such stamps. Decoders mend them each in its
own way, or not at all, so that words and pictures drift apart. So everything that decodes a file reads it
through `on_one_clock`.
"""

from __future__ import annotations

import contextlib
import math
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ophvl.errors import ItemError
from ophvl.media.container import can_be_heard, has_stream_clock, open_video, video_stream
from ophvl.ports import MediaFile
from schemas.vocab import FailureKind

if TYPE_CHECKING:
    import numpy as np
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from numpy.typing import NDArray

_RESTART_S = 1.0
"""Stamps of one stream that go back this far begin a new recording; less is the order of decoding."""

_PAUSE_S = 10.0
"""After a longer pause of both sound and pictures the clock has jumped, if both go on."""

_PADDING_S = 0.2
"""Encoders pad sound to whole packets: so much of it may overlap the sound that follows."""


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """What can be played of a file, in seconds from its start."""

    pictures_s: float
    """When the last picture ends."""
    sound_s: tuple[float, ...]
    """When the sound ends, for each audio stream; 0 for those that cannot be decoded."""
    others_s: float
    """When the last of the other streams, such as subtitles, ends."""
    clock_jumps: int
    """How often the time stamps restart or jump."""


def read_timeline(path: Path) -> Timeline:
    """Read the time stamps of all packets; what cannot be read after a damage does not count.

    Raises:
        ItemError: as `ophvl.media.container.open_video`.
    """
    with open_video(path) as container:
        clock = _Clock.read(container)
        sound = container.streams.audio
        return Timeline(
            pictures_s=clock.ends_s.get(video_stream(container).index, 0.0),
            sound_s=tuple(clock.ends_s.get(s.index, 0.0) * can_be_heard(s) for s in sound),
            others_s=clock.others_s,
            clock_jumps=max(0, len(clock.shifts_s) - 1),
        )


@contextlib.contextmanager
def on_one_clock(file: MediaFile) -> Iterator[MediaFile]:
    """Return the file to read in the block, with sound and pictures on one clock.

    It is the file itself, or where its clock jumps a temporary copy of its packets, with one audio stream.

    Raises:
        ItemError: DISK_FULL if there is no room for the copy; DECODE_ERROR if its packets cannot be copied.
    """
    import av

    if not file.clock_jumps:
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="ophvl-") as folder:
        copy = Path(folder) / "one-clock.nut"  # Nut holds every codec, and times of any unit.
        try:
            _copy(file, copy)
        except OSError as err:  # Also of libav, where the system refuses to write.
            message = (
                f"{file.path}: its time stamps jump, and a copy with mended ones cannot be written to "
                f"{folder}: {err.strerror or err}; make room, or name another folder in TMPDIR"
            )
            raise ItemError(FailureKind.DISK_FULL, message) from err
        except (av.error.FFmpegError, ValueError) as err:
            message = f"{file.path}: its time stamps jump, and its packets cannot be copied: {err}"
            raise ItemError(FailureKind.DECODE_ERROR, message) from err
        yield MediaFile(copy)


@dataclass(frozen=True, kw_only=True)
class _Clock:
    """How the time stamps of the packets of a file are brought on one clock.

    A file holds one recording, or several with a clock each. Recordings follow one another.
    """

    recording: NDArray[np.int64]
    """The recording of each packet, in the order of the file."""
    shifts_s: NDArray[np.float64]
    """What is to be added to the times of each recording."""
    ends_s: Mapping[int, float]
    """When each stream of pictures or sound ends, by its index."""
    others_s: float
    """When the last of the other streams ends."""

    @classmethod
    def read(cls, container: InputContainer) -> _Clock:
        """Read the stamps of a container from its start."""
        import numpy as np

        picture, sound = video_stream(container), container.streams.audio
        streams, recordings, starts, ends = array("q"), array("q"), array("d"), array("d")
        latest: dict[int, tuple[int, float]] = {}
        newest = 0
        others_s = 0.0
        clocked = {picture.index, *(s.index for s in sound)}
        for packet in _packets(container, container.streams):
            stream = packet.stream_index
            decoded_s, shown_s, length_s = _times(packet)
            if stream not in clocked:
                others_s = max(others_s, shown_s + length_s)
                continue
            recording, before_s = latest.get(stream, (newest, -math.inf))
            if decoded_s is None:  # Its order is not known.
                decoded_s = before_s
            elif decoded_s < before_s - _RESTART_S:
                recording += 1
                newest = max(newest, recording)
            latest[stream] = recording, decoded_s
            streams.append(stream)
            recordings.append(recording)
            starts.append(shown_s)
            ends.append(shown_s + length_s)
        table = _Packets(*map(np.array, (streams, recordings, starts, ends)))
        # Without sound a pause may be a picture that stays for minutes.
        if sound or has_stream_clock(container):
            table = table.cut_at_pauses(picture.index)
        spans = table.spans()
        shifts = _shifts(spans, picture.index)
        ends_s: dict[int, float] = {}
        for shift, of_recording in zip(shifts, spans, strict=True):
            for stream, (_, end) in of_recording.items():
                ends_s[stream] = max(ends_s.get(stream, 0.0), end + shift)
        return cls(
            recording=table.recording,
            shifts_s=np.array(shifts),
            ends_s=ends_s,
            others_s=others_s,
        )


_Spans = Sequence[Mapping[int, tuple[float, float]]]
"""For each recording, when each of its streams starts and ends by its own clock."""


class _Packets(NamedTuple):
    """Columns of the packets, in the order of the file; times in seconds by the clock of the recording."""

    stream: NDArray[np.int64]
    recording: NDArray[np.int64]
    start: NDArray[np.float64]
    end: NDArray[np.float64]

    def cut_at_pauses(self, picture: int) -> _Packets:
        """Begin a new recording where no packet begins for long, and then both pictures and sound go on."""
        import numpy as np

        order = np.lexsort((self.start, self.recording))
        recording, start = self.recording[order], self.start[order]
        is_picture = self.stream[order] == picture
        begins = np.diff(recording, prepend=-1) > 0
        pauses = np.diff(start, prepend=np.inf) > _PAUSE_S
        for kind in (is_picture, ~is_picture):
            latest = np.full(recording.max(initial=0) + 1, np.inf if not kind.any() else -np.inf)
            np.maximum.at(latest, recording[kind], start[kind])
            pauses &= start <= latest[recording]
        if not pauses.any():
            return self
        numbers = np.empty_like(recording)
        numbers[order] = np.cumsum(begins | pauses) - 1
        # Some formats stretch the last packet over the pause.
        lengths = self.end - self.start
        end = np.where(lengths > _PAUSE_S, self.start, self.end)
        return self._replace(recording=numbers, end=end)

    def spans(self) -> _Spans:
        """Return when each stream starts and ends in each recording."""
        import numpy as np

        count = int(self.recording.max(initial=-1)) + 1
        spans: list[dict[int, tuple[float, float]]] = [{} for _ in range(count)]
        for stream in np.unique(self.stream):
            own = self.stream == stream
            first, last = np.full(count, np.inf), np.full(count, -np.inf)
            np.minimum.at(first, self.recording[own], self.start[own])
            np.maximum.at(last, self.recording[own], self.end[own])
            for number in np.flatnonzero(np.isfinite(first)):
                spans[number][int(stream)] = float(first[number]), float(last[number])
        return spans


def _shifts(spans: _Spans, picture: int) -> list[float]:
    """Return what brings the recordings one after another, the first to time 0.

    The streams of a recording stay in step. None begins before it ended in the recording before; only sound
    may overlap, by its padding.
    """
    shifts: list[float] = []
    ends: dict[int, float] = {}
    for of_recording in spans:
        starts = {stream: start for stream, (start, _) in of_recording.items()}
        slack = {stream: 0.0 if stream == picture else _PADDING_S for stream in starts}
        gaps = [ends[s] - slack[s] - starts[s] for s in starts.keys() & ends.keys()]
        after_all = max(ends.values(), default=0.0) - min(starts.values())
        shifts.append(max(gaps, default=after_all))
        ends |= {stream: end + shifts[-1] for stream, (_, end) in of_recording.items()}
    return shifts


def _packets(container: InputContainer, streams: Iterable[Stream]) -> Iterator[Packet[Stream]]:
    """Yield the packets that have a time stamp, up to the first damage that cannot be passed."""
    import av

    with contextlib.suppress(av.error.FFmpegError):
        for packet in container.demux(*streams):
            if packet.size and (packet.dts is not None or packet.pts is not None):
                yield packet


def _times(packet: Packet[Stream]) -> tuple[float | None, float, float]:
    """Return when a packet is decoded, if known, when it is shown, and for how long, in seconds."""
    shown = packet.pts if packet.pts is not None else packet.dts
    assert shown is not None
    unit = float(packet.time_base)
    decoded_s = None if packet.dts is None else packet.dts * unit
    return decoded_s, shown * unit, (packet.duration or 0) * unit


def _copy(file: MediaFile, to: Path) -> None:
    """Copy pictures and sound of a file to another, with time stamps on one clock."""
    import av

    with open_video(file.path) as container:
        clock = _Clock.read(container)
    with open_video(file.path) as container, av.open(str(to), "w", format="nut") as output:
        picture, sound = video_stream(container), container.streams.audio
        chosen = [picture, *(s for s in sound[file.audio_stream :][:1] if can_be_heard(s))]
        copies = {s.index: output.add_stream_from_template(s) for s in chosen}
        output.start_encoding()  # It settles the units of time.
        # A muxer refuses stamps that do not increase by one of its units at least.
        steps = {
            s.index: math.ceil((copies[s.index].time_base or 1) / (s.time_base or 1))
            for s in chosen
        }
        written: dict[int, int] = {}
        # All streams are read, as the stamps count the packets of all.
        for number, packet in enumerate(_packets(container, [picture, *sound])):
            if packet.stream_index not in copies:
                continue
            shift = round(clock.shifts_s[clock.recording[number]] / packet.time_base)
            index = packet.stream_index
            decoded = packet.dts if packet.dts is not None else packet.pts
            assert decoded is not None
            decoded += shift
            if index in written:
                decoded = max(decoded, written[index] + steps[index])
            shown = decoded if packet.pts is None else max(packet.pts + shift, decoded)
            written[index] = decoded
            packet.dts, packet.pts = decoded, shown
            packet.stream = copies[index]
            output.mux(packet)
