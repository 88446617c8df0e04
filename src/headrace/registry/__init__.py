"""The model registry: versions and stages in git's tags, under gto's names, with evidence.

tags, evidence, people      what a tag's name and message say, and who made it
read, standing, ledger      the tags through one process; who is in which stage; the next tag
state                       what a name such as `model#prod` stands for
artifact, parts, snapshot   which file, how far a version is from the last, what a commit holds
register, promote, back     the commands that write a tag; stages, compare, approvals, ask help them
links, chain, decisions, signatures    what an audit holds against what, link by link
facts, timeline, audit                 the life of every version
past, incidents                        what became of each incident, and who decided about it
batch, batches, reign                  the live batches, and who was in the last stage meanwhile
said, terminal, markdown, as_json, page    the forms in which an audit is shown
joined                      events that the page shows as one
"""
