"""What MLflow is still to be sent of a run: plain data, which the checkpoint keeps, so that no kill loses it."""

from dataclasses import dataclass, field


@dataclass
class Outbox:
    """Numbers, tags and files on their way to a run.

    Attributes:
        values: By name and step, the number and the milliseconds since 1970 at which it was measured.
        tags: Texts by name.
        files: Contents by the file's name in the run; images/NAME/STEP.png is a picture of a step.
    """

    values: dict[tuple[str, int], tuple[float, int]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
