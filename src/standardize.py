"""Stage standardize: subtract the mean face and divide by one scale."""

from sparsefaces.datasets import load_faces, save_standardized
from sparsefaces.stage import run
from sparsefaces.standardize import standardize


def main() -> None:
    """Leave X.npy and scaling.npz in stages/standardize."""
    faces = load_faces()
    save_standardized(standardize(faces), faces.shape[1:])


if __name__ == "__main__":
    run(main)
