"""A run's description, for tests of tracking."""

from sparsefaces.tracking.description import Description

TAGS = {"stage": "train_dense", "data.source": "orl", "data.sha256": "d" * 64, "content.key": "k"}
DESCRIPTION = Description(
    params={"lambda": 0.0, "seed": 3}, tags={**TAGS, "mlflow.note.content": "**note**"}, diff=b"+ a line"
)
