"""[secret_sync]: which secrets have a copy in an environment of GitHub."""

from collections import Counter
from typing import Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from tasks.settings import Section

RESERVED = "GITHUB_"


class Copy(Section):
    """[[secret_sync.copies]]: one secret of a GitHub environment, and what it is a copy of.

    Beside the secret, the variable NAME_VERSION tells which version of the original it is.
    """

    secret: str = Field(pattern=r"^[\w/+=.@-]+$", description="The original: a secret in Secrets Manager.")
    key: str = Field(pattern=r"^\w+$", description="Which of its JSON keys is copied.")
    repository: str = Field(pattern=r"^[A-Za-z0-9-]+/[\w.-]+$", description="owner/repository.")
    environment: str = Field(pattern=r"^\S(.{0,253}\S)?$", description="The GitHub environment; it must be there.")
    name: str = Field(pattern=r"^[A-Z_][A-Z0-9_]{0,99}$", description="The GitHub secret; never GITHUB_….")

    @field_validator("name")
    @classmethod
    def _is_free(cls, value: str) -> str:
        if value.startswith(RESERVED):
            raise PydanticCustomError("settings.reserved_name", "GITHUB_ is GitHub's own")
        return value

    @property
    def version_name(self) -> str:
        """Return the name of the variable that tells the version."""
        return f"{self.name}_VERSION"

    @property
    def place(self) -> str:
        """Return where it is, as people write it: owner/repository:ENVIRONMENT/NAME."""
        return f"{self.repository}:{self.environment}/{self.name}"


class SecretSync(Section):
    """[secret_sync]: copies of secrets in GitHub's environments."""

    copies: tuple[Copy, ...] = ()

    @model_validator(mode="after")
    def _each_place_once(self) -> Self:
        places = Counter(copy.place.lower() for copy in self.copies)
        for place in (copy.place for copy in self.copies if places[copy.place.lower()] > 1):
            raise PydanticCustomError("settings.copy_twice", "{name}", {"name": place})
        return self

    def of(self, secret: str) -> tuple[Copy, ...]:
        """Return the copies of one secret, in the order of the settings."""
        return tuple(copy for copy in self.copies if copy.secret == secret)
