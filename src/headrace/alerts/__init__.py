"""Live alerts: rules on what the monitor found, incidents in git, and people who decide.

rules, reading          the block `live` of gates.yaml, and what it says of each batch
incident, runs          an incident, and from which batch to which it goes
content, folder         the file that it lies in, as JSON; the folder alerts/
update                  what new figures make of the incidents: what is to be told
telling, wording        who is told, once; the words
webhook, issues         a receiver of JSON, and GitHub's issues
issue_text              what an issue says, and what it remembers
decide, command         a person's decision, and the words of `headrace alert`
"""
