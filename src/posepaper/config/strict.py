"""The base of every settings class."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Refuses unknown keys; instances are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)
