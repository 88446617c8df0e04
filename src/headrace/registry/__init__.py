"""The model registry: versions and stages in git's tags, under gto's names, with evidence.

tags, events            what a tag's name and message hold, and who made it
stage_state, event_log  the version in each stage; one artifact's events, and the next one
snapshot                what a commit holds of a study
approvals, signatures   who may approve what; whether a tag's signature is good
resolve, fetch          the version and the bundle for a name such as `model#prod`
register                the command that makes a version of HEAD
stage_change, promote, rollback    the commands that change who is in a stage
check, checks, decision_checks     what an audit verifies of each event
alert_history, incidents           incidents from git's history
live_batches, active_versions      live batches, and the version then in production
timeline, audit, audit_command     the history of every version, with the results of the checks
text, terminal, markdown, page     the forms in which an audit is shown
"""
