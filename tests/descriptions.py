"""A run's description, for tests of tracking."""

from sparsefaces.tracking.description import Description

DESCRIPTION = Description(
    stage="train_dense",
    params={"lambda": 0.0, "seed": 3},
    tags={"stage": "train_dense", "data.sha256": "d" * 64, "content.key": "k", "mlflow.note.content": "**note**"},
    inputs={"orl": "d" * 64},
    diff=b"+ a line",
)
