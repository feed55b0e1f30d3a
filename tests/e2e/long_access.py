"""The API is asked for a minute what its own document describes, rightly and wrongly."""

from test_access import OpenApiOfALiveDirector


class OpenApiForAMinute(OpenApiOfALiveDirector):
    seconds = 60

