"""Stage standardize: subtract the mean face and divide by one scale."""

from sparsefaces.base.params import load_params
from sparsefaces.base.script import run
from sparsefaces.standardize.dataset import load_faces, load_people, save_standardized
from sparsefaces.standardize.split import split_people
from sparsefaces.standardize.standardize import measure_scaling


def main() -> None:
    """Leave X.npy, split.npy and scaling.npz in stages/standardize."""
    params = load_params()
    faces = load_faces()
    train_mask = split_people(load_people(), params.standardize.holdout)
    save_standardized(faces, measure_scaling(faces, train_mask), train_mask)


if __name__ == "__main__":
    run(main, stage="standardize")
