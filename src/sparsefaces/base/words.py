"""What the images show, and whose they are, in words: to be changed for images of something else.

All that people read of results has its words from here: report, figures, terminal, review and MLflow's pages.
Messages about what is wrong say image, which is always right.
"""

FACE, FACES = "face", "faces"
PEOPLE = "people"
