"""SummaryWriter: curves for TensorBoard, written by the package ``tensorboard`` (an extra)."""

from __future__ import annotations

import time


class SummaryWriter:
    """Appends scalars and texts to an event file in ``log_dir`` (default ``runs/<time>``).

    ImportError when the package ``tensorboard`` is not installed.
    """

    def __init__(
        self,
        log_dir=None,
        comment="",
        purge_step=None,
        max_queue=10,
        flush_secs=120,
        filename_suffix="",
    ):
        try:
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError as error:
            raise ImportError(
                "utils.tensorboard: SummaryWriter needs the package tensorboard: "
                "pip install tensorboard"
            ) from error
        self.log_dir = log_dir or time.strftime("runs/%b%d_%H-%M-%S") + comment
        self._file = EventFileWriter(str(self.log_dir), max_queue, flush_secs, filename_suffix)

    def _add(self, value, step, walltime):
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        event = Event(
            wall_time=time.time() if walltime is None else walltime, summary=Summary(value=[value])
        )
        if step is not None:
            event.step = int(step)
        self._file.add_event(event)

    def add_scalar(
        self,
        tag,
        scalar_value,
        global_step=None,
        walltime=None,
        new_style=False,
        double_precision=False,
    ):
        """One point of the curve ``tag``; ``scalar_value`` is a number or a one-element tensor."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        self._add(Summary.Value(tag=tag, simple_value=float(scalar_value)), global_step, walltime)

    def add_scalars(self, main_tag, tag_scalar_dict, global_step=None, walltime=None):
        """Several curves under one main tag."""
        for tag, value in tag_scalar_dict.items():
            self.add_scalar(f"{main_tag}/{tag}", value, global_step, walltime)

    def __getattr__(self, name):
        if name.startswith("add_"):
            raise NotImplementedError(
                f"SummaryWriter.{name} is not built in; add_scalar and add_scalars are"
            )
        raise AttributeError(name)

    def flush(self):
        self._file.flush()

    def close(self):
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
