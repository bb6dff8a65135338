"""The errors a user is meant to read: one line, no traceback."""


class TrainingFailed(RuntimeError):
    """A training cannot go on, for example because its loss is not finite."""


class Interrupted(RuntimeError):
    """A training was told to stop and saved its state; started again it goes on from there."""


class Refused(RuntimeError):
    """A job will not run, because what it was planned with is no longer there."""


class InputError(ValueError):
    """A file or setting of the user's is wrong.

    The message is one line that names the file, what is wrong with it and what to do.
    """

    def __init__(self, file, what: str, todo: str):
        self.file, self.what, self.todo = str(file), what, todo
        super().__init__(f"{file}: {what}. {todo}")

    def __reduce__(self):
        return type(self), (self.file, self.what, self.todo)
