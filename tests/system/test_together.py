"""A training that two processes share, started by torchrun."""

import sys

import numpy as np
from safetensors.numpy import load_file


def test_train__by_torchrun_in_two_processes_gives_the_model_of_one(copied):
    path = copied.path("train_sparse/model.safetensors")
    model = load_file(path)
    path.unlink()
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    said = copied.start(*torchrun, "src/train.py", "train_sparse").end()
    assert said.count("nbit") == 1, said  # the first process alone shows and tracks
    for name, tensor in load_file(path).items():
        bound = 1e-4 * np.abs(model[name]).max()
        np.testing.assert_allclose(tensor, model[name], rtol=0, atol=bound, err_msg=name)
    (run,) = copied.runs("tags.stage = 'train_sparse'")
    assert run.info.status == "FINISHED"
