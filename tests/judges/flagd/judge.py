"""What flagd's evaluator in Python answers. Reads cases from standard input; see `judge`."""

import json
import logging
import sys

from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import OpenFeatureError

# Both say in the log what they answer too, once for each user.
logging.disable(logging.CRITICAL)


def users(of):
    return (f"user-{number}" for number in range(of)) if isinstance(of, int) else of


def answer(core, flag, user, attributes, values):
    try:
        details = core.resolve_object_value(flag, {}, EvaluationContext(user, attributes))
    except OpenFeatureError as error:
        return f"!{error.error_code.value}"
    if details.error_code is not None:
        return f"!{details.error_code.value}"
    if details.variant not in values:
        values[details.variant] = details.value
    return details.variant


for case in json.load(sys.stdin):
    core = FlagdCore()
    values, answers, refused = {}, [], None
    attributes = case.get("attributes", {})
    try:
        core.set_flags(case["flags"])
        answers = [answer(core, case["flag"], user, attributes, values) for user in users(case["users"])]
    except OpenFeatureError as error:
        refused = str(error)
    json.dump({"answers": answers, "refused": refused, "values": values}, sys.stdout)
    sys.stdout.write("\n")
