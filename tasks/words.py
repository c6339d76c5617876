"""What an analyst is told when a run ends without a result: a code and a sentence from this table, and nothing else.

Messages of errors are for the custodian. They name paths and lines, and some come from the worker, whose word does not leave the pod
before the gate has seen it.
"""

from __future__ import annotations

GENERAL = "failed"

SENTENCES = {
    "refused": "This pod did not accept the task. Ask its custodian for a grant that covers it.",
    "message_refused": "The message was refused. Check this machine's clock, and ask again.",
    "bad_task": "The pod does not know this algorithm or protocol, or not with these parameters.",
    "nothing_new": "There is nothing new since this task last ran here.",
    "not_grown": "The source has not grown by as much as this task asks for.",
    "too_few_new": "Too few datapoints differ from those of the last release. The task waits for more.",
    "overtaken": "Other runs were faster than this one whenever it was tried. Ask again.",
    "bad_state": "What this pod kept of earlier runs cannot be used any more; its custodian's log has the reason.",
    "state_version": "What this pod kept of earlier runs is of another version of Podium; its custodian's log has the reason.",
    "no_history": "This pod keeps no history of datapoints, so no task can repeat here.",
    "contract": "The data do not meet this pod's contract at present; its custodian has been told.",
    "drift": "The data have changed, and the pod's custodian has not accepted that yet. Ask again later.",
    "unknown_datasource": "This pod serves no datasource of that name.",
    "no_schema": "The pod has no schema of this datasource yet; ask again later.",
    "unknown_column": "The datasource does not have every column that was asked for.",
    "not_numeric": "The column holds no numbers.",
    "not_continuous": "The column's numbers are codes, not amounts.",
    "by_not_categorical": "The grouping column is not categorical.",
    "filter_column": "A column of the filter could single people out.",
    "filter_type": "The filter compares a column with something of another type.",
    "not_a_feature": "A column is neither a number, a boolean nor categorical, and cannot be a feature.",
    "not_binary": "The target does not have two outcomes, or not as it was asked for.",
    "no_levels": "A categorical feature needs its levels.",
    "not_categorical": "Levels were given for a column that has none.",
    "unanswered": "Nobody at the pod decided in time. Ask again.",
    "expired": "The next round did not come in time.",
    "data_changed": "The data changed between two rounds. Ask again.",
    "not_finite": "The column holds a value that is not a finite number.",
    "overflow": "The sum is too large to be told exactly.",
    "worker_timeout": "The computation took longer than this pod allows.",
    "worker_memory": "The computation needed more memory than this pod allows.",
    "cancelled": "The run was cancelled, by you or by the pod's custodian.",
    GENERAL: "The run failed at the pod; its custodian's log has the reason.",
}


def public(code: str) -> tuple[str, str]:
    """The code and the sentence that may leave the pod for this inner code."""
    code = code if code in SENTENCES else GENERAL
    return code, SENTENCES[code]
