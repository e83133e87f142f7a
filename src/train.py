"""Stages train_dense and train_sparse: train one autoencoder. Usage: python src/train.py train_dense."""

import sys
from contextlib import closing

from sparsefaces.base.params import load_params
from sparsefaces.base.script import run
from sparsefaces.standardize.dataset import load_dataset
from sparsefaces.tracking.pictures import LivePictures
from sparsefaces.tracking.runs import track
from sparsefaces.tracking.stages import describe_training, log_training
from sparsefaces.training.checkpoints import Checkpoints
from sparsefaces.training.loop import train_model
from sparsefaces.training.outbox import Outbox
from sparsefaces.training.outputs import save_training
from sparsefaces.training.parallel import join
from sparsefaces.training.table import TrainingTable


def main() -> None:
    """Leave model.safetensors, history.csv and metrics.json in the stage's folder."""
    stage = " ".join(sys.argv[1:])
    params = load_params()
    model = params.of_model(stage)
    data = load_dataset()
    with join(params.machine) as ranks:
        if ranks.rank:  # the first process tracks and writes
            train_model(data.training, params.train, model, params.machine, ranks=ranks)
            return
        outbox, description = Outbox(), describe_training(stage, params, data, ranks.count)
        name = f"{stage}-{description.fingerprint}-{params.machine.device}"
        checkpoints = Checkpoints(name, params.machine.checkpoint_every, params.train.iterations, outbox)
        start = checkpoints.load()
        with track(description, params.tracking.on_failure, outbox) as tracked:
            with closing(TrainingTable("Training", params.train.iterations)) as table:
                pictures = LivePictures(tracked, data, params.tracking, params.train.iterations)
                callbacks = [table.on_step, tracked.on_step, pictures.on_step, checkpoints.on_step]
                training = train_model(
                    data.training,
                    params.train,
                    model,
                    params.machine,
                    held_out=data.held_out,
                    callbacks=callbacks,
                    start=start,
                    ranks=ranks,
                )
            save_training(stage, training)
            log_training(tracked, stage, training, data)
        checkpoints.delete()


if __name__ == "__main__":
    run(main, stage=" ".join(sys.argv[1:]))
